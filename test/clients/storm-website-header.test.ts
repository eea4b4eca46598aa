import { browserTest } from '../browser/support/browser-test.ts'
import { WEBSITES } from './support/devices.ts'
import { storm } from './support/storm.ts'

browserTest('40 random runs in header mode log nobody out', () => storm(WEBSITES[1]!, 40))
