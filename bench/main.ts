import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createDatabases } from './harness/database.ts'
import { machine } from './harness/machine.ts'
import { type Figure, holds, inOrder, printFigures } from './harness/report.ts'
import { runSuite } from './harness/run-suite.ts'
import { SUITES } from './suites/index.ts'

const HELP = `What Pawl costs, beside raw limits and other libraries.

Usage: npm run bench -- [suite ...] [options]

  suites           ${Object.keys(SUITES).join(', ')}; all of them without a name
  --quick          a minute or two for everything, for a look: do not believe the figures
  --full           also how much room pages need for turns (suite space, some minutes)
  --json [file]    every figure, its target and whether it holds, those that do not first (bench/results.json)
  --help           this

Uses a PostgreSQL of its own as it comes, or DATABASE_URL (a role that may create databases), and 4 GB of disk
for a table of ten million sessions.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const [file = null] = positionals.filter((name) => name.endsWith('.json'))
const names = positionals.filter((name) => !name.endsWith('.json'))
const unknown = names.filter((name) => !(name in SUITES))
if (values.help) console.log(HELP)
else if (unknown.length > 0 || (file !== null && !values.json)) {
  console.error(unknown.length > 0 ? `There is no suite '${unknown.join("', '")}'.\n` : '')
  console.error(HELP)
  process.exitCode = 2
} else {
  await run(names.length === 0 ? Object.keys(SUITES) : names)
}

async function run(suites: readonly string[]): Promise<void> {
  const { quick, full } = values
  const stopped = new AbortController()
  const stop = (signal: NodeJS.Signals): void => stopped.abort(new Error(`stopped by ${signal}`))
  // A second one is not waited for.
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const databases = createDatabases()
  const figures: Figure[] = []
  const failed: string[] = []
  const startedAt = performance.now()
  let settings: Record<string, string>
  try {
    for (const suite of suites) {
      const database = await databases.create()
      const begunAt = performance.now()
      const found = await runSuite({ suite, quick, full, database }, stopped.signal).catch((error: Error) => {
        if (stopped.signal.aborted) throw error
        // The others' figures are still worth having.
        console.error(`\n${error.message}`)
        failed.push(suite)
        return []
      })
      console.log(`\n${suite}, ${secondsSince(begunAt)} s`)
      printFigures(found)
      figures.push(...found)
    }
    settings = await databases.settings()
  } catch (error) {
    console.error(`\n${((stopped.signal.reason ?? error) as Error).message}`)
    process.exitCode = 1
    return
  } finally {
    await databases.remove()
  }
  const seconds = secondsSince(startedAt)
  const aimed = figures.filter(({ target }) => target !== undefined)
  console.log(`\n${aimed.filter(holds).length} of ${aimed.length} targets hold; ${seconds} s`)
  if (failed.length > 0) {
    console.log(`Failed: ${failed.join(', ')}`)
    process.exitCode = 1
  }
  if (!values.json) return
  const report = {
    ...(await machine()),
    postgres: settings,
    quick,
    seconds,
    ...(failed.length > 0 && { failed }),
    figures: inOrder(figures).map((figure) => ({
      ...figure,
      holds: figure.target === undefined ? null : holds(figure),
    })),
  }
  // npm has gone elsewhere from where the command was typed.
  const path = file === null ? 'results.json' : resolve(process.env['INIT_CWD'] ?? '.', file)
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`)
  console.log(`Written to ${resolve(path)}`)
}

function secondsSince(at: number): number {
  return Math.round((performance.now() - at) / 1000)
}
