#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { COMMANDS } from './commands.ts'
import { parse } from './terminal/arguments.ts'
import { errorLines, Interrupted, UsageError } from './terminal/errors.ts'
import { help } from './terminal/help.ts'
import { createOutput } from './terminal/output.ts'

const DONE = 0
const FAILED = 1
const WRONG_USAGE = 2
/** 128 and the number of SIGINT, the convention of shells. */
const INTERRUPTED = 130

async function main(argv: readonly string[], interrupted: AbortSignal): Promise<number> {
  const request = parse(argv, COMMANDS)
  switch (request.kind) {
    case 'help':
      process.stdout.write(help(COMMANDS, request.topic))
      return DONE
    case 'version':
      process.stdout.write(`${version()}\n`)
      return DONE
    case 'run': {
      const { command, positionals, flags } = request
      const out = createOutput(flags.has('json'))
      const code = await command.run({
        flags,
        positionals,
        readOnly: command.readOnly === true,
        out,
        interrupted,
      })
      return interrupted.aborted ? INTERRUPTED : code
    }
  }
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** @returns the exit code */
function report(error: unknown, interrupted: boolean): number {
  if (interrupted) {
    const progress = error instanceof Interrupted ? `: ${error.message}` : ''
    process.stderr.write(`pawl: interrupted${progress}\n`)
    return INTERRUPTED
  }
  process.stderr.write(`pawl: ${errorLines(error).join('\n  ')}\n`)
  if (!(error instanceof UsageError)) return FAILED
  process.stderr.write('Run `npx pawl --help` for help.\n')
  return WRONG_USAGE
}

const interruption = new AbortController()
process.on('SIGINT', () => {
  // Closing the connections can take seconds; a second Ctrl-C does not wait for it.
  if (interruption.signal.aborted) process.exit(INTERRUPTED)
  interruption.abort()
})
process.exitCode = await main(process.argv.slice(2), interruption.signal).catch((error: unknown) =>
  report(error, interruption.signal.aborted),
)
