import { parseArgs } from 'node:util'
import { pathOf, withDatabases, writeReport } from './harness/command.ts'
import { printFigures, withinBudget } from './harness/figures.ts'
import { createProgress } from './harness/progress.ts'
import { figuresOf } from './soak/figures.ts'
import { soak } from './soak/run.ts'

const HELP = `Runs mixed traffic of 300 clients on two servers and checks that memory, delays and latencies stay flat.

Usage: npm run bench:soak -- [options]

  --minutes N    How long it runs, 1 to 1440 (default: 10). Less than five minutes tell little.
  --json [file]  Write the figures and all samples to a file (default: bench/soak.json).
  --help         Show this help.

Exit code 1 if a request fails, or if the last third of the samples exceeds the middle third by more than
10 % (memory), 30 % (p50) or 50 % (p99, delays). Other load on the machine can cause that, too.

It runs on an embedded PostgreSQL with default settings. To use another server, set DATABASE_URL to a role
that may create databases.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const minutes = Number(values.minutes)
const [file, ...rest] = positionals
const isValid =
  Number.isInteger(minutes) &&
  minutes >= 1 &&
  minutes <= 1440 &&
  rest.length === 0 &&
  (file === undefined || values.json)

if (values.help) console.log(HELP)
else if (!isValid) {
  console.error(HELP)
  process.exitCode = 2
} else {
  const progress = createProgress()
  await withDatabases(async (databases, signal) => {
    const database = await databases.create()
    signal.throwIfAborted()
    const samples = await soak({ database, minutes, progress: progress.show, signal }).finally(progress.clear)
    const figures = figuresOf(samples)
    printFigures(figures)
    const exceeded = figures.filter((figure) => !withinBudget(figure)).map(({ id }) => id)
    console.log(exceeded.length === 0 ? '\nFlat' : `\nNot flat: ${exceeded.join(', ')}`)
    if (exceeded.length > 0) process.exitCode = 1
    if (!values.json) return
    const postgres = await databases.settings()
    await writeReport(pathOf(file, 'soak.json'), { postgres, minutes, figures, samples })
  })
}
