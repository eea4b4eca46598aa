import { randomBytes, randomUUID } from 'node:crypto'
import { createSessions } from 'pawl'
import { fetchSessions } from 'pawl/fetch'
import { memory } from 'pawl/memory'
import { createJar } from '../../test/support/http-jar.ts'
import { type Figure, figure, slug } from '../harness/figures.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { CLAIMS, ORIGIN, USER } from '../servers/contender.ts'
import { createServers } from '../servers/start.ts'
import { cookieOf, signIn } from '../servers/visitors.ts'

const PEERS = [
  'express-session + connect-pg-simple',
  'better-auth',
  'better-auth, cookie cache',
  'Auth.js',
  'iron-session',
  'the original',
]

/** Bytes of the Cookie header of a protected request. */
export async function cookies({ database, progress }: SuiteOptions): Promise<Figure[]> {
  const figures = [
    ...(await measurePawl('cookies', 'user-1', { afterRefresh: 420, afterLogin: 320 })),
    ...(await measurePawl('cookies.uuid', randomUUID())),
  ]
  const servers = await createServers()
  for (const name of PEERS) {
    progress(name)
    const { port } = await servers.start(name, { database, empty: true })
    const { length } = cookieOf((await signIn(port, [USER]))[0]!)
    figures.push(figure(`cookies.${slug(name)}`, `cookies with a GET: ${name}`, length, 'B'))
  }
  servers.stop()
  return figures
}

/** The Cookie header that a browser sends to `/` after these Set-Cookie headers. */
function cookieHeader(setCookies: readonly string[]): string {
  const jar = createJar()
  jar.store(setCookies)
  return jar.header('/')!
}

/** After a refresh the access token carries the evidence of its twin (`gen`). */
async function measurePawl(
  id: string,
  userId: string,
  atMost?: { readonly afterRefresh: number; readonly afterLogin: number },
): Promise<Figure[]> {
  const sessions = await createSessions({ store: memory(), secret: randomBytes(32) })
  const handle = fetchSessions(sessions)
  const send = async (method: string, path: string, cookie = ''): Promise<Response> => {
    const headers = { origin: ORIGIN, cookie }
    const response = await handle(new Request(`${ORIGIN}${path}`, { method, headers }), async (session) => {
      if (path === '/login') await session.create({ userId, claims: CLAIMS })
      return new Response(session.userId)
    })
    if (!response.ok) throw new Error(`${method} ${path} returned ${response.status}`)
    return response
  }
  const login = await send('POST', '/login')
  const all = login.headers.getSetCookie().map((line) => line.split(';', 1)[0]!)
  const refreshed = await send('POST', '/session/refresh', all.join('; '))
  const [afterRefresh, afterLogin] = [refreshed, login].map(({ headers }) =>
    cookieHeader(headers.getSetCookie()),
  )
  if ((await (await send('GET', '/', afterRefresh)).text()) !== userId)
    throw new Error('the cookies are not valid')
  await sessions.close()

  const who = `one claim, a user id of ${userId.length} characters`
  const add = (name: string, what: string, cookie: string, atMost?: number): Figure =>
    figure(`${id}.${name}`, `cookies with a GET, ${what} (${who})`, cookie.length, 'B', { atMost })
  return [
    add('with-gen', 'after a refresh, with `gen`', afterRefresh!, atMost?.afterRefresh),
    add('without-gen', 'after the login, without `gen`', afterLogin!, atMost?.afterLogin),
  ]
}
