import { browserTest } from './support/browser-test.ts'
import { STORM_TIMEOUT, storm } from './support/storm.ts'

browserTest(
  '100 random runs of several tabs without locks and a channel log nobody out',
  { timeout: STORM_TIMEOUT },
  () => storm({ runs: 100, coordinated: false }),
)
