import { toJson, wrapped } from './text.ts'

const MAX_PROSE_WIDTH = 100

/** Results go to stdout, everything else to stderr. */
export interface Output {
  readonly json: boolean
  /** Columns of the terminal; infinite without a terminal. */
  readonly width: number
  /** Prints `value` with `--json`, otherwise the text. */
  result(value: unknown, text: () => string): void
  /** Breaks a paragraph between words. */
  prose(text: string): string
  /** Prints a line to stderr. */
  note(text: string): void
}

export function createOutput(json: boolean): Output {
  const width = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY
  // `pawl … | head` closes the pipe early, which is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  return {
    json,
    width,
    result(value, text) {
      process.stdout.write(`${json ? toJson(value) : text()}\n`)
    },
    prose: (text) => wrapped(text, Math.min(width, MAX_PROSE_WIDTH)),
    note(text) {
      process.stderr.write(`${text}\n`)
    },
  }
}
