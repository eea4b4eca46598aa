import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server whose `GET /me` returns the id of the signed-in user. */
export interface ServerContender {
  readonly listener: RequestListener
  /** The Cookie header of a signed-in user. Absent if the server has no sessions. */
  readonly cookie?: string
}

export const USER = 'user-1'
export const CLAIMS = { role: 'user' }

/** Sends the response that Express and Fastify send. */
export function sendUser(res: ServerResponse, id: string): void {
  res.setHeader('content-type', 'application/json; charset=utf-8')
  res.end(JSON.stringify({ id }))
}

/** Listens on a free port of the loopback interface. */
export async function listen(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

/** Adds the cookie of a login: for libraries that set cookies on HTTP responses only. */
export async function loggedIn(listener: RequestListener): Promise<ServerContender> {
  const { server, port } = await listen(listener)
  const response = await fetch(`http://127.0.0.1:${port}/login`, { method: 'POST' })
  if (!response.ok) throw new Error(`The login returned ${response.status}: ${await response.text()}`)
  server.close()
  server.closeAllConnections()
  return { listener, cookie: cookieHeader(response.headers.getSetCookie()) }
}

/** The Cookie header that a browser sends to `/` after these Set-Cookie headers. */
export function cookieHeader(setCookies: readonly string[]): string {
  return setCookies
    .filter((line) => !/; *path=\/[^;]/i.test(line))
    .map((line) => line.split(';', 1)[0]!)
    .join('; ')
}
