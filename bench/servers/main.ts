import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KINDS } from './kinds.ts'

/** What a server says when it is ready. */
export interface Ready {
  readonly port: number
  readonly cookie: string | null
}

const [name, databaseUrl] = process.argv.slice(2)
const { listener, cookie = null } = await KINDS[name!]!(databaseUrl!)
const server = createServer(listener).listen(0, '127.0.0.1', () => {
  process.send!({ port: (server.address() as AddressInfo).port, cookie } satisfies Ready)
})
// Asked how much of its core it has used, in µs.
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send!(user + system)
})
process.once('disconnect', () => process.exit())
