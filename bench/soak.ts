import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createDatabases } from './harness/database.ts'
import { machine } from './harness/machine.ts'
import { createProgress } from './harness/progress.ts'
import { type Figure, holds, printFigures } from './harness/report.ts'
import { flatness, printSamples } from './soak/flatness.ts'
import { type Sample, soak } from './soak/run.ts'

const HELP = `Mixed traffic over HTTP and PostgreSQL for a while: memory, delays and latencies have to be flat at the end.

Usage: npm run bench:soak -- [options]

  --minutes N      for how long, 1 to 1440 (10)
  --processes N    how many servers share the sessions, 1 to 16 (2)
  --users N        how many clients, 20 to 10000 (300)
  --json [file]    every sample and what came of it (bench/soak.json)
  --help           this

Exit code 1 when the last third of the samples is above the middle third by more than 10 % (memory), 30 % (p50) or
50 % (p99, delays), and at once when a request is not answered as it has to be. Less than five minutes are for a
look, and so is a machine where others work. Uses a PostgreSQL of its own as it comes, or DATABASE_URL (a role that
may create databases).
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '10' },
    processes: { type: 'string', default: '2' },
    users: { type: 'string', default: '300' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const minutes = within(values.minutes, 1, 1440)
const processes = within(values.processes, 1, 16)
const users = within(values.users, 20, 10_000)
const [file = null, ...rest] = positionals
if (values.help) console.log(HELP)
else if (
  minutes === null ||
  processes === null ||
  users === null ||
  rest.length > 0 ||
  (file !== null && !values.json)
) {
  console.error(HELP)
  process.exitCode = 2
} else await run(minutes, processes, users)

async function run(minutes: number, processes: number, users: number): Promise<void> {
  const stopped = new AbortController()
  const stop = (signal: NodeJS.Signals): void => stopped.abort(new Error(signal))
  // A second one is not waited for.
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const { signal } = stopped
  const databases = createDatabases()
  const progress = createProgress()
  try {
    const database = await databases.create()
    signal.throwIfAborted()
    const samples = await soak({ database, minutes, processes, users, progress: progress.show, signal })
    const settings = await databases.settings()
    progress.clear()
    const figures = flatness(samples)
    print(samples, figures)
    if (values.json) await write({ postgres: settings, minutes, processes, users, figures, samples })
  } catch (error) {
    process.exitCode = 1
    progress.clear()
    console.error(signal.aborted ? 'stopped' : error)
  } finally {
    await databases.remove()
  }
}

function print(samples: readonly Sample[], figures: readonly Figure[]): void {
  printSamples(samples)
  printFigures(figures)
  const failed = figures.filter((figure) => !holds(figure))
  console.log(failed.length === 0 ? '\nflat' : `\nnot flat: ${failed.map(({ id }) => id).join(', ')}`)
  if (failed.length > 0) process.exitCode = 1
}

async function write(found: object): Promise<void> {
  // npm has gone elsewhere from where the command was typed.
  const path = file === null ? 'soak.json' : resolve(process.env['INIT_CWD'] ?? '.', file)
  await writeFile(path, `${JSON.stringify({ ...(await machine()), ...found }, null, 2)}\n`)
  console.log(`Written to ${resolve(path)}`)
}

function within(text: string, min: number, max: number): number | null {
  const value = Number(text)
  return Number.isInteger(value) && value >= min && value <= max ? value : null
}
