import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cookieOf } from './cookie-of.ts'

/** Signs in over HTTP, by `POST /login`, as the peers know no other way. @returns the Cookie header */
export async function logIn(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/login`, { method: 'POST' })
  if (!response.ok) throw new Error(`the login was answered ${response.status}: ${await response.text()}`)
  server.close()
  server.closeAllConnections()
  return cookieOf(response.headers.getSetCookie())
}
