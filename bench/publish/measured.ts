import { readFile } from 'node:fs/promises'
import type { Figure } from '../harness/report.ts'

/** What a run of the benchmarks has written. */
export interface Measured {
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

/** @throws when there is no such file, or it is none of `npm run bench -- --json` */
export async function readMeasured(path: string): Promise<Measured> {
  const { figures, ...rest } = JSON.parse(await readFile(path, 'utf8'))
  if (!Array.isArray(figures) || typeof rest.node !== 'string')
    throw new Error(`${path} has no figures: it is to be written by npm run bench -- --json`)
  return { ...rest, figures }
}
