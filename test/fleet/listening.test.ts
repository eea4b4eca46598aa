import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { createSessions, type Sessions, type SessionsOptions } from '../../src/index.ts'
import type { ListenClient } from '../../src/postgres/driver.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createListener } from '../../src/postgres/listen.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { silentLogger } from '../support/logger.ts'
import { aroundQueries } from '../support/pools.ts'
import { SECRET } from '../support/secrets.ts'
import { listen, openSessions } from '../support/sessions.ts'
import { type StallingProxy, startStallingProxy } from './stalling-proxy.ts'
import { until } from './until.ts'

const POLL = 500
/** A ping times out after one second. The rest is a margin for a busy machine. */
const NOTICED_WITHIN = POLL + 5000
/** After a ping that timed out, LISTEN works with the next connection. */
const LISTENS_WITHIN = 10_000
const SOON = 2000

const url = await createDatabase()
const pool = createPool(url)
/** Stands for another process, which writes and sends notifications. */
const writer = await createSessions({
  store: postgres({ pool: pool as never }),
  secret: SECRET,
  // On a busy machine a ping of this process may time out, which logs a warning.
  logger: silentLogger,
})

async function behindProxy(
  options: Partial<SessionsOptions> = {},
): Promise<{ sessions: Sessions; proxy: StallingProxy }> {
  const proxy = await startStallingProxy(url)
  onTestFinished(() => proxy.close())
  const store = postgres({ pool: pool as never, listen: proxy.through(url) })
  const sessions = await openSessions({ store, revocation: { pollInterval: POLL / 1000 }, ...options })
  await until('LISTEN works', LISTENS_WITHIN, () => sessions.stats().feed.listening)
  return { sessions, proxy }
}

/** Revokes a session in the other process. @returns the milliseconds until this process refuses it */
async function measureRevocation(sessions: Sessions, timeout: number): Promise<number> {
  const { session, accessToken } = await writer.create({ userId: 'u' })
  expect(sessions.verify(accessToken.value).userId).toBe('u')
  await writer.revoke(session.sessionId)
  return until('the process learns of the revocation', timeout, () => refuses(sessions, accessToken.value))
}

function refuses(sessions: Sessions, accessToken: string): boolean {
  try {
    sessions.verify(accessToken)
    return false
  } catch (error) {
    expect(error).toEqual(coded('ERR_SESSION_ENDED'))
    return true
  }
}

it('a connection that dies silently is noticed and replaced, and polling takes over meanwhile', async () => {
  const { sessions, proxy } = await behindProxy()
  const polling = listen(sessions, 'feedPolling')
  proxy.stall()
  await until('the process notices', NOTICED_WITHIN, () => polling.length === 1)
  expect(sessions.stats().feed.listening).toBe(false)
  expect(await measureRevocation(sessions, POLL + SOON)).toBeGreaterThan(0)
  proxy.resume()
  const again = listen(sessions, 'feedListening')
  // A pending connection attempt times out after 5 s, and the delays between attempts grow.
  await until('LISTEN works again', 12_000, () => again.length === 1)
  expect(polling).toHaveLength(1)
  const durations: number[] = []
  for (let round = 0; round < 3; round++) durations.push(await measureRevocation(sessions, SOON))
  expect(Math.min(...durations)).toBeLessThan(POLL)
})

it('a connection that is reset is replaced at once', async () => {
  const { sessions, proxy } = await behindProxy()
  const emitted = [listen(sessions, 'feedPolling'), listen(sessions, 'feedListening')]
  proxy.cut()
  const { session, accessToken } = await writer.create({ userId: 'u' })
  await writer.revoke(session.sessionId)
  await until('the process learns of the revocation', POLL + SOON, () => refuses(sessions, accessToken.value))
  await until('LISTEN works again', 5000, () => proxy.accepted >= 2 && sessions.stats().feed.listening)
  // The new connection may be ready before the process notices the loss.
  expect(emitted.map(({ length }) => length)).toSatisfy(
    ([lost, restored]: number[]) => lost === restored && lost! <= 1,
  )
})

