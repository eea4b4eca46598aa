import { count } from './text.ts'

/** Where stderr is no terminal, one line per so many rows. */
const EVERY = 10_000
const BACK_AND_CLEAR = '\r\u001b[K'

export interface Progress {
  readonly done: number
  update(done: number): void
  /** Takes the line away. */
  end(): void
}

/**
 * How far long work has come, on stderr.
 *
 * @param label what is done to how many: `ended`
 * @param silent with `--json`
 * @param total where it is known
 */
export function createProgress(label: string, silent: boolean, total: number | null = null): Progress {
  const terminal = process.stderr.isTTY
  const of = total === null ? '' : ` of ${count(total)}`
  let done = 0
  let told = 0
  let shown = false
  return {
    get done() {
      return done
    },
    update(now) {
      done = now
      if (silent || done === 0) return
      const line = `${label} ${count(done)}${of}`
      if (terminal) {
        process.stderr.write(`${BACK_AND_CLEAR}${line} …`)
        shown = true
      } else if (done - told >= EVERY) {
        told = done
        process.stderr.write(`${line}\n`)
      }
    },
    end() {
      if (shown) process.stderr.write(BACK_AND_CLEAR)
      shown = false
    },
  }
}
