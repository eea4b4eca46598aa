import { setTimeout as sleep } from 'node:timers/promises'
import { argument } from '../harness/processes.ts'
import { listen, type Surroundings } from './contender.ts'
import { SERVERS } from './index.ts'

/** The first message of a server. */
export interface Ready {
  readonly port: number
  readonly cookie: string | null
}

/** The value that each request to a server asks for. */
export interface ServerAnswers {
  /** Processor time so far, in µs. */
  readonly cpu: number
  /** Resident memory, in bytes. */
  readonly memory: number
  /** Database statements and Redis commands so far. */
  readonly statements: number
  /** After garbage collections. */
  readonly collect: null
  /** After making all sessions due for renewal. */
  readonly expire: null
  /** After completing background writes. */
  readonly flush: null
}

/** V8 drops unused object shapes at the third collection. At the fifth it would drop compiled code as well. */
const COLLECTIONS = 4
const COLLECTION_PAUSE_MS = 20

const contender = await SERVERS[argument<string>(0)]!(argument<Surroundings>(1))
const { port } = await listen(contender.listener)

async function answer(request: keyof ServerAnswers): Promise<number | null> {
  switch (request) {
    case 'cpu': {
      const { user, system } = process.cpuUsage()
      return user + system
    }
    case 'memory':
      return process.memoryUsage.rss()
    case 'statements':
      return contender.statements?.() ?? 0
    case 'expire':
      contender.expire?.()
      return null
    case 'flush':
      await contender.flush?.()
      return null
    case 'collect':
      for (let collection = 0; collection < COLLECTIONS; collection++) {
        await sleep(COLLECTION_PAUSE_MS)
        globalThis.gc!()
      }
      return null
  }
}

process.on('message', async (request: keyof ServerAnswers) => {
  process.send!(await answer(request))
})
process.once('disconnect', () => process.exit())
process.send!({ port, cookie: contender.cookie ?? null } satisfies Ready)
