import { parseArgs } from 'node:util'
import { loseCommits } from './lost-commits.ts'
import { brokenGuarantees, type Report, textOf } from './report.ts'
import { FAST, REAL_TIME } from './settings.ts'
import { storm } from './storm.ts'
import { runZeroRows } from './zero-rows-part.ts'

const HELP = `Tests Pawl under failures: several processes and a real PostgreSQL, killed and disconnected at random,
hundreds of clients on an unreliable network, and thieves.

Usage: npm run test:chaos -- [options]

  --seconds <n>    Duration of the storm, plus about a minute to settle. Default 120.
  --seed <n>       Repeats the plan of a run: clients, thefts, failures. The timing differs, so two
                   runs with one seed are similar, not identical. Default: random, and printed.
  --clients <n>    Default 200.
  --processes <n>  At least 2. Default 3.
  --thefts <n>     Default: one for every five clients.
  --part <name>    Run only storm, lost-commits or zero-rows. May be given several times.
  --fast           The sessions' clock runs faster than real time, for short runs.
  --no-restore     Without the point-in-time restore at the end.
  --json           Print one JSON object; progress goes to stderr.
  --help           Show this help.

Exit codes: 0 every guarantee held, 1 one was broken, 2 wrong usage, 130 interrupted.
`

const PARTS = ['storm', 'lost-commits', 'zero-rows']

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort(signal))

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '120' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      clients: { type: 'string', default: '200' },
      processes: { type: 'string', default: '3' },
      thefts: { type: 'string' },
      part: { type: 'string', multiple: true, default: PARTS },
      fast: { type: 'boolean', default: false },
      'no-restore': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const seed = whole('seed', values.seed, 0, 2 ** 32)
  const seconds = whole('seconds', values.seconds, 5, 3600)
  const clients = whole('clients', values.clients, 1, 1000)
  const processes = whole('processes', values.processes, 2, 8)
  const thefts = whole('thefts', values.thefts ?? String(Math.ceil(clients / 5)), 0, clients)
  for (const part of values.part) if (!PARTS.includes(part)) usage(`--part takes ${PARTS.join(', ')}`)

  const startedAt = Date.now()
  const say = (text: string): void => {
    const line = `[${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)}] ${text}\n`
    ;(values.json ? process.stderr : process.stdout).write(line)
  }
  say(`seed ${seed}`)
  const stopped = stop.signal
  const wants = (part: string): boolean => values.part.includes(part) && !stopped.aborted
  const report: Report = {
    seed,
    seconds,
    clients,
    storm: wants('storm')
      ? await storm({
          seed,
          seconds,
          clients,
          processes,
          thefts,
          lifetimes: { ...(values.fast ? FAST : REAL_TIME), epoch: startedAt },
          restore: !values['no-restore'],
          stopped,
          say,
        })
      : null,
    lostCommits: wants('lost-commits')
      ? await loseCommits({ seed, clients: 100, kills: 8, stopped }, say)
      : null,
    zeroRows: wants('zero-rows') ? await runZeroRows({ seed, clients: 100, rounds: 20, stopped }) : null,
  }
  stopped.throwIfAborted()
  const broken = brokenGuarantees(report)
  if (values.json) process.stdout.write(`${JSON.stringify({ ...report, broken }, null, 2)}\n`)
  else process.stdout.write(`\n${textOf(report, broken)}\n`)
  process.exitCode = broken.length === 0 ? 0 : 1
}

function whole(name: string, value: string, min: number, max: number): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < min || number > max)
    usage(`--${name} takes a whole number from ${min} to ${max}`)
  return number
}

function usage(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

try {
  await main()
} catch (error) {
  if (stop.signal.aborted) process.exitCode = 130
  else {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    process.exitCode = /ERR_PARSE_ARGS/.test((error as { code?: string }).code ?? '') ? 2 : 1
  }
}
// An explicit exit, because Node 20 sometimes hangs in Environment::CleanupHandles while it closes broken sockets.
process.stdout.write('', () => process.exit())
