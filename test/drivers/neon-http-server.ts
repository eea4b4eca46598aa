import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import pg from 'pg'

/** What an error has in the answer of Neon's endpoint. */
const ERROR_FIELDS = ['message', 'code', 'severity', 'detail', 'hint', 'routine'] as const

export interface NeonHttpServer {
  /** The URL of the endpoint. */
  readonly endpoint: string
  close(): Promise<void>
}

/** Runs the statements of Neon's HTTP function on a PostgreSQL, in the form that Neon's endpoint documents. */
export async function startNeonHttpServer(url: string): Promise<NeonHttpServer> {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  pool.on('error', () => {})
  const raw = { getTypeParser: () => String }
  const server = createServer(async (request, response) => {
    const { query, params } = JSON.parse(await text(request))
    let [status, body]: [number, unknown] = [200, null]
    try {
      const result = await pool.query({ text: query, values: params, rowMode: 'array', types: raw as never })
      const { command, rowCount, fields, rows } = result
      body = { command, rowCount, fields, rows, rowAsArray: true }
    } catch (error) {
      const all = error as Record<string, unknown>
      ;[status, body] = [400, Object.fromEntries(ERROR_FIELDS.map((name) => [name, all[name] ?? null]))]
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sql`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      await pool.end()
    },
  }
}
