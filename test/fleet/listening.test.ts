import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { createSessions, type Sessions, type SessionsOptions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createListener, type ListenClient } from '../../src/postgres/listen.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { listen, openSessions } from '../support/sessions.ts'
import { type StallingProxy, startStallingProxy } from './stalling-proxy.ts'
import { until } from './until.ts'

const POLL = 500
/** A ping may take a second, and half of one more for a busy machine. */
const NOTICED_WITHIN = POLL + 1500
const SOON = 2000

const url = await createDatabase()
const pool = createPool(url)
/** Another process: writes, and tells of it. */
const writer = await createSessions({
  store: postgres({ pool: pool as never }),
  secret: SECRET,
  logger: silentLogger,
})

async function behindProxy(
  options: Partial<SessionsOptions> = {},
): Promise<{ sessions: Sessions; proxy: StallingProxy }> {
  const proxy = await startStallingProxy(url)
  onTestFinished(() => proxy.close())
  const store = postgres({ pool: pool as never, listen: proxy.through(url) })
  const sessions = await openSessions({ store, pollInterval: POLL / 1000, ...options })
  await until('it listens', SOON, () => sessions.stats().feed.listening)
  return { sessions, proxy }
}

/** Has a session revoked elsewhere. @returns how long that took to be refused here, in ms */
async function revokedElsewhere(sessions: Sessions, within: number): Promise<number> {
  const { session, accessToken } = await writer.create({ userId: 'u' })
  expect(sessions.verify(accessToken.value).userId).toBe('u')
  await writer.revoke(session.sessionId)
  return until('the revocation is learned', within, () => refuses(sessions, accessToken.value))
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

it('a connection that dies silently is noticed, polling makes up for it, and it is replaced', async () => {
  const { sessions, proxy } = await behindProxy()
  const polling = listen(sessions, 'feedPolling')
  proxy.stall()
  await until('it is noticed', NOTICED_WITHIN, () => polling.length === 1)
  expect(sessions.stats().feed.listening).toBe(false)
  expect(await revokedElsewhere(sessions, POLL + SOON)).toBeGreaterThan(0)
  proxy.resume()
  const again = listen(sessions, 'feedListening')
  // An attempt to connect that is under way is given up after 5 s; pauses grow.
  await until('it listens again', 12_000, () => again.length === 1)
  expect(polling).toHaveLength(1)
  expect(await revokedElsewhere(sessions, SOON)).toBeLessThan(POLL)
})

it('a connection that is cut is replaced at once', async () => {
  const { sessions, proxy } = await behindProxy()
  const heard = [listen(sessions, 'feedPolling'), listen(sessions, 'feedListening')]
  proxy.cut()
  const { session, accessToken } = await writer.create({ userId: 'u' })
  await writer.revoke(session.sessionId)
  await until('the revocation is learned', POLL + SOON, () => refuses(sessions, accessToken.value))
  await until('it listens again', 5000, () => proxy.accepted === 2 && sessions.stats().feed.listening)
  // It may have been back before anyone noticed.
  expect(heard.map(({ length }) => length)).toSatisfy(([gone, back]: number[]) => gone === back && gone! <= 1)
})

it('a connection that dies silently before LISTEN is answered is given up, too', async () => {
  const proxy = await startStallingProxy(url)
  onTestFinished(() => proxy.close())
  proxy.stallAfter('listen ')
  const store = postgres({ pool: pool as never, listen: proxy.through(url) })
  const sessions = await openSessions({ store, pollInterval: POLL / 1000 })
  await until('it asks to listen', SOON, () => proxy.accepted === 1)
  await sleep(100)
  expect(sessions.stats().feed.listening).toBe(false)
  await until('it tries another connection', 8000, () => proxy.accepted > 1)
  proxy.resume()
  await until('it listens', 12_000, () => sessions.stats().feed.listening)
})

it('closing does not wait for a listener whose connection is dead', async () => {
  const proxy = await startStallingProxy(url)
  onTestFinished(() => proxy.close())
  proxy.stallAfter('listen ')
  const store = postgres({ pool: pool as never, listen: proxy.through(url) })
  const sessions = await createSessions({ store, secret: SECRET, pollInterval: 60, logger: silentLogger })
  await until('it asks to listen', SOON, () => proxy.accepted === 1)
  await sleep(100)
  const startedAt = performance.now()
  await sessions.close()
  expect(performance.now() - startedAt).toBeLessThan(2000)
})

it('notifications that come late are as good as others', async () => {
  const { sessions, proxy } = await behindProxy({ pollInterval: 20 })
  const polling = listen(sessions, 'feedPolling')
  const { session, accessToken } = await writer.create({ userId: 'u' })
  proxy.stall()
  await writer.revoke(session.sessionId)
  await sleep(700)
  expect(sessions.verify(accessToken.value).userId).toBe('u')
  proxy.resume()
  await until('the revocation is learned', SOON, () => refuses(sessions, accessToken.value))
  expect(polling).toStrictEqual([])
})

it('two messages to ourselves at one time are both heard, and cost no connection', async () => {
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
  await until('it has connected', SOON, async () => (await listener.ping(100)) && connected === 1)
  expect(await Promise.all([listener.ping(200), listener.ping(200)])).toStrictEqual([true, true])
  await sleep(10)
  expect(await listener.ping(200)).toBe(true)
  expect(connected).toBe(1)
})

function fakeClient(): ListenClient & { deliver(message: { channel: string; payload: string }): void } {
  let hear: (message: { channel: string; payload: string }) => void = () => {}
  return {
    connect: async () => undefined,
    query: async () => undefined,
    end: async () => {},
    on(event: string, listener: unknown) {
      if (event === 'notification') hear = listener as typeof hear
    },
    deliver: (message) => hear(message),
  }
}
