import type { Figure } from './report.ts'

/** What a suite gets. */
export interface Settings {
  /** A minute or two for everything, with figures that are good for a look only. */
  readonly quick: boolean
  /** Also what takes longer than everything else together. */
  readonly full: boolean
  /** An empty database of the suite's own, on a PostgreSQL with default durability. */
  readonly database: string
  /** Tells what is being done, and which share of it is done. */
  readonly progress: (step: string, done?: number) => void
}

/** One file of `suites/`. */
export type Suite = (settings: Settings) => Promise<Figure[]>
