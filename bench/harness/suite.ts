import type { Figure } from './figures.ts'

export interface SuiteOptions {
  /** Fewer rounds and smaller tables: checks that a suite works, and gives no reliable figures. */
  readonly quick: boolean
  /** URL of an empty database of the suite's own. */
  readonly database: string
  /** @param done the completed share of the step */
  readonly progress: (step: string, done?: number) => void
}

export type Suite = (options: SuiteOptions) => Promise<Figure[]>
