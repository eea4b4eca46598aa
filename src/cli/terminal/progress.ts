import { count } from '../../portable/format.ts'

/** Without a terminal, one line for this many rows. */
const ROWS_PER_LINE = 10_000
const RETURN_AND_CLEAR = '\r\u001b[K'

export interface Progress {
  readonly done: number
  update(done: number): void
  /** Clears the progress line. */
  end(): void
}

/**
 * Shows the progress of work on many rows, on stderr.
 *
 * @param label a past participle: `revoked`
 * @param silent with `--json`
 * @param total `null` if it is unknown
 */
export function createProgress(label: string, silent: boolean, total: number | null = null): Progress {
  const terminal = process.stderr.isTTY
  const ofTotal = total === null ? '' : ` of ${count(total)}`
  let done = 0
  let printed = 0
  let lineShown = false
  return {
    get done() {
      return done
    },
    update(now) {
      done = now
      if (silent || done === 0) return
      const line = `${label} ${count(done)}${ofTotal}`
      if (terminal) {
        process.stderr.write(`${RETURN_AND_CLEAR}${line} …`)
        lineShown = true
      } else if (done - printed >= ROWS_PER_LINE) {
        printed = done
        process.stderr.write(`${line}\n`)
      }
    },
    end() {
      if (lineShown) process.stderr.write(RETURN_AND_CLEAR)
      lineShown = false
    },
  }
}
