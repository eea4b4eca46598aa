import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Measured, readMeasured } from './publish/measured.ts'
import { panelsOf } from './publish/panels.ts'
import { svgOf } from './publish/svg.ts'
import { withTables } from './publish/tables.ts'

const HELP = `The picture and the tables of docs/performance.md, from what npm run bench -- --json has written.

Usage: npm run bench:publish -- [file] [options]

  file             the figures (bench/results.json)
  --picture file   where the picture goes (docs/images/performance.svg)
  --page file      the page whose tables are replaced (docs/performance.md)
  --help           this

What was not measured is left out.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    picture: { type: 'string' },
    page: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (values.help) console.log(HELP)
else if (positionals.length > 1) {
  console.error(HELP)
  process.exitCode = 2
} else {
  await run(positionals[0]).catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}

async function run(from: string | undefined): Promise<void> {
  const picture = placeOf(values.picture, '../docs/images/performance.svg')
  const page = placeOf(values.page, '../docs/performance.md')
  const measured = await readMeasured(placeOf(from, 'results.json'))
  const panels = panelsOf(measured.figures)
  if (panels.length === 0) throw new Error('nothing of what the picture compares was measured')
  const title = measured.quick ? 'What Pawl costs (a quick look only)' : 'What Pawl costs'
  const notes = [...machine(measured), ...(await peers())]
  await mkdir(dirname(picture), { recursive: true })
  await writeFile(picture, svgOf({ title, panels, notes }))
  console.log(`Written to ${picture}: ${panels.length} comparisons`)
  await writeFile(
    page,
    withTables(await readFile(page, 'utf8'), measured, [...notes, ...durability(measured)]),
  )
  console.log(`Written to ${page}`)
}

/** npm has gone elsewhere from where the command was typed. */
function placeOf(given: string | undefined, otherwise: string): string {
  if (given !== undefined) return resolve(process.env['INIT_CWD'] ?? '.', given)
  return resolve(otherwise)
}

function machine({
  date,
  pawl,
  node,
  processor,
  cores,
  memory,
  system,
  postgres,
}: Measured): readonly string[] {
  const database = postgres['server_version']
  const versions = [
    `Pawl ${pawl}`,
    `Node.js ${node.slice(1)}`,
    ...(database ? [`PostgreSQL ${database}`] : []),
  ]
  return [`Medians, ${date}: ${versions.join(', ')}; ${processor}, ${cores} cores, ${memory}, ${system}.`]
}

function durability({ postgres }: Measured): readonly string[] {
  const settings = Object.entries(postgres).filter(([name]) => name !== 'server_version')
  const listed = settings.map(([name, value]) => `\`${name} = ${value}\``).join(', ')
  return settings.length === 0 ? [] : [`PostgreSQL as it comes: ${listed}.`]
}

async function peers(): Promise<readonly string[]> {
  const { dependencies } = JSON.parse(await readFile('package.json', 'utf8'))
  // A line is not broken between the two.
  const of = (name: string): string => `${name}\u00a0${dependencies[name]}`
  const compared = ['fast-jwt', 'jose', 'better-auth', 'iron-session', 'express-session', 'connect-pg-simple']
  return [
    `Compared with ${compared.map(of).join(', ')}.`,
    `The original is ${of('supertokens-node-postgres-ref-jwt')}, which Pawl takes its protocol from.`,
  ]
}
