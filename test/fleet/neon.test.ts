import { neonConfig, Pool } from '@neondatabase/serverless'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import WebSocket from 'ws'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { listen, openSessions } from '../support/sessions.ts'
import { until } from './until.ts'
import { startWebSocketProxy, type WebSocketProxy } from './websocket-proxy.ts'

const SOON = 2000
const url = await createDatabase()
let proxy: WebSocketProxy

beforeAll(async () => {
  proxy = await startWebSocketProxy(url)
  neonConfig.webSocketConstructor = WebSocket
  neonConfig.wsProxy = () => proxy.address
  neonConfig.useSecureWebSocket = false
  neonConfig.pipelineConnect = false
  return () => proxy.close()
})

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

it('sessions live: login, refresh, confirmation, data, claims, revocation', async () => {
  const sessions = await open()
  const trouble = [listen(sessions, 'storeUnavailable'), listen(sessions, 'confirmationsDropped')]
  const live = async (userId: string): Promise<void> => {
    const login = await sessions.create({
      userId,
      claims: { role: 'a' },
      data: { a: [1, null] },
      ip: '10.0.0.1',
    })
    const { sessionId } = login.session
    const child = await sessions.refresh(login.refreshToken.value)
    expect(sessions.verify(child.accessToken.value).claims).toStrictEqual({ role: 'a' })
    await sessions.flush()
    const next = await sessions.refresh(child.refreshToken!.value)
    expect(next.session).toMatchObject({ generation: 1, data: { a: [1, null] }, ip: '10.0.0.1' })
    expect(await sessions.patchData(sessionId, { b: 2, a: null })).toBe(1)
    expect(await sessions.setClaims(sessionId, { role: 'b' })).toBe(1)
    const [listed] = await sessions.list(userId)
    expect(listed).toMatchObject({ sessionId, claims: { role: 'b' }, data: { b: 2 } })
    expect(listed!.createdAt).toStrictEqual(login.session.createdAt)
    expect(await sessions.revoke(sessionId)).toBe(true)
    expect(await sessions.revoke(sessionId)).toBe(false)
  }
  await Promise.all(Array.from({ length: 20 }, (_, index) => live(`u${index}`)))
  expect(trouble).toStrictEqual([[], []])
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

it('reuse is detected', async () => {
  const clock = createFakeClock(Date.now())
  const sessions = await open({ rotation: { overlap: 1, gracePeriod: 1 }, now: clock.now })
  const { refreshToken } = await sessions.create({ userId: 'u' })
  const child = await sessions.refresh(refreshToken.value)
  sessions.verify(child.accessToken.value)
  await sessions.flush()
  // The grace period and the clock tolerance have passed.
  clock.advance(6.2)
  await expect(sessions.refresh(refreshToken.value)).rejects.toEqual(coded('ERR_REFRESH_TOKEN_REUSED'))
})

it('writes take part in a transaction of the application', async () => {
  const pool = openPool()
  const sessions = await open({}, { pool })
  const { session } = await sessions.create({ userId: 'u' })
  const client = await pool.connect()
  await client.query('begin')
  const inside = sessions.using(client)
  const login = await inside.create({ userId: 'u', data: { a: 1 } })
  expect(await inside.revoke(session.sessionId)).toBe(true)
  await client.query('rollback')
  client.release()
  expect(await sessions.get(session.sessionId)).toMatchObject({ active: true })
  expect(await sessions.get(login.session.sessionId)).toBeNull()
})

it('LISTEN delivers, and revocation is fast', async () => {
  const pool = openPool()
  const [one, two] = [
    await open({}, { pool, listen: true }),
    await open({}, { pool: openPool(), listen: true }),
  ]
  await until('LISTEN works', 5000, () => two.stats().feed.listening)
  const { session, accessToken } = await one.create({ userId: 'u' })
  await one.revoke(session.sessionId)
  await until('the other process learns of the revocation', SOON, () => {
    try {
      two.verify(accessToken.value)
      return false
    } catch {
      return true
    }
  })
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
  const { address } = proxy
  await proxy.close()
  const error = await sessions.refresh(refreshToken.value).catch((thrown: unknown) => thrown)
  expect(error).toEqual(coded('ERR_STORE_UNAVAILABLE'))
  expect(String(error)).toContain('(connection refused: connect ECONNREFUSED')
  proxy = await startWebSocketProxy(url)
  expect(proxy.address).not.toBe(address)
  expect((await sessions.refresh(refreshToken.value)).session.userId).toBe('u')
})
