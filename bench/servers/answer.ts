import type { ServerResponse } from 'node:http'

/** What Express and Fastify send, by hand. */
export function answer(res: ServerResponse, id: string): void {
  res.setHeader('content-type', 'application/json; charset=utf-8')
  res.end(JSON.stringify({ id }))
}
