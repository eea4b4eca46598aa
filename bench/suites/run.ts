import { argument } from '../harness/processes.ts'
import { createProgress } from '../harness/progress.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { SUITES } from './index.ts'

/** The arguments of a suite's process. */
export type SuiteCall = Omit<SuiteOptions, 'progress'> & { readonly name: string }

const { name, ...options } = argument<SuiteCall>()
const progress = createProgress()
const suite = await SUITES[name]!.load()
const figures = await suite({
  ...options,
  progress: (step, done) => progress.show(`${name}: ${step}`, done),
})
progress.clear()
// The other libraries leave timers behind, which would keep the process alive.
process.send!(figures, () => process.exit())
