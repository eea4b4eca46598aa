import { createInterface } from 'node:readline/promises'
import type { Context } from '../command.ts'
import { Failure, UsageError } from './errors.ts'

/** Asks the operator before data is destroyed. @throws Failure unless the answer is yes */
export type Confirm = (question: string) => Promise<void>

/**
 * @param consequence the effect that `--yes` confirms, for the message if there is no terminal
 * @throws UsageError without `--yes` and without a terminal, before the command does anything
 */
export function confirmation({ flags, interrupted }: Context, consequence: string): Confirm {
  if (flags.has('yes')) return async () => {}
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError(
      `${consequence}, and there is no terminal to ask for confirmation. Add --yes to confirm.`,
    )
  }
  return async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    // In raw mode Ctrl-C arrives as a character, not as a signal.
    lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
    const endOfInput = new Promise<null>((resolve) => lines.once('close', () => resolve(null)))
    try {
      const answer = await Promise.race([
        lines.question(`${question} [y/N] `, { signal: interrupted }).catch(() => ''),
        endOfInput,
      ])
      if (answer === null) process.stderr.write('\n')
      if (!/^y(?:es)?$/i.test(answer?.trim() ?? '')) throw new Failure('canceled. Nothing was changed.')
    } finally {
      lines.close()
    }
  }
}
