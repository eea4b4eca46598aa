import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { pathOf } from './harness/command.ts'
import { panelsOf } from './publish/panels.ts'
import { notesOf, readResults, settingsNote } from './publish/results.ts'
import { drawPicture } from './publish/svg.ts'
import { replaceTables } from './publish/tables.ts'

const HELP = `Writes the tables of docs/understand/performance.md and draws docs/images/performance.svg.

Usage: npm run bench:publish -- [file]

  file    The figures, as npm run bench -- --json wrote them (default: bench/results.json).
  --help  Show this help.

Suites without figures are left out.
`
const PAGE = '../docs/understand/performance.md'
const PICTURE = '../docs/images/performance.svg'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', short: 'h', default: false } },
})
if (values.help) console.log(HELP)
else if (positionals.length > 1) {
  console.error(HELP)
  process.exitCode = 2
} else {
  await publish(pathOf(positionals[0], 'results.json')).catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}

async function publish(path: string): Promise<void> {
  const results = await readResults(path)
  const panels = panelsOf(results.figures)
  if (panels.length === 0) throw new Error(`${path} holds no figures that the picture compares.`)
  const title = results.quick ? 'What Pawl costs (quick run, not reliable)' : 'What Pawl costs'
  const notes = await notesOf(results)
  await writeFile(PICTURE, drawPicture({ title, panels, notes }))
  const page = await readFile(PAGE, 'utf8')
  await writeFile(PAGE, replaceTables(page, results, [...notes, ...settingsNote(results)]))
  console.log(
    `Wrote docs/understand/performance.md, and docs/images/performance.svg with ${panels.length} comparisons`,
  )
}
