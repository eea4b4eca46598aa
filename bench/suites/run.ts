import { extname } from 'node:path'
import { argument } from '../harness/processes.ts'
import { createProgress } from '../harness/progress.ts'
import type { Suite, SuiteOptions } from '../harness/suite.ts'

/** The argument of a suite's process. */
export type SuiteCall = Omit<SuiteOptions, 'progress'> & { readonly name: string }

const { name, ...options } = argument<SuiteCall>()
const progress = createProgress()
const suites: Record<string, Suite> = await import(`./${name}${extname(import.meta.url)}`)
const figures = await suites[name]!({
  ...options,
  progress: (step, done) => progress.show(`${name}: ${step}`, done),
})
progress.clear()
// The other libraries leave timers behind, which would keep the process alive.
process.send!(figures, () => process.exit())
