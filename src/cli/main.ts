#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { COMMANDS } from './commands.ts'
import { parse } from './terminal/arguments.ts'
import { Interrupted, UsageError } from './terminal/errors.ts'
import { help } from './terminal/help.ts'
import { createOutput } from './terminal/output.ts'
import { printable } from './terminal/text.ts'

const DONE = 0
const FAILED = 1
const WRONG_USAGE = 2
/** 128 and the number of SIGINT, as shells have it. */
const INTERRUPTED = 130

async function main(argv: readonly string[], interrupted: AbortSignal): Promise<number> {
  const asked = parse(argv, COMMANDS)
  if (asked.what === 'help') {
    process.stdout.write(help(COMMANDS, asked.about))
    return DONE
  }
  if (asked.what === 'version') {
    process.stdout.write(`${version()}\n`)
    return DONE
  }
  const { command, given, flags } = asked
  const code = await command.run({ flags, given, out: createOutput(flags.has('json')), interrupted })
  return interrupted.aborted ? INTERRUPTED : code
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** One line, without a stack, and without what a URL says before its host. */
function messageOf(error: unknown): string {
  if (isMissingDriver(error)) return 'the package `pg` is needed to reach a database: npm install pg'
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return printable((line || 'it failed without saying why').replace(/:\/\/\S*@/g, '://…@'))
}

function isMissingDriver(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND' && /'pg'/.test(String(error))
}

function report(error: unknown, interrupted: boolean): number {
  if (interrupted) {
    const how = error instanceof Interrupted ? `: ${error.message}` : ''
    process.stderr.write(`pawl: interrupted${how}\n`)
    return INTERRUPTED
  }
  process.stderr.write(`pawl: ${messageOf(error)}\n`)
  if (!(error instanceof UsageError)) return FAILED
  process.stderr.write('Run `npx pawl --help` for help.\n')
  return WRONG_USAGE
}

const interruption = new AbortController()
process.on('SIGINT', () => {
  // Closing in good order takes up to seconds; whoever asks again does not want to wait.
  if (interruption.signal.aborted) process.exit(INTERRUPTED)
  interruption.abort()
})
process.exitCode = await main(process.argv.slice(2), interruption.signal).catch((error: unknown) =>
  report(error, interruption.signal.aborted),
)
