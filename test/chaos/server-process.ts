import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import { createSessions, isSessionsError, type Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import type { FromServer, ServerConfig, ServerEvent } from './messages.ts'
import { sessionsOptions } from './settings.ts'
import { withZeroRows } from './zero-rows.ts'

/** A server process: an application with sessions over plain `node:http`. */

/** Milliseconds between two batches of events. A kill -9 loses at most one batch. */
const BATCH_EVERY = 100
/** The process waits for the database at its start. No outage takes this many attempts. */
const START_ATTEMPTS = 60

const config = JSON.parse(process.env['SERVER_CONFIG']!) as ServerConfig
/** Leads from an event to the response of its request. */
const responses = new AsyncLocalStorage<ServerResponse>()
let events: ServerEvent[] = []

const send = (message: FromServer): void => {
  if (process.connected) process.send!(message)
}
process.on('unhandledRejection', (error) => send({ type: 'trouble', kind: 'unhandled', text: textOf(error) }))
// Ctrl-C reaches the whole process group. The parent process ends this one.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())

const pool = new pg.Pool({
  connectionString: config.databaseUrl,
  max: 12,
  connectionTimeoutMillis: 2000,
  query_timeout: 3000,
})
// The pool replaces a connection that it lost while idle.
pool.on('error', () => {})

const zeroRows = withZeroRows(postgres({ pool }), config.zeroRows, Math.random)
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
      send({ type: 'trouble', kind: 'failed', text: textOf(error) })
      res.destroy()
    })
  })
})
server.listen(0, '127.0.0.1', () => send({ type: 'ready', port: (server.address() as AddressInfo).port }))

process.on('message', (message) => {
  if (message !== 'heap') return
  global.gc!()
  global.gc!()
  send({ type: 'heap', bytes: process.memoryUsage().heapUsed })
})
setInterval(() => {
  if (events.length > 0) send({ type: 'events', events })
  events = []
  if (config.zeroRows > 0) send({ type: 'zeroRows', count: zeroRows.count() })
}, BATCH_EVERY)

function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  return req.url!.startsWith('/login?') ? login(req, res) : api(req, res)
}

async function open(): Promise<Sessions> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await createSessions({ ...sessionsOptions(config.lifetimes), store: zeroRows.store })
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
    tellClient('chaos-verdict', verdict)
  })
  from.on('refreshLimited', ({ reason }) => tellClient('chaos-limited', reason))
  from.on('rotated', (event) => events.push({ name: 'rotated', ...event }))
  from.on('reused', ({ sessionId }) => events.push({ name: 'reused', sessionId }))
  for (const name of ['deviceBound', 'deviceProofMissing'] as const)
    from.on(name, ({ sessionId }) => events.push({ name, sessionId }))
  from.on('ended', (event) => events.push({ name: 'ended', ...event }))
  from.on('rolledBack', (event) => events.push({ name: 'rolledBack', ...event }))
}

function tellClient(header: string, value: string): void {
  const response = responses.getStore()
  // The client may have closed the request.
  if (response !== undefined && !response.headersSent) response.setHeader(header, value)
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
