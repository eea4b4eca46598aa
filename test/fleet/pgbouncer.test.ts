import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { diagnose } from '../../src/core/doctor/diagnose.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { listen, openSessions } from '../support/sessions.ts'
import { findPgBouncer, type PgBouncer, startPgBouncer, supportsPreparedStatements } from './pgbouncer.ts'
import { until } from './until.ts'

const binary = findPgBouncer()
// `.ci/run` installs PgBouncer, so in CI these tests must run.
if (binary === null && process.env['CI'] !== undefined) throw new Error('pgbouncer is not installed')
if (binary === null)
  console.log('PgBouncer is not installed (Debian: apt-get install pgbouncer). Its tests are skipped.')

const prepared = binary !== null && (await supportsPreparedStatements(binary))
const DEFAULTS = { setting: 'with default settings', settings: [] as string[] }
const shared = [
  DEFAULTS,
  ...(prepared
    ? [
        { setting: 'without prepared statements', settings: ['max_prepared_statements = 0'] },
        { setting: 'with prepared statements', settings: ['max_prepared_statements = 200'] },
      ]
    : []),
]
const modes = [
  { mode: 'session' as const, ...DEFAULTS },
  ...shared.map((setting) => ({ mode: 'transaction' as const, ...setting })),
  ...shared.map((setting) => ({ mode: 'statement' as const, ...setting })),
]
const direct = await createDatabase()
const POLL = 0.5
const SOON = 2000

