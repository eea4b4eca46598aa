import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createSessions } from 'pawl'
import { nodeSessions } from 'pawl/node'
import { postgres } from 'pawl/postgres'
import pg from 'pg'

/** What a server is told. */
export interface ServerOrder {
  readonly database: string
  readonly secret: string
  /** Seconds. */
  readonly accessTokenLifetime: number
}

/** What it says of itself when asked; bytes and milliseconds. */
export interface Health {
  /** After a collection. */
  readonly heap: number
  readonly rss: number
  /** Since it was last asked. */
  readonly delayP99: number
}

const { database, secret, accessTokenLifetime } = JSON.parse(process.argv[2]!) as ServerOrder
const pool = new pg.Pool({ connectionString: database, max: 10 })
const sessions = await createSessions({
  store: postgres({ pool }),
  secret,
  accessToken: { lifetime: accessTokenLifetime, cacheBytes: 512 * 1024 },
  // So short that every refresh turns.
  rotation: { overlap: 3 },
  privacy: { keepEnded: 0, pruneInterval: 60 },
})
const withSession = nodeSessions(sessions)
const anyone = withSession(async (req, res, session) => {
  const userId = String(req.headers['x-user'])
  if (req.url === '/login') {
    await session.create({ userId, claims: { role: 'user' } })
    res.end()
  } else if (req.url === '/revoke') res.end(String(await sessions.revokeUser(userId)))
  else if (req.url === '/') res.end(`Hello ${session.current?.userId ?? 'stranger'}`)
  else res.writeHead(404).end()
})
const member = withSession((_req, res, session) => void res.end(session.userId), {})
const server = createServer((req, res) => void (req.url === '/me' ? member(req, res) : anyone(req, res)))
// Not closed by the server just when a client sends its next request: that would count as a failure.
server.keepAliveTimeout = 0
const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()

process.on('message', () => {
  const delayP99 = delay.percentile(99) / 1e6
  global.gc!()
  const { heapUsed: heap, rss } = process.memoryUsage()
  process.send!({ heap, rss, delayP99 } satisfies Health)
  // Not what the collection took, which nobody else would have asked for.
  setTimeout(() => delay.reset(), 50).unref()
})
// Ctrl-C reaches all processes at once, and this one is told to leave in order.
process.on('SIGINT', () => {})
// With nothing left to do it ends by itself.
process.once('disconnect', async () => {
  server.close()
  server.closeAllConnections()
  await sessions.close()
  await pool.end()
})
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
