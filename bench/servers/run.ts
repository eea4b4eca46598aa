import { setTimeout as sleep } from 'node:timers/promises'
import { argument } from '../harness/processes.ts'
import { listen } from './contender.ts'
import { SERVERS } from './index.ts'

/** The first message of a server. */
export interface Ready {
  readonly port: number
  readonly cookie: string | null
}

/** 'cpu' asks for the processor time so far, in µs; 'collect' for garbage collections. */
export type ServerRequest = 'cpu' | 'collect'

/** V8 drops unused object shapes at the third collection. At the fifth it would drop compiled code as well. */
const COLLECTIONS = 4
const COLLECTION_PAUSE_MS = 20

const { listener, cookie = null } = await SERVERS[argument<string>(0)]!(argument<string>(1))
const { port } = await listen(listener)
process.on('message', async (request: ServerRequest) => {
  if (request === 'cpu') {
    const { user, system } = process.cpuUsage()
    process.send!(user + system)
    return
  }
  for (let collection = 0; collection < COLLECTIONS; collection++) {
    await sleep(COLLECTION_PAUSE_MS)
    globalThis.gc!()
  }
  process.send!('collected')
})
process.once('disconnect', () => process.exit())
process.send!({ port, cookie } satisfies Ready)
