import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { pathOf } from './harness/command.ts'
import { comparisonTable, isComparison, sizingTable } from './publish/comparison.ts'
import { panelsOf } from './publish/panels.ts'
import { machineNotes, peersNote, readResults, settingsNote } from './publish/results.ts'
import { drawPicture } from './publish/svg.ts'
import { budgetBlocks, detailBlocks, limitBlocks, markdown, replaceParts } from './publish/tables.ts'

const HELP = `Writes the tables of the performance page and draws its picture.

Usage: npm run bench:publish -- [file]

  file    The figures, as npm run bench -- --json wrote them (default: bench/results.json).
  --help  Show this help.

Figures of the suite compare make the picture and the comparison. Figures of a run with --check make the budgets.
Without them, the page keeps what it has.
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
  const { figures } = results
  const notes = machineNotes(results)
  const parts: Record<string, readonly string[]> = {}
  if (isComparison(figures)) {
    const peers = await peersNote()
    const title = 'What sessions cost, on Express'
    await writeFile(PICTURE, drawPicture({ title, panels: panelsOf(figures), notes: [...notes, peers] }))
    parts['comparison'] = [markdown(comparisonTable(figures)), ...notes, peers, ...settingsNote(results)]
    parts['sizing'] = [markdown(sizingTable(figures))]
  }
  // Runs of the comparison alone hold its budgets, but not all.
  if (figures.some(({ id, budget }) => budget !== undefined && !id.startsWith('compare.'))) {
    parts['budgets'] = [...budgetBlocks(figures), ...notes]
    // Suites that failed leave the page as it was.
    for (const [name, blocks] of Object.entries({
      limits: limitBlocks(figures),
      details: detailBlocks(figures),
    }))
      if (blocks.length > 0) parts[name] = blocks
  }
  if (Object.keys(parts).length === 0) throw new Error(`${path} holds neither a comparison nor budgets.`)
  await writeFile(PAGE, replaceParts(await readFile(PAGE, 'utf8'), parts))
  console.log(`Wrote ${Object.keys(parts).join(', ')} of the performance page`)
}
