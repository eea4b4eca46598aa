import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Measured, readMeasured } from './chart/measured.ts'
import { panelsOf } from './chart/panels.ts'
import { svgOf } from './chart/svg.ts'

const HELP = `The picture of the benchmarks, from what npm run bench -- --json has written.

Usage: npm run bench:chart -- [file] [options]

  file             the figures (bench/results.json)
  --out file       the picture (docs/images/performance.svg)
  --help           this

What was not measured is left out.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
})
if (values.help) console.log(HELP)
else if (positionals.length > 1) {
  console.error(HELP)
  process.exitCode = 2
} else {
  await run(positionals[0], values.out).catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}

async function run(from: string | undefined, to: string | undefined): Promise<void> {
  const path = placeOf(to, '../docs/images/performance.svg')
  const measured = await readMeasured(placeOf(from, 'results.json'))
  const panels = panelsOf(measured.figures)
  if (panels.length === 0) throw new Error('nothing of what the picture compares was measured')
  const title = measured.quick ? 'What Pawl costs (a quick look only)' : 'What Pawl costs'
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, svgOf({ title, panels, notes: [...machine(measured), ...(await peers())] }))
  console.log(`Written to ${path}: ${panels.length} comparisons`)
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
