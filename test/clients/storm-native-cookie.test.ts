import { browserTest } from '../browser/support/browser-test.ts'
import { APPS } from './support/devices.ts'
import { STORM_TIMEOUT, storm } from './support/storm.ts'

browserTest('60 random runs in cookie mode log nobody out', { timeout: STORM_TIMEOUT }, () =>
  storm(APPS[0]!, 60),
)
