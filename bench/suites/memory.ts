import { fork } from 'node:child_process'
import { programOf } from '../harness/program.ts'
import type { Figure } from '../harness/report.ts'
import type { Settings } from '../harness/suite.ts'
import type { Filling, Kind } from './memory-process.ts'

/** What processes keep in memory, by entry: ended sessions, and access tokens that were verified before. */
export async function memory({ quick, progress }: Settings): Promise<Figure[]> {
  const entries = quick ? 100_000 : 1_000_000
  const tokens = quick ? 5_000 : 50_000
  progress('ended sessions')
  const table = await fill('table', entries)
  const map = await fill('map', entries)
  progress('verified tokens')
  const cache = await fill('cache', tokens)
  const overfull = await fill('full-cache', tokens)
  const ended = entries.toLocaleString('en-US')
  const verified = tokens.toLocaleString('en-US')
  return [
    {
      id: 'memory.feed',
      what: `an ended session in the feed's table, of ${ended}`,
      value: table.bytes / entries,
      unit: 'B',
      // What docs/operations.md says of a million; the table doubles, so that fewer may take up to 64.
      target: { atMost: entries === 1_000_000 ? 50.5 : 66 },
    },
    {
      id: 'memory.feed.map',
      what: `the same in a Map of strings, of ${ended}`,
      value: map.bytes / entries,
      unit: 'B',
    },
    { id: 'memory.feed.lookup', what: 'looking one up in the table', value: table.lookup!, unit: 'ns' },
    { id: 'memory.feed.map.lookup', what: 'looking one up in the Map', value: map.lookup!, unit: 'ns' },
    {
      id: 'memory.cache',
      what: `a verified access token in the cache, of ${verified}`,
      value: cache.bytes / tokens,
      unit: 'B',
    },
    {
      id: 'memory.cache.bound',
      what: `memory of the cache after ${verified} tokens, against a tokenCacheBytes of a quarter of what they need`,
      value: overfull.bytes / overfull.limit!,
      unit: '×',
      target: { atMost: 1 },
    },
  ]
}

/** Each in a process of its own, so that none sees what another has left. */
function fill(kind: Kind, entries: number): Promise<Filling> {
  return new Promise((resolve, reject) => {
    const program = programOf('./memory-process', import.meta.url)
    const child = fork(program, [kind, String(entries)], { execArgv: [...process.execArgv, '--expose-gc'] })
    child.once('message', (filling: Filling) => resolve(filling))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`measuring memory ended with ${code}`)))
  })
}