describe.skipIf(binary === null).each(modes)(
  'through PgBouncer in $mode mode, $setting,',
  ({ mode, setting, settings }) => {
    let bouncer: PgBouncer
    /** All modes share one database, so each has users of its own. */
    const user = (name: string): string => `${name} in ${mode} mode, ${setting}`

    beforeAll(async () => {
      bouncer = await startPgBouncer(binary!, direct, mode, settings)
    })
    afterAll(() => bouncer?.stop())

    const open = (
      listenTo: boolean | string = true,
      options: Partial<SessionsOptions> = {},
    ): Promise<Sessions> =>
      openSessions({
        store: postgres({ connectionString: bouncer.url, listen: listenTo, maxConnections: 8 }),
        revocation: { pollInterval: POLL },
        ...options,
      })

    async function measureRevocation(one: Sessions, two: Sessions, timeout: number): Promise<number> {
      const { session, accessToken } = await one.create({ userId: user('u') })
      two.verify(accessToken.value)
      await one.revoke(session.sessionId)
      return until('the other process learns of the revocation', timeout, () => {
        try {
          two.verify(accessToken.value)
          return false
        } catch (error) {
          expect(error).toEqual(coded('ERR_SESSION_ENDED'))
          return true
        }
      })
    }

    /** Of several, because a busy machine may delay one. */
    async function fastestRevocation(one: Sessions, two: Sessions): Promise<number> {
      const durations: number[] = []
      for (let round = 0; round < 5; round++) durations.push(await measureRevocation(one, two, SOON))
      return Math.min(...durations)
    }

    it('the doctor names a pooler in the way of LISTEN, and the inspection works', async () => {
      const store = postgres({ connectionString: bouncer.url, maxConnections: 8 })
      const sessions = await openSessions({ store, revocation: { pollInterval: POLL } })
      const { session } = await sessions.create({ userId: user('inspected') })
      await sessions.revoke(session.sessionId)
      const unmeasured = { at: Date.now(), skew: null, keys: null, listenProblem: null }
      const found = diagnose(await store.status(), unmeasured)
      expect(found.filter(({ severity }) => severity !== 'note').map(({ id }) => id)).toStrictEqual(
        mode === 'session' ? [] : ['listen-pooler'],
      )
      const inspect = store.inspect!
      expect((await inspect.overview(Date.now(), 1)).days[0]!.ends.byReason['revoked']).toBeGreaterThan(0)
      expect(await inspect.findUsers(user('inspected'), null, 1)).toMatchObject({
        userIds: [user('inspected')],
      })
      expect(await inspect.reuse(null, 1)).toMatchObject({ found: expect.any(Array) })
      expect(await inspect.status()).toMatchObject({ unknown: [] })
    })

    it('the schema is created, and many concurrent sessions work', async () => {
      const sessions = await open(false)
      const trouble = [listen(sessions, 'storeUnavailable'), listen(sessions, 'confirmationsDropped')]
      const live = async (userId: string): Promise<void> => {
        const { session, refreshToken } = await sessions.create({
          userId,
          claims: { role: 'a' },
          data: { a: 1 },
        })
        const child = await sessions.refresh(refreshToken.value)
        expect(sessions.verify(child.accessToken.value).claims).toStrictEqual({ role: 'a' })
        await sessions.flush()
        // The confirmation was written: in statement mode without a transaction.
        expect(await sessions.get(session.sessionId)).toMatchObject({ generation: 1 })
        expect((await sessions.refresh(child.refreshToken!.value)).session.generation).toBe(1)
        expect(await sessions.patchData(session.sessionId, { b: 2 })).toBe(1)
        expect(await sessions.setClaims(session.sessionId, { role: 'b' })).toBe(1)
        expect(await sessions.list(userId)).toHaveLength(1)
        expect(await sessions.revoke(session.sessionId)).toBe(true)
        expect(await sessions.revoke(session.sessionId)).toBe(false)
      }
      await Promise.all(Array.from({ length: 40 }, (_, index) => live(user(`u${index}`))))
      expect(await sessions.prune()).toBe(0)
      expect(trouble).toStrictEqual([[], []])
    })

    it('reuse is detected', async () => {
      const clock = createFakeClock(Date.now())
      const sessions = await open(false, { rotation: { overlap: 1, gracePeriod: 1 }, now: clock.now })
      const { refreshToken } = await sessions.create({ userId: user('u') })
      const child = await sessions.refresh(refreshToken.value)
      sessions.verify(child.accessToken.value)
      await sessions.flush()
      // The grace period and the clock tolerance have passed.
      clock.advance(6.2)
      await expect(sessions.refresh(refreshToken.value)).rejects.toEqual(coded('ERR_REFRESH_TOKEN_REUSED'))
    })

    it.skipIf(mode === 'statement')('writes take part in a transaction of the application', async () => {
      const sessions = await open(false)
      const { session } = await sessions.create({ userId: user('u') })
      const client = await createPool(bouncer.url, { max: 1 }).connect()
      await client.query('begin')
      expect(await sessions.using(client).revoke(session.sessionId)).toBe(true)
      await client.query('rollback')
      client.release()
      expect(await sessions.get(session.sessionId)).toMatchObject({ active: true })
    })

    it.skipIf(mode === 'session')('LISTEN delivers nothing, so the process polls', async () => {
      const [one, two] = [await open(), await open()]
      const listening = listen(two, 'feedListening')
      // Shows that no ping arrives: a ping times out after one second.
      await sleep(1500)
      for (let round = 0; round < 3; round++) await measureRevocation(one, two, POLL * 1000 + SOON)
      // PgBouncer delivers a ping only while it lends the shared client the connection that listens: rarely, and one.
      await until('the process polls', 5000, () => !two.stats().feed.listening)
      expect(listening.length).toBeLessThanOrEqual(1)
    })

    it.runIf(mode === 'statement')('a transaction of the application is refused', async () => {
      const client = await createPool(bouncer.url, { max: 1 }).connect()
      client.on('error', () => {})
      await expect(client.query('begin')).rejects.toMatchObject({ severity: 'FATAL', code: '08P01' })
      client.release(true)
    })

    it.runIf(mode === 'session')('LISTEN delivers, and revocation is fast', async () => {
      const [one, two] = [await open(), await open()]
      await until('LISTEN works', 5000, () => two.stats().feed.listening)
      expect(await fastestRevocation(one, two)).toBeLessThan(POLL * 1000)
    })

    it('LISTEN works with the URL of the database itself, and revocation is fast', async () => {
      const [one, two] = [await open(), await open(direct)]
      await until('LISTEN works', 5000, () => two.stats().feed.listening)
      const polling = listen(two, 'feedPolling')
      expect(await fastestRevocation(one, two)).toBeLessThan(POLL * 1000)
      // Shows that the pings of the next second do not fail. On a busy machine one may be late.
      await sleep(1200)
      await until('LISTEN still works', 5000, () => two.stats().feed.listening)
      expect(polling.length).toBeLessThanOrEqual(1)
    })

    it.each([{ statement_timeout: 5000 }, { options: '-c work_mem=4MB' }])(
      'a startup parameter of the application is refused, with the reason (%o)',
      async (config) => {
        const store = postgres({ pool: createPool(bouncer.url, { max: 1, ...config }), listen: false })
        const error = await store.time().catch((thrown: unknown) => thrown)
        expect(error).toEqual(coded('ERR_STORE_UNAVAILABLE'))
        expect(String(error)).toContain('unsupported startup parameter')
      },
    )
  },
)
