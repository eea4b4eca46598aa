import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createSessions } from 'pawl'
import { nodeSessions } from 'pawl/node'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { argument } from '../harness/processes.ts'

/** The argument of a server's process. */
export interface ServerOptions {
  readonly database: string
  readonly secret: string
  /** Seconds. */
  readonly accessTokenLifetime: number
}

/** The answer to every message; bytes and milliseconds. */
export interface Health {
  /** After a garbage collection. */
  readonly heap: number
  readonly rss: number
  /** Since the last message. */
  readonly delayP99: number
}

const { database, secret, accessTokenLifetime } = argument<ServerOptions>()
const pool = new pg.Pool({ connectionString: database, max: 10 })
const sessions = await createSessions({
  store: postgres({ pool }),
  secret,
  accessTokenLifetime,
  // So short that every refresh turns.
  overlap: 3,
  keepEnded: 0,
  pruneInterval: 60,
  // Small enough to fill within the first third.
  tokenCacheBytes: 512 * 1024,
})
const withSession = nodeSessions(sessions)
const publicRoutes = withSession(async (req, res, session) => {
  const userId = String(req.headers['x-user'])
  if (req.url === '/login') {
    await session.create({ userId, claims: { role: 'user' } })
    res.end()
  } else if (req.url === '/revoke') res.end(String(await sessions.revokeUser(userId)))
  else if (req.url === '/') res.end(`Hello ${session.current?.userId ?? 'stranger'}`)
  else res.writeHead(404).end()
})
const me = withSession((_req, res, session) => void res.end(session.userId), {})
const server = createServer((req, res) => void (req.url === '/me' ? me : publicRoutes)(req, res))
// A connection that the server closes while a client sends its next request would count as a failure.
server.keepAliveTimeout = 0
const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()

process.on('message', () => {
  const delayP99 = delay.percentile(99) / 1e6
  globalThis.gc!()
  const { heapUsed: heap, rss } = process.memoryUsage()
  process.send!({ heap, rss, delayP99 } satisfies Health)
  // The delay of this collection does not count.
  setTimeout(() => delay.reset(), 50).unref()
})
// Ctrl-C signals every process. This one waits for its parent instead.
process.on('SIGINT', () => {})
// The process must end by itself: an open handle would be a leak.
process.once('disconnect', async () => {
  server.close()
  server.closeAllConnections()
  await sessions.close()
  await pool.end()
})
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
