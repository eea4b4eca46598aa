import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server whose `GET /me` returns `{ id }`, the id of the signed-in user. */
export interface ServerContender {
  readonly listener: RequestListener
  /** The Cookie header of `user-1`. Absent if users sign in by `POST /login`, or if there are no sessions. */
  readonly cookie?: string
  /** Database statements and Redis commands so far. */
  statements?(): number
  /** Makes all sessions due for renewal. */
  expire?(): void
  /** Completes background writes. */
  flush?(): Promise<void>
}

/** What a server needs around it. */
export interface Surroundings {
  readonly database: string
  /** URL of a Redis server. */
  readonly redis?: string | undefined
  /** URL of a stand-in for the core server of SuperTokens. */
  readonly core?: string | undefined
  /** The server creates its tables and users first. */
  readonly empty?: boolean
}

export const HOST = 'app.example.com'
export const ORIGIN = `https://${HOST}`
export const USER = 'user-1'
export const CLAIMS = { role: 'user' }
/** `POST /login` signs the user in that this header names. */
export const USER_HEADER = 'x-user'
/** Libraries that keep a table of users know `user-0` to `user-999`. */
export const USERS = 1000

export const userOf = (index: number): string => `user-${index % USERS}`

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
