import { createInterface } from 'node:readline/promises'
import type { Context } from '../command.ts'
import { Failure, UsageError } from './errors.ts'

/** Asks before something is destroyed. @throws Failure unless the answer is yes */
export type Confirm = (question: string) => Promise<void>

/**
 * @param consequence what `--yes` agrees to, for the one who has to add it
 * @throws UsageError before anything is done where there is nobody to ask
 */
export function confirmation({ flags, interrupted }: Context, consequence: string): Confirm {
  if (flags.has('yes')) return async () => {}
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError(`${consequence}; there is no terminal to ask on, so repeat it with --yes`)
  }
  return async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    // In raw mode Ctrl-C is a character; the end of the input answers nothing.
    lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
    const closed = new Promise<null>((resolve) => lines.once('close', () => resolve(null)))
    try {
      const answer = await Promise.race([
        lines.question(`${question} [y/N] `, { signal: interrupted }).catch(() => ''),
        closed,
      ])
      if (answer === null) process.stderr.write('\n')
      if (!/^y(?:es)?$/i.test(answer?.trim() ?? '')) throw new Failure('nothing was done')
    } finally {
      lines.close()
    }
  }
}
