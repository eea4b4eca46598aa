/**
 * How much it matters. `problem`: something does not work. `warning`: something is slow, unsafe or will stop working. `note`:
 * good to know.
 */
export type Severity = 'problem' | 'warning' | 'note'

/** One result of the doctor. */
export interface Finding {
  /** Names the check, for programs: `autovacuum-behind`. */
  readonly id: string
  readonly severity: Severity
  /** What is wrong. */
  readonly sentence: string
  /** What to do. */
  readonly remedy: string
}
