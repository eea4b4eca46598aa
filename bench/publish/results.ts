import { readFile } from 'node:fs/promises'
import type { Figure } from '../harness/figures.ts'

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

/** The lines about versions and the machine, for the picture and the page. */
export async function notesOf(results: Results): Promise<string[]> {
  const { date, pawl, node, processor, cores, memory, system, postgres } = results
  const version = postgres['server_version']
  const versions = [`Pawl ${pawl}`, `Node.js ${node.slice(1)}`, ...(version ? [`PostgreSQL ${version}`] : [])]
  const { dependencies } = JSON.parse(await readFile('package.json', 'utf8'))
  // No line break between name and version.
  const withVersion = (name: string): string => `${name}\u00a0${dependencies[name]}`
  const peers = ['fast-jwt', 'jose', 'better-auth', 'iron-session', 'express-session', 'connect-pg-simple']
  return [
    `Medians, ${date}: ${versions.join(', ')}; ${processor}, ${cores} cores, ${memory}, ${system}.`,
    `Compared with ${peers.map(withVersion).join(', ')}.`,
    `The original is ${withVersion('supertokens-node-postgres-ref-jwt')}, whose protocol Pawl adopts.`,
  ]
}

/** The line about PostgreSQL's settings, for the page. */
export function settingsNote({ postgres }: Results): string[] {
  const settings = Object.entries(postgres).filter(([name]) => name !== 'server_version')
  const listed = settings.map(([name, value]) => `\`${name} = ${value}\``).join(', ')
  return settings.length === 0 ? [] : [`PostgreSQL with default settings: ${listed}.`]
}
