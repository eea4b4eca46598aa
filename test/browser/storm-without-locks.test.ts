import { browserTest } from './support/browser-test.ts'
import { storm } from './support/storm.ts'

browserTest('100 random runs of several tabs without locks and a channel log nobody out', () =>
  storm({ runs: 100, coordinated: false }),
)
