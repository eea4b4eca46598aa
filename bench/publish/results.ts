import { readFile } from 'node:fs/promises'
import type { Figure } from '../harness/figures.ts'
import { COMPARED } from '../servers/compared.ts'

/** The file that `npm run bench -- --json` writes. */
export interface Results {
  readonly date: string
  readonly pawl: string
  readonly node: string
  readonly processor: string
  readonly cores: number
  readonly memory: string
  readonly system: string
  readonly postgres: Readonly<Record<string, string>>
  readonly redis?: string | null
  readonly quick: boolean
  readonly figures: readonly Figure[]
}

/** @throws if the file does not exist or holds no figures */
export async function readResults(path: string): Promise<Results> {
  const results = JSON.parse(await readFile(path, 'utf8'))
  if (!Array.isArray(results.figures) || typeof results.node !== 'string')
    throw new Error(`${path} holds no figures. Write it with npm run bench -- --json.`)
  return results
}

/** The lines about the machine and its programs. */
export function machineNotes(results: Results): string[] {
  const { date, pawl, node, processor, cores, memory, system, postgres, redis, quick } = results
  const version = postgres['server_version']
  const versions = [
    `Pawl ${pawl}`,
    `Node.js ${node.slice(1)}`,
    ...(version ? [`PostgreSQL ${version}`] : []),
    ...(redis ? [`Redis ${redis}`] : []),
  ]
  return [
    ...(quick ? ['Quick run: these figures are not reliable.'] : []),
    `Medians, ${date}: ${versions.join(', ')}; ${processor}, ${cores} cores, ${memory}, ${system}.`,
  ]
}

/** The line about the libraries. */
export async function peersNote(): Promise<string> {
  const { dependencies } = JSON.parse(await readFile('package.json', 'utf8'))
  const { devDependencies } = JSON.parse(await readFile('../package.json', 'utf8'))
  const versions = { ...devDependencies, ...dependencies }
  const names = [...new Set(COMPARED.flatMap(({ packages }) => packages))]
  // No line break between name and version.
  return `Compared with ${names.map((name) => `${name}\u00a0${versions[name]}`).join(', ')}.`
}

/** The line about PostgreSQL's settings, for the page. */
export function settingsNote({ postgres }: Results): string[] {
  const settings = Object.entries(postgres).filter(([name]) => name !== 'server_version')
  const listed = settings.map(([name, value]) => `\`${name} = ${value}\``).join(', ')
  return settings.length === 0 ? [] : [`PostgreSQL with default settings: ${listed}.`]
}
