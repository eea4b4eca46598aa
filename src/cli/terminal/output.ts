import { toJson, wrapped } from './text.ts'

/** Longest line of prose. */
const PROSE = 100

/** Results go to stdout, everything said along the way to stderr. */
export interface Output {
  readonly json: boolean
  /** Columns of the terminal; infinite where there is none. */
  readonly width: number
  /** The result: `value` with `--json`, else `words`. */
  result(value: unknown, words: () => string): void
  /** A paragraph of a result, broken between words. */
  prose(text: string): string
  /** Something worth knowing that is no result. */
  note(text: string): void
}

export function createOutput(json: boolean): Output {
  const width = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY
  // `pawl … | head` closes the pipe early, which is nobody's mistake.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  return {
    json,
    width,
    result(value, words) {
      process.stdout.write(`${json ? toJson(value) : words()}\n`)
    },
    prose: (text) => wrapped(text, Math.min(width, PROSE)),
    note(text) {
      process.stderr.write(`${text}\n`)
    },
  }
}
