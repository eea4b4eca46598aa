import { Agent, type RequestOptions, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { type CookieJar, createJar } from '../../test/support/http-jar.ts'
import { runConcurrently } from '../harness/timing.ts'
import { HOST, ORIGIN, USER_HEADER } from './contender.ts'

/** A signed-in user with a browser of their own. */
export interface Visitor {
  readonly user: string
  readonly jar: CookieJar
}

/** How a session is renewed, from the browser's side. */
export interface Renewal {
  /** Ends with the request that needed the renewal. */
  readonly requests: readonly (readonly [method: 'GET' | 'POST', path: string])[]
  /** A cookie that has expired by then. */
  readonly withoutCookie?: RegExp
}

/**
 * A process that answers a thousand requests a second renews 40 sessions and writes in the background 20 times. So two
 * renewals share such a write, and more would make it look cheaper.
 */
const AT_ONCE = 2
const agent = new Agent({ keepAlive: true, maxSockets: 16 })

/** @throws if the server refuses a login */
export async function signIn(port: number, users: readonly string[], atOnce = AT_ONCE): Promise<Visitor[]> {
  const { results } = await runConcurrently(atOnce, users.length, async (index) => {
    const visitor = { user: users[index]!, jar: createJar() }
    await send(port, visitor, 'POST', '/login')
    return visitor
  })
  return results
}

/**
 * @param flush completes the server's background writes; called after each two renewals
 * @throws if a renewed session is not that of its user
 */
export async function renew(
  port: number,
  visitors: readonly Visitor[],
  renewal: Renewal,
  flush: () => Promise<unknown>,
): Promise<void> {
  async function renewOne(visitor: Visitor): Promise<void> {
    if (renewal.withoutCookie !== undefined)
      for (const name of visitor.jar.names) if (renewal.withoutCookie.test(name)) visitor.jar.delete(name)
    let body = ''
    for (const [method, path] of renewal.requests) body = await send(port, visitor, method, path)
    if (body !== JSON.stringify({ id: visitor.user })) throw new Error(`${visitor.user} received ${body}`)
  }

  for (let index = 0; index < visitors.length; index += AT_ONCE) {
    await Promise.all(visitors.slice(index, index + AT_ONCE).map(renewOne))
    await flush()
  }
}

/** The Cookie header that the visitor's browser sends with `GET /me`. */
export const cookieOf = ({ jar }: Visitor): string => jar.header('/me') ?? ''

async function send(
  port: number,
  { user, jar }: Visitor,
  method: 'GET' | 'POST',
  path: string,
): Promise<string> {
  const headers = {
    host: HOST,
    [USER_HEADER]: user,
    cookie: jar.header(path) ?? '',
    ...(method === 'POST' && { origin: ORIGIN, 'content-length': '0' }),
  }
  const { status, setCookies, body } = await exchange({
    agent,
    host: '127.0.0.1',
    port,
    method,
    path,
    headers,
  })
  if (status >= 300) throw new Error(`${method} ${path} returned ${status}: ${body}`)
  jar.store(setCookies)
  return body
}

function exchange(options: RequestOptions): Promise<{ status: number; setCookies: string[]; body: string }> {
  return new Promise((resolve, reject) => {
    request(options, (res) => {
      text(res).then((body) => {
        resolve({ status: res.statusCode!, setCookies: res.headers['set-cookie'] ?? [], body })
      }, reject)
    })
      .on('error', reject)
      .end()
  })
}
