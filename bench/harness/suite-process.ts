import { SUITES } from '../suites/index.ts'
import { createProgress } from './progress.ts'
import type { Settings } from './suite.ts'

/** What the process of a suite is told. */
export type Order = Omit<Settings, 'progress'> & { readonly suite: string }

const { suite, ...settings } = JSON.parse(process.argv[2]!) as Order
const progress = createProgress()
const run = await SUITES[suite]!()
const figures = await run({
  ...settings,
  progress: (step, done) => progress.show(`${suite}: ${step}`, done),
})
progress.clear()
// Peers leave timers behind, so the process would not end by itself.
process.send!(figures, () => process.exit())
