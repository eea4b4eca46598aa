import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'

/** Forwards WebSockets to the TCP port of PostgreSQL, as Neon's proxy does. */
export interface WebSocketProxy {
  /** `host:port`. */
  readonly address: string
  /** Resets every connection. */
  cut(): void
  close(): Promise<void>
}

export async function startWebSocketProxy(target: string): Promise<WebSocketProxy> {
  const { hostname, port } = new URL(target)
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')

  server.on('connection', (client: WebSocket) => {
    const database = connect(Number(port), hostname)
    client.on('message', (data: RawData) => database.write(data as Buffer))
    database.on('data', (data) => client.send(data))
    client.on('close', () => database.destroy())
    database.on('close', () => client.close())
    for (const end of [client, database]) end.on('error', () => {})
  })

  const cut = (): void => {
    for (const client of server.clients) client.terminate()
  }
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async close() {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}
