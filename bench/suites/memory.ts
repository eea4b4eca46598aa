import { type Figure, figure } from '../harness/figures.ts'
import { answerOf, startProcess } from '../harness/processes.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import type { Holder, Measurement } from './memory-process.ts'

/** Memory of a process, per ended session and per verified access token. */
export async function memory({ quick, progress }: SuiteOptions): Promise<Figure[]> {
  const entries = quick ? 100_000 : 1_000_000
  const tokens = quick ? 5_000 : 50_000
  progress('ended sessions')
  const table = await measure('table', entries)
  const map = await measure('map', entries)
  progress('verified tokens')
  const cache = await measure('cache', tokens)
  const full = await measure('full-cache', tokens)
  const ofEntries = `of ${entries.toLocaleString('en-US')}`
  const count = tokens.toLocaleString('en-US')
  const bound = `memory of the cache after ${count} tokens, relative to a cacheBytes of a quarter of their needs`
  // The table doubles in size, so that fewer entries may take up to 64 bytes.
  const feedBudget = { atMost: quick ? 66 : 52 }
  return [
    figure(
      'memory.feed',
      `an ended session in the feed's table, ${ofEntries}`,
      table.bytes / entries,
      'B',
      feedBudget,
    ),
    figure('memory.feed.map', `an ended session in a Map of strings, ${ofEntries}`, map.bytes / entries, 'B'),
    figure('memory.feed.lookup', 'a lookup in the table', table.nanoseconds!, 'ns'),
    figure('memory.feed.map.lookup', 'a lookup in the Map', map.nanoseconds!, 'ns'),
    figure('memory.cache', `a verified access token in the cache, of ${count}`, cache.bytes / tokens, 'B'),
    figure('memory.cache.bound', bound, full.bytes / full.limit!, '×', { atMost: 1 }),
  ]
}

/** Each holder fills a process of its own. */
function measure(holder: Holder, entries: number): Promise<Measurement> {
  const child = startProcess('suites/memory-process', [holder, entries], ['--expose-gc'])
  return answerOf<Measurement>(child, `The measurement of '${holder}'`)
}
