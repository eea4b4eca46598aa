import { describe, expect, it } from 'vitest'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { type PostgresOptions, postgres } from '../../src/postgres/index.ts'
import { describeStore } from '../contract/store-contract.ts'
import { until } from '../fleet/until.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/logger.ts'
import { listen, openSessions } from '../support/sessions.ts'

const SOON = 2000

interface Tested {
  readonly options: PostgresOptions
  /** Runs `work` in a transaction of the application that is rolled back. */
  readonly rolledBack: ((work: (client: unknown) => Promise<void>) => Promise<void>) | null
  readonly listens: boolean
}

/** What every driver must do. */
export function describeDriver(name: string, { options, rolledBack, listens }: Tested): void {
  const open = (more: Partial<SessionsOptions> = {}): Promise<Sessions> =>
    openSessions({ store: postgres(options), revocation: { pollInterval: 60 }, ...more })

  describeStore(
    name,
    async () => {
      const store = postgres({ ...options, schema: 'contract' })
      await store.start()
      return store
    },
    listens,
  )

  describe(name, () => {
    it('serves twenty sessions at once: login, racing refreshes, confirmation, data, claims, revocation', async () => {
      const sessions = await open()
      const trouble = [listen(sessions, 'storeUnavailable'), listen(sessions, 'confirmationsDropped')]
      const live = async (userId: string): Promise<void> => {
        const login = await sessions.create({
          userId,
          claims: { role: 'a' },
          data: { a: [1, null, '"\\ ü'] },
          ip: '10.0.0.1',
          userAgent: '{"a",b\\}',
        })
        const { sessionId } = login.session
        const children = await Promise.all([1, 2, 3].map(() => sessions.refresh(login.refreshToken.value)))
        const child = children.at(-1)!
        expect(sessions.verify(child.accessToken.value).claims).toStrictEqual({ role: 'a' })
        await sessions.flush()
        const next = await sessions.refresh(child.refreshToken!.value)
        expect(next.session).toMatchObject({
          generation: 1,
          data: { a: [1, null, '"\\ ü'] },
          ip: '10.0.0.1',
        })
        expect(await sessions.patchData(sessionId, { b: 2, a: null })).toBe(1)
        expect(await sessions.setClaims(sessionId, { role: 'b' })).toBe(1)
        const [listed] = await sessions.list(userId)
        expect(listed).toMatchObject({
          sessionId,
          claims: { role: 'b' },
          data: { b: 2 },
          userAgent: '{"a",b\\}',
        })
        expect(listed!.createdAt).toStrictEqual(login.session.createdAt)
        expect(await sessions.revoke(sessionId)).toBe(true)
        expect(await sessions.revoke(sessionId)).toBe(false)
      }
      await Promise.all(Array.from({ length: 20 }, (_, index) => live(`u${index}`)))
      expect(trouble).toStrictEqual([[], []])
    })

    it('detects reuse, and prunes what has expired', async () => {
      const clock = createFakeClock(Date.now())
      const store = postgres(options)
      const sessions = await open({ store, rotation: { overlap: 1, gracePeriod: 1 }, now: clock.now })
      const { refreshToken } = await sessions.create({ userId: 'thief' })
      const child = await sessions.refresh(refreshToken.value)
      sessions.verify(child.accessToken.value)
      await sessions.flush()
      // The grace period and the clock tolerance have passed.
      clock.advance(6.2)
      await expect(sessions.refresh(refreshToken.value)).rejects.toEqual(coded('ERR_REFRESH_TOKEN_REUSED'))
      expect(await store.status({ exact: true, lastSeenBefore: new Date(0) })).toMatchObject({
        sessions: { exact: true, active: 0, lastSeenBefore: 0 },
        unknown: [],
      })
      const inspect = store.inspect!
      const { days } = await inspect.overview(clock.now(), 1)
      expect(days[0]).toMatchObject({ reuse: { value: 1, how: 'counted' } })
      expect(await inspect.findUsers('thie', null, 10)).toMatchObject({ userIds: ['thief'], next: null })
      expect((await inspect.reuse(null, 10)).found).toMatchObject([{ userId: 'thief', at: clock.now() }])
      expect(await inspect.status()).toMatchObject({ unknown: [] })
      clock.advance(400 * 24 * 3600)
      expect(await sessions.prune()).toBeGreaterThan(0)
    })

    it('keeps an audit: logins at once, ends, reuse with both sides, expiry, search, erasure', async () => {
      const clock = createFakeClock(Date.now())
      const store = postgres({ ...options, schema: 'audited', audit: true })
      const sessions = await open({ store, now: clock.now })
      const from = { ip: '2001:db8::1', userAgent: '{"a",b\\}' }
      const [stolen, revoked, expired] = await Promise.all(
        ['stolen', 'revoked', 'expired'].map((userId) => sessions.create({ userId, ...from })),
      )
      const child = await sessions.refresh(stolen!.refreshToken.value, from)
      sessions.verify(child.accessToken.value, from)
      await sessions.flush()
      clock.advance(900)
      const thief = { ip: '192.0.2.1', userAgent: null }
      await expect(sessions.refresh(stolen!.refreshToken.value, { ip: thief.ip })).rejects.toEqual(
        coded('ERR_REFRESH_TOKEN_REUSED'),
      )
      clock.advance(1)
      expect(await sessions.revokeUser('revoked')).toBe(1)
      clock.advance(100 * 24 * 3600)
      await sessions.prune()
      const history = store.inspect!.history!
      const { found } = await history({ network: '2001:db8::/32', limit: 10 })
      const ends = found.flatMap(({ end, userId, sessionId }) =>
        end === null ? [] : [{ end, userId, sessionId }],
      )
      expect(ends).toMatchObject([
        {
          userId: 'expired',
          sessionId: expired!.session.sessionId,
          end: { reason: 'idle', presenter: null },
        },
        { userId: 'revoked', sessionId: revoked!.session.sessionId, end: { reason: 'revoked' } },
        { userId: 'stolen', end: { reason: 'reuse', presenter: thief } },
      ])
      expect(
        found
          .filter(({ kind }) => kind === 'created')
          .map(({ userId }) => userId)
          .toSorted(),
      ).toStrictEqual(['expired', 'revoked', 'stolen'])
      expect(found.every(({ ip, userAgent }) => ip === from.ip && userAgent === from.userAgent)).toBe(true)
      expect((await history({ userId: 'stolen', network: from.ip, limit: 1 })).next).not.toBeNull()
      await sessions.deleteUser('stolen')
      expect((await history({ userId: 'stolen', limit: 10 })).found).toStrictEqual([])
      expect((await history({ limit: 10 })).found).toHaveLength(4)
    })

    it.runIf(rolledBack !== null)('writes in a transaction of the application', async () => {
      const sessions = await open()
      const { session } = await sessions.create({ userId: 'tx' })
      let inside = ''
      await rolledBack!(async (client) => {
        const writes = sessions.using(client)
        const login = await writes.create({ userId: 'tx', data: { a: 1 } })
        inside = login.session.sessionId
        expect(await writes.revoke(session.sessionId)).toBe(true)
      })
      expect(await sessions.get(session.sessionId)).toMatchObject({ active: true })
      expect(await sessions.get(inside)).toBeNull()
    })

    it('refuses any other object as a transaction', async () => {
      const store = postgres(options)
      for (const other of [undefined, null, {}, 'client', options.sql, options.pglite])
        expect(() => store.using(other)).toThrow(TypeError)
    })

    it.runIf(listens)('brings a revocation to another process by LISTEN', async () => {
      const [one, two] = [await open(), await open()]
      await until('LISTEN works', 5000, () => one.stats().feed.listening && two.stats().feed.listening)
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

    it.runIf(!listens)('polls without a warning', async () => {
      const warnings: string[] = []
      const logger = {
        ...silentLogger,
        warn: (_fields: object, message: string) => void warnings.push(message),
      }
      const sessions = await open({ logger })
      const events = [listen(sessions, 'feedListening'), listen(sessions, 'storeUnavailable')]
      await sessions.create({ userId: 'u' })
      expect([sessions.stats().feed.listening, warnings, ...events]).toStrictEqual([false, [], [], []])
    })
  })
}
