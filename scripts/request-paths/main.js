import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { recordRequests } from './record.js'

const HELP = `Usage: npm run paths [-- --check | --write]

Sends one request of each kind to an Express application on the memory store. Prints the files of src/ that
run, in the order of their first call, each with the function that ran first.

  --check   compare the files with the lists in ARCHITECTURE.md, and fail if they differ
  --write   write the lists into ARCHITECTURE.md
`
const PAGE = new URL('../../ARCHITECTURE.md', import.meta.url)
const SECTION = /(?<=<!-- paths -->\n).*(?=<!-- \/paths -->)/s
const COLUMNS = 3

const flag = { type: 'boolean' }
const { values: given } = parseArgs({ options: { check: flag, write: flag, help: flag } })

if (given.help) process.stdout.write(HELP)
else if (given.check || given.write) await comparePage()
else for (const [kind, files] of await recordRequests()) process.stdout.write(listForTerminal(kind, files))

async function comparePage() {
  const lists = (await recordRequests()).map(([kind, files]) => listForPage(kind, files)).join('')
  const page = readFileSync(PAGE, 'utf8')
  const [listed] = SECTION.exec(page) ?? []
  if (listed === undefined) throw new Error('ARCHITECTURE.md lacks <!-- paths --> and <!-- /paths -->')
  if (given.write)
    writeFileSync(
      PAGE,
      page.replace(SECTION, () => lists),
    )
  else if (listed !== lists) {
    process.stderr.write(
      'The lists in ARCHITECTURE.md differ from the files that run. Update: npm run paths -- --write\n',
    )
    process.exitCode = 1
  }
}

function listForTerminal(kind, files) {
  const lines = numbered([...files].map(([file, name]) => `src/${file}  ${name}`))
  return `${kind}: ${files.size} files\n${lines.join('\n')}\n\n`
}

/** Numbered downwards, in columns. */
function listForPage(kind, files) {
  const entries = numbered([...files.keys()])
  const height = Math.ceil(entries.length / COLUMNS)
  const width = Math.max(...entries.map(({ length }) => length)) + 2
  const rows = Array.from({ length: height }, () => '')
  for (const [index, entry] of entries.entries()) rows[index % height] += entry.padEnd(width)
  const text = rows.map((row) => row.trimEnd()).join('\n')
  return `\n**${kind}**: ${files.size} files\n\n\`\`\`\n${text}\n\`\`\`\n`
}

function numbered(lines) {
  return lines.map((line, index) => `${String(index + 1).padStart(2)}. ${line}`)
}
