import { browserTest } from './support/chromium.ts'
import { storm } from './support/storm.ts'

browserTest('in 100 random runs of several tabs with locks and a channel nobody is logged out', () =>
  storm({ runs: 100, coordinated: true }),
)
