import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from './database.ts'
import type { Fleet } from './fleet.ts'
import type { TcpProxy } from './proxy.ts'
import type { Random } from './random.ts'

export interface TroubleFigures {
  postgresKilled: number
  nodeKilled: number
  connectionsCut: number
  slowdowns: number
}

type Kind = keyof TroubleFigures

/** Each kind of failure once, then random kinds. */
const FIRST: readonly Kind[] = ['postgresKilled', 'connectionsCut', 'nodeKilled', 'slowdowns']
const WEIGHTED: readonly Kind[] = [
  'postgresKilled',
  'postgresKilled',
  'nodeKilled',
  'nodeKilled',
  'connectionsCut',
  'connectionsCut',
  'slowdowns',
]

export interface TroubleOptions {
  readonly until: number
  /** Milliseconds between two failures. */
  readonly every: readonly [min: number, max: number]
  readonly processes: number
  /** When to copy the data for the point-in-time restore; null for no copy. */
  readonly backupAt: number | null
}

/** Causes failures until the time is over. Everything works again when it returns. */
export async function makeTrouble(
  parts: { readonly database: Database; readonly fleet: Fleet; readonly proxy: TcpProxy },
  { until, every, processes, backupAt }: TroubleOptions,
  random: Random,
  stopped: AbortSignal,
  say: (text: string) => void,
): Promise<TroubleFigures> {
  const { database, fleet, proxy } = parts
  const figures: TroubleFigures = { postgresKilled: 0, nodeKilled: 0, connectionsCut: 0, slowdowns: 0 }
  const first = [...FIRST]
  let backedUp = backupAt === null

  while (Date.now() < until && !stopped.aborted) {
    await sleep(Math.min(random.between(...every), Math.max(0, until - Date.now())))
    if (stopped.aborted || Date.now() >= until) break
    if (!backedUp && Date.now() >= backupAt!) {
      backedUp = true
      say('stops PostgreSQL, copies its data and starts it again')
      await database.backup()
      continue
    }
    const kind = first.shift() ?? random.pick(WEIGHTED)
    figures[kind]++
    if (kind === 'postgresKilled') {
      say('kills PostgreSQL with -9')
      await database.crash(random.between(0, 1500))
    } else if (kind === 'nodeKilled') {
      // Never the first process, so that its heap can be measured over the whole run.
      const index = 1 + Math.floor(random.next() * (processes - 1))
      say(`kills process ${index} with -9`)
      await fleet.kill(index, random.between(0, 1500))
    } else if (kind === 'connectionsCut') {
      say('cuts all connections to PostgreSQL')
      proxy.cut()
    } else {
      proxy.latency = random.between(100, 800)
      say(`makes PostgreSQL ${Math.round(proxy.latency)} ms slower for a while`)
      await sleep(Math.min(random.between(1500, 5000), Math.max(0, until - Date.now())))
      proxy.latency = 0
    }
  }
  return figures
}
