import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import { createSessions, isSessionsError, type Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import type { FromServer, ServerEvent, ServerOrders } from './messages.ts'
import { sessionsOptions } from './settings.ts'
import { withZeroRows } from './zero-rows.ts'

/** One of the processes of a storm: an application that serves sessions over plain `node:http`. */

/** Events are sent in batches; a kill -9 loses at most this many milliseconds of them. */
const BATCH_EVERY = 100
/** A database that is away at the start is waited for; the chaos never keeps it away this long. */
const START_ATTEMPTS = 60

const orders = JSON.parse(process.env['CHAOS_ORDERS']!) as ServerOrders
/** Lets an event find the response of the request it belongs to. */
const responses = new AsyncLocalStorage<ServerResponse>()
let events: ServerEvent[] = []

const tell = (message: FromServer): void => {
  if (process.connected) process.send!(message)
}
process.on('unhandledRejection', (error) => tell({ type: 'trouble', kind: 'unhandled', text: textOf(error) }))
// Ctrl-C reaches the whole process group; the storm ends its processes itself, or is gone.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())

const pool = new pg.Pool({
  connectionString: orders.databaseUrl,
  max: 12,
  connectionTimeoutMillis: 2000,
  query_timeout: 3000,
})
// A connection lost while idle is replaced, and nobody waits for it.
pool.on('error', () => {})

const zeroRows = withZeroRows(postgres({ pool }), orders.zeroRows, Math.random)
const sessions = await open()
report(sessions)

const withSession = nodeSessions(sessions)
const login = withSession(async (req, res, session) => {
  const userId = new URL(req.url!, 'http://chaos.invalid').searchParams.get('user')!
  res.end(JSON.stringify(await session.create({ userId })))
})
const api = withSession((_req, res, { userId }) => {
  res.end(userId)
})

const server = createServer((req, res) => {
  responses.run(res, () => {
    answer(req, res).catch((error: unknown) => {
      tell({ type: 'trouble', kind: 'failed', text: textOf(error) })
      res.destroy()
    })
  })
})
server.listen(0, '127.0.0.1', () => tell({ type: 'ready', port: (server.address() as AddressInfo).port }))

process.on('message', (message) => {
  if (message !== 'heap') return
  global.gc!()
  global.gc!()
  tell({ type: 'heap', bytes: process.memoryUsage().heapUsed })
})
setInterval(() => {
  if (events.length > 0) tell({ type: 'events', events })
  events = []
  if (orders.zeroRows > 0) tell({ type: 'zeroRows', count: zeroRows.count() })
}, BATCH_EVERY)

function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  return req.url!.startsWith('/login?') ? login(req, res) : api(req, res)
}

async function open(): Promise<Sessions> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await createSessions({ ...sessionsOptions(orders.lifetimes), store: zeroRows.store })
    } catch (error) {
      const away = isSessionsError(error) && 'retryAfter' in error
      if (!away || attempt === START_ATTEMPTS) throw error
      await sleep(250)
    }
  }
}

function report(from: Sessions): void {
  from.on('created', ({ sessionId }) => events.push({ name: 'created', sessionId }))
  from.on('refreshed', ({ sessionId, verdict }) => {
    events.push({ name: 'refreshed', sessionId, verdict })
    const response = responses.getStore()
    // Not every refresh is answered: the client may have gone in the meantime.
    if (response !== undefined && !response.headersSent) response.setHeader('chaos-verdict', verdict)
  })
  from.on('rotated', (event) => events.push({ name: 'rotated', ...event }))
  from.on('reused', ({ sessionId }) => events.push({ name: 'reused', sessionId }))
  from.on('ended', (event) => events.push({ name: 'ended', ...event }))
  from.on('rolledBack', (event) => events.push({ name: 'rolledBack', ...event }))
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