it('a connection that dies silently before LISTEN is answered is replaced, too', async () => {
  const proxy = await startStallingProxy(url)
  onTestFinished(() => proxy.close())
  proxy.stallAfter('listen ')
  const store = postgres({ pool: pool as never, listen: proxy.through(url) })
  const sessions = await openSessions({ store, revocation: { pollInterval: POLL / 1000 } })
  await until('the proxy holds LISTEN back', SOON, () => proxy.stalled)
  // Shows that the process does not count as listening without an answer.
  await sleep(100)
  expect(sessions.stats().feed.listening).toBe(false)
  await until('the process opens another connection', 8000, () => proxy.accepted > 1)
  proxy.resume()
  await until('LISTEN works', 12_000, () => sessions.stats().feed.listening)
})

it('closing does not wait for a listener whose connection is dead', async () => {
  const proxy = await startStallingProxy(url)
  onTestFinished(() => proxy.close())
  proxy.stallAfter('listen ')
  const store = postgres({ pool: pool as never, listen: proxy.through(url) })
  const sessions = await createSessions({
    store,
    secret: SECRET,
    revocation: { pollInterval: 60 },
    logger: silentLogger,
  })
  await until('the proxy holds LISTEN back', SOON, () => proxy.stalled)
  const startedAt = performance.now()
  await sessions.close()
  // Half the timeout of a LISTEN that is not answered.
  expect(performance.now() - startedAt).toBeLessThan(2000)
})

it('late notifications are accepted, and the process keeps listening', async () => {
  const { sessions, proxy } = await behindProxy({ revocation: { pollInterval: 20, catchUpTimeout: 0 } })
  const polling = listen(sessions, 'feedPolling')
  const { session, accessToken } = await writer.create({ userId: 'u' })
  proxy.stall()
  await writer.revoke(session.sessionId)
  // Shows that the notification is not delivered yet. Shorter than the timeout of a ping.
  await sleep(700)
  expect(sessions.verify(accessToken.value).userId).toBe('u')
  proxy.resume()
  await until('the process learns of the revocation', SOON, () => refuses(sessions, accessToken.value))
  expect(polling).toStrictEqual([])
})

it('LISTEN that works but reaches only one of two servers is noticed, and polling takes over', async () => {
  // A notification of this process stays on another server: it reaches nobody. Its message to itself arrives.
  const elsewhere = aroundQueries(pool, (config, run) =>
    config.values[0] === 'pawl' && config.text.includes('pg_notify') ? Promise.resolve({ rows: [] }) : run(),
  )
  const other = await openSessions({ store: postgres({ pool: elsewhere, listen: url }) })
  const sessions = await openSessions({
    store: postgres({ pool: pool as never }),
    // Polls every two seconds although LISTEN works.
    revocation: { pollInterval: POLL / 1000, maxStaleness: 4, catchUpTimeout: 0 },
  })
  await until(
    'LISTEN works',
    LISTENS_WITHIN,
    () => sessions.stats().feed.listening && other.stats().feed.listening,
  )
  const polling = listen(sessions, 'feedPolling')
  const { session, accessToken } = await other.create({ userId: 'u' })
  await other.revoke(session.sessionId)
  await until('the process learns of the revocation', 2000 + SOON, () => refuses(sessions, accessToken.value))
  // It waits five seconds for a notification.
  await until('the process notices', 5000 + NOTICED_WITHIN, () => polling.length === 1)
  expect(polling[0]!.error?.message).toContain('LISTEN probably reaches only one of several servers')
  expect(sessions.stats().feed.listening).toBe(false)
})

it('two concurrent pings both arrive, and the connection stays open', async () => {
  const client = fakeClient()
  let connected = 0
  const listener = createListener(
    async () => {
      connected++
      return client
    },
    { name: 'pawl', quoted: '"pawl"' },
    async (channel, payload) => {
      await sleep(20)
      client.deliver({ channel, payload })
      return true
    },
    { onChange() {}, onConnected() {}, onForeign() {} },
  )
  onTestFinished(() => listener.close())
  await until('the listener has connected', SOON, async () => (await listener.ping(100)) && connected === 1)
  expect(await Promise.all([listener.ping(200), listener.ping(200)])).toStrictEqual([true, true])
  // Shows that neither ping caused a reconnection.
  await sleep(10)
  expect(await listener.ping(200)).toBe(true)
  expect(connected).toBe(1)
})

function fakeClient(): ListenClient & { deliver(message: { channel: string; payload: string }): void } {
  let receive: (message: { channel: string; payload: string }) => void = () => {}
  return {
    connect: async () => undefined,
    query: async () => undefined,
    end: async () => {},
    on(event: string, listener: unknown) {
      if (event === 'notification') receive = listener as typeof receive
    },
    deliver: (message) => receive(message),
  }
}
