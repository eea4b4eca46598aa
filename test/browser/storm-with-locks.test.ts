import { browserTest } from './support/browser-test.ts'
import { STORM_TIMEOUT, storm } from './support/storm.ts'

browserTest(
  '100 random runs of several tabs with locks and a channel log nobody out',
  // A second attempt would have another seed.
  { timeout: STORM_TIMEOUT, retry: 0 },
  () => storm({ runs: 100, coordinated: true }),
)
