import { neonConfig, Pool } from '@neondatabase/serverless'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import WebSocket from 'ws'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { until } from '../fleet/until.ts'
import { startWebSocketProxy, type WebSocketProxy } from '../fleet/websocket-proxy.ts'
import { createDatabase } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { listen, openSessions } from '../support/sessions.ts'
import { describeDriver } from './describe-driver.ts'

const url = await createDatabase()
let proxy: WebSocketProxy
proxy = await startWebSocketProxy(url)
afterAll(() => proxy.close())
neonConfig.webSocketConstructor = WebSocket
neonConfig.wsProxy = () => proxy.address
neonConfig.useSecureWebSocket = false
neonConfig.pipelineConnect = false

function openPool(): Pool {
  const pool = new Pool({ connectionString: url, max: 4 })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  return pool
}

function open(
  options: Partial<SessionsOptions> = {},
  { pool = openPool(), listen: listenTo = false } = {},
): Promise<Sessions> {
  return openSessions({
    store: postgres({ pool: pool, listen: listenTo }),
    revocation: { pollInterval: 60 },
    ...options,
  })
}

const shared = new Pool({ connectionString: url, max: 10 })
shared.on('error', () => {})
afterAll(() => shared.end())

describeDriver("Neon's Pool", {
  options: { pool: shared },
  listens: true,
  rolledBack: async (work) => {
    const client = await shared.connect()
    await client.query('begin')
    await work(client)
    await client.query('rollback')
    client.release()
  },
})

it('limits, bulk work, pruning and status', async () => {
  const clock = createFakeClock(Date.now())
  const store = postgres({ pool: openPool(), listen: false })
  const sessions = await open({ store, now: clock.now, limits: { sessionsPerUser: 2 } })
  for (let login = 0; login < 3; login++) {
    clock.advance(1)
    await sessions.create({ userId: 'limited' })
  }
  expect((await sessions.list('limited')).map(({ active }) => active)).toStrictEqual([true, true, false])
  const logins = await Promise.all(['a', 'b', 'c'].map((userId) => sessions.create({ userId })))
  expect(await sessions.revokeUser('limited')).toBe(2)
  expect((await store.status({ lastSeenBefore: new Date() })).sessions).toMatchObject({ exact: true })
  clock.advance(400 * 24 * 3600)
  await expect(sessions.refresh(logins[0]!.refreshToken.value)).rejects.toEqual(coded('ERR_SESSION_ENDED'))
  expect(await sessions.prune()).toBeGreaterThanOrEqual(6)
})

it('a lost connection is replaced, and LISTEN too', async () => {
  const sessions = await open({}, { listen: true })
  await until('LISTEN works', 5000, () => sessions.stats().feed.listening)
  const { refreshToken } = await sessions.create({ userId: 'u' })
  const again = listen(sessions, 'feedListening')
  proxy.cut()
  expect((await sessions.refresh(refreshToken.value)).session.userId).toBe('u')
  await until('LISTEN works again', 10_000, () => again.length > 0 || sessions.stats().feed.listening)
})

it('an unreachable proxy is an outage, with the reason', async () => {
  const sessions = await open()
  const { refreshToken } = await sessions.create({ userId: 'u' })
  await proxy.close()
  const error = await sessions.refresh(refreshToken.value).catch((thrown: unknown) => thrown)
  expect(error).toEqual(coded('ERR_STORE_UNAVAILABLE'))
  expect(String(error)).toContain('(connection refused: connect ECONNREFUSED')
  proxy = await startWebSocketProxy(url)
  expect((await sessions.refresh(refreshToken.value)).session.userId).toBe('u')
})
