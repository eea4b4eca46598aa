import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import { createSessions, type Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { type Database, startDatabase } from '../chaos/database.ts'
import { createDatabase } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { type Client, createClient } from '../support/http-client.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { listen } from '../support/sessions.ts'
import { openFleet } from './open-fleet.ts'
import { until } from './until.ts'

const OUTAGE = Number(process.env['PAWL_OUTAGE_SECONDS'] ?? 60) * 1000
/** Milliseconds for which backends may outlive a killed server. */
const DOWN_AFTER = 3000
const SESSIONS = 60
const CHILDREN_EACH = 40
const POLL = 1
const MAX_STALENESS = 10

interface User {
  readonly sessionId: string
  readonly firstRefreshToken: string
  readonly accessTokens: string[]
  /** The refresh token that the client presents next. */
  refreshToken: string
}

/** A web server with sessions. */
interface Site {
  readonly sessions: Sessions
  readonly port: number
  close(): Promise<void>
}

const healthyDatabase = await createDatabase()
const fleet = openFleet()
let database: Database

beforeAll(async () => {
  database = await startDatabase()
})
afterAll(() => database?.remove())

async function openSite(url: string): Promise<Site> {
  const sessions = await createSessions({
    store: postgres({ connectionString: url }),
    secret: SECRET,
    revocation: { pollInterval: POLL, maxStaleness: MAX_STALENESS },
    limits: { refreshesPerMinute: null },
    logger: silentLogger,
  })
  const withSession = nodeSessions(sessions)
  const login = withSession(async (_req, res, session) => {
    await session.create({ userId: 'browser' })
    res.end()
  })
  const home = withSession((_req, res, { userId }) => void res.end(userId))
  const server = createServer((req, res) => void (req.url === '/login' ? login(req, res) : home(req, res)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    sessions,
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await sessions.close()
    },
  }
}

/** Logs in and refreshes several times without using the new tokens. */
async function logIn(sessions: Sessions, userId: string): Promise<User> {
  const { session, accessToken, refreshToken } = await sessions.create({ userId })
  const accessTokens = [accessToken.value]
  let latest = refreshToken.value
  for (let child = 0; child < CHILDREN_EACH; child++) {
    const refreshed = await sessions.refresh(refreshToken.value)
    accessTokens.push(refreshed.accessToken.value)
    latest = refreshed.refreshToken!.value
  }
  return {
    sessionId: session.sessionId,
    firstRefreshToken: refreshToken.value,
    accessTokens,
    refreshToken: latest,
  }
}

async function signedInBrowser(port: number): Promise<Client> {
  const browser = createClient(port)
  expect((await browser.send('POST', '/login')).status).toBe(200)
  return browser
}

describe.concurrent('a database', () => {
  it(
    `outage of ${OUTAGE / 1000} s under traffic costs no verification and no session, and needs no restart`,
    async ({ expect }) => {
      const site = await openSite(database.url)
      const { sessions } = site
      const other = await fleet.start({ url: database.url, secret: SECRET })
      const emitted = {
        ended: listen(sessions, 'ended'),
        stale: listen(sessions, 'feedStale'),
        caughtUp: listen(sessions, 'feedCaughtUp'),
        listening: listen(sessions, 'feedListening'),
        polling: listen(sessions, 'feedPolling'),
        dropped: listen(sessions, 'confirmationsDropped'),
      }
      await until('LISTEN works', 5000, () => sessions.stats().feed.listening)
      const users: User[] = []
      for (let index = 0; index < SESSIONS; index++) users.push(await logIn(sessions, `u${index}`))
      const browsers = await Promise.all([1, 2, 3].map(() => signedInBrowser(site.port)))

      const away = database.crash(OUTAGE)
      const startedAt = performance.now()
      const seen = new Set<string>()
      let verifications = 0
      let mostQueued = 0
      let refusedRefreshes = 0
      let nextRefresh = startedAt + DOWN_AFTER
      while (performance.now() - startedAt < OUTAGE) {
        const elapsed = performance.now() - startedAt
        // At first a growing share of the tokens, so that there are new ones to confirm. Later all the others.
        const half = elapsed < OUTAGE / 2
        const share = half ? 2 + Math.floor((elapsed / OUTAGE) * CHILDREN_EACH) : CHILDREN_EACH + 1
        for (const { accessTokens, sessionId } of users) {
          for (const token of accessTokens.slice(0, share)) {
            seen.add(token)
            expect(sessions.verify(token).sessionId).toBe(sessionId)
            verifications++
          }
        }
        mostQueued = Math.max(mostQueued, sessions.stats().confirmations.queued)
        for (const browser of browsers) {
          const page = await browser.send('GET', '/')
          expect([page.status, page.text]).toStrictEqual([200, 'browser'])
        }
        if (performance.now() > nextRefresh && elapsed < OUTAGE - 2000) {
          nextRefresh += 2000
          const answers = await Promise.all(
            browsers.map((browser) => browser.send('POST', '/session/refresh')),
          )
          for (const { status, headers, cookies, body } of answers) {
            expect(status).toBe(503)
            expect(headers['retry-after']).toBe('5')
            expect(body).toStrictEqual({ code: 'unavailable' })
            expect(cookies).toStrictEqual([])
            refusedRefreshes++
          }
          await expect(sessions.refresh(users[0]!.firstRefreshToken)).rejects.toEqual(
            coded('ERR_STORE_UNAVAILABLE'),
          )
        }
        await sleep(100)
      }
      expect(refusedRefreshes).toBeGreaterThan(0)
      expect(seen.size).toBe(SESSIONS * (CHILDREN_EACH + 1))
      expect(mostQueued).toBeLessThanOrEqual(10_000)
      expect(emitted.polling).toHaveLength(1)
      if (OUTAGE / 1000 > MAX_STALENESS + 3 * POLL) expect(emitted.stale).toHaveLength(1)

      await away
      const backAfter = await until('a refresh succeeds', 10_000, async () => {
        const { status } = await browsers[0]!.send('POST', '/session/refresh')
        return status === 200
      })
      // The other process recovers without a restart, too.
      const victim = users.pop()!
      await until('the other process revokes a session', 10_000, () =>
        other.do.revoke(victim.sessionId).then(
          ({ ended }) => ended,
          () => false,
        ),
      )
      const learnedAfter = await until('this process learns of the revocation', POLL * 1000 + 2000, () => {
        try {
          sessions.verify(victim.accessTokens[0]!)
          return false
        } catch (error) {
          expect(error).toEqual(coded('ERR_SESSION_ENDED'))
          return true
        }
      })
      expect(emitted.caughtUp).toHaveLength(emitted.stale.length)
      // All children of a session are siblings. Its client has kept the last one.
      for (const user of users) {
        const refreshed = await sessions.refresh(user.refreshToken)
        expect(refreshed.session).toMatchObject({ sessionId: user.sessionId, active: true, generation: 1 })
        sessions.verify(refreshed.accessToken.value)
      }
      for (const browser of browsers) {
        expect((await browser.send('POST', '/session/refresh')).status).toBe(200)
        expect((await browser.send('GET', '/')).text).toBe('browser')
      }
      await sessions.flush()
      expect(sessions.stats().confirmations.queued).toBe(0)
      expect(emitted.ended).toStrictEqual([])
      const listensAfter = await until('LISTEN works again', 15_000, () => sessions.stats().feed.listening)
      const dropped = emitted.dropped.reduce((sum, { count }) => sum + count, 0)
      console.log(
        `${OUTAGE / 1000} s outage: ${verifications} verifications of ${seen.size} tokens, at most ${mostQueued} confirmations queued, ` +
          `${dropped} dropped; first refresh ${backAfter.toFixed(0)} ms after the restart, revocation learned after ${learnedAfter.toFixed(0)} ms, ` +
          `listening ${listensAfter.toFixed(0)} ms later`,
      )
      expect(other.alive).toBe(true)
      await other.close()
      await site.close()
    },
    OUTAGE + 120_000,
  )

  it('poll finds a revocation whose notification was lost, although the process listens', async ({
    expect,
  }) => {
    const sessions = await createSessions({
      store: postgres({ connectionString: healthyDatabase }),
      secret: SECRET,
      logger: silentLogger,
    })
    await until('LISTEN works', 5000, () => sessions.stats().feed.listening)
    const { session, accessToken } = await sessions.create({ userId: 'u' })
    const client = new pg.Client({ connectionString: healthyDatabase })
    await client.connect()
    await client.query(
      `update pawl.sessions set ended_at = now(), end_reason = 'revoked', invalidated_at = now() where id = $1`,
      [session.sessionId],
    )
    await client.end()
    // A listening process polls every 30 s, on a timer of 5 s.
    const refuses = (): boolean => {
      try {
        sessions.verify(accessToken.value)
        return false
      } catch {
        return true
      }
    }
    expect(await until('a poll finds the revocation', 40_000, refuses)).toBeLessThan(36_500)
    expect(sessions.stats().feed.listening).toBe(true)
    await sessions.close()
  }, 60_000)
})
