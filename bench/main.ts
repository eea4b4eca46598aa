import { parseArgs } from 'node:util'
import { pathOf, withDatabases, writeReport } from './harness/command.ts'
import { byBudget, type Figure, withinBudget, printFigures } from './harness/figures.ts'
import { answerOf, startProcess } from './harness/processes.ts'
import { SUITES } from './suites/index.ts'
import type { SuiteCall } from './suites/run.ts'

const HELP = `Measures the cost of Pawl and compares it with bare SQL, plain servers and other libraries.

Usage: npm run bench -- [suite ...] [options]

Suites (default: all, 15 to 18 minutes):
${Object.entries(SUITES)
  .map(([name, [duration, measures]]) => `  ${name.padEnd(9)}${duration.padEnd(7)}${measures}`)
  .join('\n')}

Options:
  --quick        Check that the suites work, in about two minutes. The figures are not reliable.
  --json [file]  Write the figures to a file that ends in .json (default: bench/results.json).
  --help         Show this help.

The suites run on an embedded PostgreSQL with default settings. To use another server, set DATABASE_URL
to a role that may create databases. All suites together need 4 GB of disk.
The write suite compares refreshes with pgbench if that is installed.
`

/** Milliseconds after which a suite counts as hung. */
const SUITE_TIMEOUT = 3_600_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const names = positionals.filter((name) => !name.endsWith('.json'))
const [file, ...moreFiles] = positionals.filter((name) => name.endsWith('.json'))
const unknown = names.filter((name) => !(name in SUITES))

if (values.help) console.log(HELP)
else if (unknown.length > 0 || moreFiles.length > 0 || (file !== undefined && !values.json)) {
  if (unknown.length > 0) console.error(`Unknown suite: ${unknown.join(', ')}\n`)
  console.error(HELP)
  process.exitCode = 2
} else await run(names.length > 0 ? names : Object.keys(SUITES))

async function run(suites: readonly string[]): Promise<void> {
  const { quick, json } = values
  const figures: Figure[] = []
  const failed: string[] = []
  const startedAt = performance.now()
  const secondsSince = (at: number): number => Math.round((performance.now() - at) / 1000)

  await withDatabases(async (databases, signal) => {
    for (const name of suites) {
      const suiteStartedAt = performance.now()
      try {
        const measured = await runSuite({ name, quick, database: await databases.create() }, signal)
        console.log(`\n${name}, ${secondsSince(suiteStartedAt)} s`)
        printFigures(measured)
        figures.push(...measured)
      } catch (error) {
        // The figures of the other suites are still useful.
        signal.throwIfAborted()
        console.error(`\n${(error as Error).message}`)
        failed.push(name)
      }
    }
    const seconds = secondsSince(startedAt)
    const budgets = figures.filter(({ budget }) => budget !== undefined)
    console.log(`\n${budgets.filter(withinBudget).length} of ${budgets.length} budgets met, ${seconds} s`)
    if (failed.length > 0) {
      console.error(`Failed: ${failed.join(', ')}`)
      process.exitCode = 1
    }
    if (!json) return
    const postgres = await databases.settings()
    const reported = byBudget(figures).map((figure) => ({
      ...figure,
      holds: figure.budget === undefined ? null : withinBudget(figure),
    }))
    await writeReport(pathOf(file, 'results.json'), { postgres, quick, seconds, failed, figures: reported })
  })
}

/** Runs a suite in a process of its own, so that no suite inherits the compiler's state from another. */
async function runSuite(call: SuiteCall, signal: AbortSignal): Promise<Figure[]> {
  signal.throwIfAborted()
  const child = startProcess('suites/run', [call])
  const stop = (): void => void child.kill()
  signal.addEventListener('abort', stop)
  try {
    return await answerOf<Figure[]>(child, `The suite '${call.name}'`, SUITE_TIMEOUT)
  } finally {
    signal.removeEventListener('abort', stop)
    child.kill()
  }
}
