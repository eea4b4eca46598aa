import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { KINDS } from './kinds.ts'

/** What a server says when it is ready. */
export interface Ready {
  readonly port: number
  readonly cookie: string | null
}

/** How much of its core it has used, in µs; or that it collects its garbage, as often as it otherwise does in hours. */
export type Asked = 'cpu' | 'collect'

/**
 * V8 forgets the shape of objects that none is left of at the third, and at the fifth also the code of functions
 * that were not called in between, which no server that has something to do ever loses.
 */
const COLLECTIONS = 4
/** Milliseconds. */
const BETWEEN_COLLECTIONS = 20

const [name, databaseUrl] = process.argv.slice(2)
const { listener, cookie = null } = await KINDS[name!]!(databaseUrl!)
const server = createServer(listener).listen(0, '127.0.0.1', () => {
  process.send!({ port: (server.address() as AddressInfo).port, cookie } satisfies Ready)
})
process.on('message', async (message: Asked) => {
  if (message === 'cpu') {
    const { user, system } = process.cpuUsage()
    process.send!(user + system)
  } else {
    for (let collection = 0; collection < COLLECTIONS; collection++) {
      await sleep(BETWEEN_COLLECTIONS)
      globalThis.gc!()
    }
    process.send!('collected')
  }
})
process.once('disconnect', () => process.exit())
