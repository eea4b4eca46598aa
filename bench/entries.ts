import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { EntryFigures } from './entries-process.ts'

export interface MemoryFigures {
  readonly entries: number
  /** Pawl's table of ended sessions. */
  readonly table: EntryFigures
  /** The same ids as strings in a `Map`, for comparison. */
  readonly map: EntryFigures
}

/** Each in a process of its own, so that neither sees what the other has left. */
export async function measureEntries(entries: number): Promise<MemoryFigures> {
  return { entries, table: await measureIn('table', entries), map: await measureIn('map', entries) }
}

function measureIn(kind: 'table' | 'map', entries: number): Promise<EntryFigures> {
  return new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL('./entries-process.ts', import.meta.url))
    // Started as this process was, plus what measuring needs.
    const child = fork(program, [kind, String(entries)], { execArgv: [...process.execArgv, '--expose-gc'] })
    child.once('message', (figures: EntryFigures) => resolve(figures))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`measuring memory ended with ${code}`)))
  })
}
