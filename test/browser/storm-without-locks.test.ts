import { browserTest } from './support/chromium.ts'
import { storm } from './support/storm.ts'

browserTest('in 100 random runs of several tabs that know nothing of each other nobody is logged out', () =>
  storm({ runs: 100, coordinated: false }),
)
