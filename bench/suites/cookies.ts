import { randomBytes, randomUUID } from 'node:crypto'
import { createSessions } from 'pawl'
import { fetchSessions } from 'pawl/fetch'
import { memory } from 'pawl/memory'
import type { Figure } from '../harness/report.ts'
import { createServers } from '../harness/servers.ts'
import type { Settings } from '../harness/suite.ts'
import { cookieOf } from '../servers/cookie-of.ts'

const PEERS = ['express-session + connect-pg-simple', 'better-auth', 'iron-session', 'the original']
const CLAIMS = { role: 'user' }
const ORIGIN = 'https://app.example.com'

/** Bytes of the Cookie header that comes with every protected request: the names and values a browser sends to `/`. */
export async function cookies({ database, progress }: Settings): Promise<Figure[]> {
  const figures = [...(await pawl('user-1')), ...(await pawl(randomUUID()))]
  figures.splice(2, 2, ...figures.slice(2).map(({ target: _, ...figure }) => figure))
  const servers = await createServers(database)
  for (const name of PEERS) {
    progress(name)
    const { cookie } = await servers.start(name)
    figures.push({
      id: `cookies.${name.replaceAll(/\W+/g, '-')}`,
      what: `cookies with a GET: ${name}`,
      value: Buffer.byteLength(cookie!),
      unit: 'B',
    })
  }
  servers.stop()
  return figures
}

/** As set by the login, and by the refresh after it, whose access token carries the evidence of its twin (`gen`). */
async function pawl(userId: string): Promise<Figure[]> {
  const sessions = await createSessions({ store: memory(), secret: randomBytes(32) })
  const open = fetchSessions(sessions)
  const login = await open(
    new Request(`${ORIGIN}/login`, { method: 'POST', headers: { origin: ORIGIN } }),
    async (session) => {
      await session.create({ userId, claims: CLAIMS })
      return new Response()
    },
  )
  const all = login.headers.getSetCookie().map((line) => line.split(';', 1)[0]!)
  const refreshed = await open(
    new Request(`${ORIGIN}/session/refresh`, {
      method: 'POST',
      headers: { origin: ORIGIN, cookie: all.join('; ') },
    }),
    () => new Response(null, { status: 500 }),
  )
  if (!refreshed.ok) throw new Error(`the refresh was answered ${refreshed.status}`)
  const [after, before] = [refreshed, login].map(({ headers }) => cookieOf(headers.getSetCookie()))
  const seen = await open(
    new Request(ORIGIN, { headers: { cookie: after! } }),
    (session) => new Response(session.userId),
  )
  if ((await seen.text()) !== userId) throw new Error('the cookies sign nobody in')
  await sessions.close()
  const id = userId.length === 36 ? 'cookies.uuid' : 'cookies'
  const who = `one claim, a user id of ${userId.length} characters`
  const figure = (name: string, what: string, cookie: string, atMost: number): Figure => ({
    id: `${id}.${name}`,
    what: `cookies with a GET, ${what} (${who})`,
    value: Buffer.byteLength(cookie),
    unit: 'B',
    target: { atMost },
  })
  return [
    figure('with-gen', 'after a refresh, with `gen`', after!, 420),
    figure('without-gen', 'after the login, without `gen`', before!, 320),
  ]
}
