import { parseArgs } from 'node:util'
import { pathOf, withDatabases, writeReport } from './harness/command.ts'
import { byBudget, type Figure, printFigures, printTable, withinBudget } from './harness/figures.ts'
import { answerOf, startProcess } from './harness/processes.ts'
import { redisVersion } from './harness/redis.ts'
import { comparisonTable, isComparison } from './publish/comparison.ts'
import { COMPARED } from './servers/compared.ts'
import { CHECKED, SUITES } from './suites/index.ts'
import type { SuiteCall } from './suites/run.ts'

const HELP = `Measures what Pawl costs, and compares it with what is used instead.

Usage: npm run bench -- [suite ...] [options]

Suites (default: compare):
${Object.entries(SUITES)
  .map(([name, [duration, measures]]) => `  ${name.padEnd(9)}${duration.padEnd(8)}${measures}`)
  .join('\n')}

Options:
  --check        Run the suites that have budgets, and fail if a budget is lost. Half an hour.
  --quick        Check that the suites work. The figures are not reliable, and no budget is lost.
  --json [file]  Write the figures to a file that ends in .json (default: bench/results.json).
  --help         Show this help.

The suites run on an embedded PostgreSQL with default settings. To use another server, set DATABASE_URL
to a role that may create databases. The suites space, growth and fleet need 4 GB of disk.
Install redis-server to compare with Redis, and pgbench to compare refreshes with bare updates.
`

/** Milliseconds after which a suite counts as hung. */
const SUITE_TIMEOUT = 3_600_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
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
} else await run(names.length > 0 ? names : values.check ? CHECKED : ['compare'])

async function run(suites: readonly string[]): Promise<void> {
  const { check, quick, json } = values
  const figures: Figure[] = []
  const failed: string[] = []
  const startedAt = performance.now()
  const secondsSince = (at: number): number => Math.round((performance.now() - at) / 1000)
  for (const name of suites) console.log(`${name} (${SUITES[name]![0]}): ${SUITES[name]![1]}`)
  if (suites.includes('compare'))
    console.log(`compare runs in turn: ${COMPARED.map(({ label }) => label).join('; ')}`)

  await withDatabases(async (databases, signal) => {
    for (const name of suites) {
      const suiteStartedAt = performance.now()
      try {
        const measured = await runSuite({ name, quick, database: await databases.create() }, signal)
        console.log(`\n${name}, ${secondsSince(suiteStartedAt)} s`)
        if (isComparison(measured)) {
          const { head, rows } = comparisonTable(measured)
          // A table with a column for each library is too wide for a terminal.
          printTable(head.map((title, column) => [title, ...rows.map((row) => row[column]!)]))
          printFigures(measured.filter(({ budget }) => budget !== undefined))
        } else printFigures(measured)
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
    const lost = budgets.filter((figure) => !withinBudget(figure))
    console.log(`\n${budgets.length - lost.length} of ${budgets.length} budgets kept, ${seconds} s`)
    if (quick) console.log('Quick run: these figures are not reliable.')
    else if (lost.length > 0) console.log(`Lost: ${lost.map(({ id }) => id).join(', ')}`)
    if (failed.length > 0) console.error(`Failed: ${failed.join(', ')}`)
    if (failed.length > 0 || (check && !quick && lost.length > 0)) process.exitCode = 1
    if (!json) return
    const postgres = await databases.settings()
    const redis = await redisVersion()
    const reported = byBudget(figures).map((figure) => ({
      ...figure,
      holds: figure.budget === undefined ? null : withinBudget(figure),
    }))
    const report = { postgres, redis, quick, seconds, failed, figures: reported }
    await writeReport(pathOf(file, 'results.json'), report)
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
