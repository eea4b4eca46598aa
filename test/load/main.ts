import { parseArgs } from 'node:util'
import { errorLines, UsageError } from '../../src/cli/terminal/errors.ts'
import { connectionStringMistake } from '../../src/postgres/connection-string.ts'
import { checkSchemaName } from '../../src/postgres/names.ts'
import { commandHook } from './hooks.ts'
import { LOAD_SCHEMA, type LoadOptions } from './options.ts'
import { brokenGuarantees, textOf } from './report.ts'
import { runLoad } from './run.ts'

const HELP = `Tries Pawl on your database: honest users log in, verify, refresh, list and log out, while your commands
kill, freeze or switch over what the database runs on. Nobody may be logged out, and no revoked session may come back.

Usage: npm run load -- --url <url> [options]

  --url <url>         The database. Several are dealt to the processes in turn; the first also makes the
                      tables, so name Citus' coordinator first. Default: DATABASE_URL.
  --listen <url>      Where the processes LISTEN, behind a pooler; false: they only poll. Several are dealt
                      to the processes in turn. Default: the database.
  --seconds <n>       How long users act, 5 to 3600. Default 60. Then every user comes back once more, which
                      takes seconds, or up to two minutes if the database is away.
  --processes <n>     1 to 16. Default 4.
  --clients <n>       Users for each process, 1 to 500. Default 30. A user acts every 0.2 to 1 s, at any process.
  --pace <n>          How much faster users act, 0.1 to 100. Default 1.
  --at <s>:<command>  Run a shell command s seconds after the start. May be given several times. DATABASE_URL
                      is the first --url.
  --schema <name>     The schema of the tables. Default ${LOAD_SCHEMA}. Do not name one that an application uses:
                      the run has lifetimes of its own. A schema with signing keys needs their
                      secret in the variable PAWL_SECRET.
  --keep              Do not drop the schema at the end. A schema that no run has made stays in any case.
  --json              Print one JSON object; progress goes to stderr.
  --help              Show this help.

Example: npm run load -- --url postgres://… --at "20:patronictl switchover --force"

Exit codes: 0 every guarantee held, 1 one was broken or the load could not run, 2 wrong usage, 130 interrupted.
`

const MAX_HOOKS = 100

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', multiple: true, default: [] },
      listen: { type: 'string', multiple: true, default: [] },
      seconds: { type: 'string', default: '60' },
      processes: { type: 'string', default: '4' },
      clients: { type: 'string', default: '30' },
      pace: { type: 'string', default: '1' },
      at: { type: 'string', multiple: true, default: [] },
      schema: { type: 'string', default: LOAD_SCHEMA },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const seconds = whole('seconds', values.seconds, 5, 3600)
  const urls = urlsOf(values.url)
  const startedAt = Date.now()
  const output = values.json ? 2 : 1
  const hookOptions = { url: urls[0]!, stopped: stop.signal, output } as const
  const secret = secretOf(process.env['PAWL_SECRET'])
  const options: LoadOptions = {
    urls,
    ...(values.listen.length > 0 && { listen: values.listen.map(listenOf) }),
    seconds,
    processes: whole('processes', values.processes, 1, 16),
    clients: whole('clients', values.clients, 1, 500),
    pace: number('pace', values.pace, 0.1, 100),
    schema: checkSchemaName('schema', values.schema),
    keep: values.keep,
    ...(secret !== null && { secret }),
    hooks: commandsOf(values.at, seconds).map(([at, command]) => commandHook(at, command, hookOptions)),
    stopped: stop.signal,
    say(text) {
      const line = `[${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)}] ${text}\n`
      ;(values.json ? process.stderr : process.stdout).write(line)
    },
  }
  const report = await runLoad(options)
  const broken = brokenGuarantees(report)
  if (values.json) process.stdout.write(`${JSON.stringify({ ...report, broken }, null, 2)}\n`)
  else process.stdout.write(`\n${textOf(report)}\n`)
  process.exitCode = stop.signal.aborted ? 130 : broken.length === 0 ? 0 : 1
}

function urlsOf(given: readonly string[]): readonly string[] {
  const fromEnvironment = process.env['DATABASE_URL'] ?? ''
  if (given.length === 0 && fromEnvironment === '')
    throw new UsageError('no database is given. Add --url, or set DATABASE_URL.')
  for (const url of given) checkUrl('--url', url)
  if (given.length > 0) return given
  checkUrl('DATABASE_URL', fromEnvironment)
  return [fromEnvironment]
}

function listenOf(value: string): string | boolean {
  if (value === 'false') return false
  checkUrl('--listen', value)
  return value
}

/** Does not repeat the URL, which may hold a password. */
function checkUrl(source: string, url: string): void {
  const mistake = connectionStringMistake(url)
  if (mistake !== null) throw new UsageError(`${source} ${mistake}`)
}

/** Several are separated by commas, as for `npx pawl`. */
function secretOf(value: string | undefined): readonly string[] | null {
  return value === undefined || value === '' ? null : value.split(',')
}

function commandsOf(given: readonly string[], seconds: number): [at: number, command: string][] {
  if (given.length > MAX_HOOKS) throw new UsageError(`--at may be given ${MAX_HOOKS} times`)
  return given.map((text) => {
    const [, time = '', command = ''] = /^([^:]*):(.*)$/s.exec(text) ?? []
    if (time.trim() === '' || command.trim() === '') throw new UsageError('--at takes <seconds>:<command>')
    const at = number('at', time, 0, seconds)
    return [at, command]
  })
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max)
    throw new UsageError(`--${name} takes a whole number from ${min} to ${max}`)
  return value
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= min && value <= max))
    throw new UsageError(`--${name} takes a number from ${min} to ${max}`)
  return value
}

try {
  await main()
} catch (error) {
  const usage =
    error instanceof UsageError ||
    (error as { code?: string }).code === 'ERR_INVALID_OPTIONS' ||
    /^ERR_PARSE_ARGS/.test((error as { code?: string }).code ?? '')
  const line = stop.signal.aborted ? 'interrupted before users acted' : errorLines(error).join('; ')
  process.stderr.write(`load: ${line}\n`)
  process.exitCode = stop.signal.aborted ? 130 : usage ? 2 : 1
}
// An explicit exit, because Node 20 sometimes hangs in Environment::CleanupHandles while it closes broken sockets.
process.stdout.write('', () => process.exit())
