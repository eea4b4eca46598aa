import { browserTest } from '../browser/support/browser-test.ts'
import { WEBSITES } from './support/devices.ts'
import { STORM_TIMEOUT, storm } from './support/storm.ts'

browserTest('40 random runs in header mode log nobody out', { timeout: STORM_TIMEOUT }, () =>
  storm(WEBSITES[1]!, 40),
)
