import pg from 'pg'
import { expect, it, vi } from 'vitest'
import { shareListenClient } from '../../src/postgres/drivers/shared-listen-client.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createListener } from '../../src/postgres/listen.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { listen, openSessions } from '../support/sessions.ts'

const url = await createDatabase()
const pool = createPool(url, { max: 4 })

const listeners = async (): Promise<number[]> =>
  (
    await pool.query(
      `select pid from pg_stat_activity where application_name like 'pawl listen%' and datname = current_database()`,
    )
  ).rows.map(({ pid }) => pid as number)

it('thirty schemas on one pool share one LISTEN connection, without a warning', async () => {
  const warnings = collectWarnings()
  const fleet = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      openSessions({ store: postgres({ pool, schema: `tenant_${index}` }) }),
    ),
  )
  // Another process of the last tenant.
  const other = await openSessions({ store: postgres({ pool, schema: 'tenant_29' }) })
  const all = [...fleet, other]
  const allListen = (some: typeof all): Promise<void> =>
    vi.waitFor(() => expect(some.every((one) => one.stats().feed.listening)).toBe(true), {
      timeout: 15_000,
      interval: 50,
    })
  await allListen(all)
  // A late ping opens a second connection, and the first one ends a little later.
  await vi.waitFor(async () => expect(await listeners()).toHaveLength(1), 10_000)

  const { session, accessToken } = await other.create({ userId: 'anna' })
  const ended = new Promise((resolve) => fleet[29]!.onEnded(session.sessionId, resolve))
  await other.revoke(session.sessionId)
  expect(await ended).toBe('revoked')
  expect(() => fleet[29]!.verify(accessToken.value)).toThrow()

  // Closing some leaves the others listening, and a lost connection comes back for all of them.
  await Promise.all([other, ...fleet.slice(0, 20)].map((one) => one.close()))
  const [pid] = await listeners()
  await pool.query('select pg_terminate_backend($1)', [pid])
  const rest = fleet.slice(20)
  await vi.waitFor(
    async () => {
      expect(await listeners()).toHaveLength(1)
      expect(await listeners()).not.toContain(pid)
    },
    { timeout: 15_000, interval: 50 },
  )
  await allListen(rest)
  await Promise.all(rest.map((one) => one.close()))
  await vi.waitFor(async () => expect(await listeners()).toStrictEqual([]), { timeout: 5000 })
  expect(warnings).toStrictEqual([])
}, 60_000)

it('two databases behind one URL of `listen` do not share a connection', async () => {
  const otherUrl = await createDatabase()
  const options = { listen: `postgres://${new URL(url).host}` }
  const both = await Promise.all(
    [url, otherUrl].map((connectionString) =>
      openSessions({ store: postgres({ connectionString, ...options }), revocation: { pollInterval: 0.1 } }),
    ),
  )
  const polling = both.map((sessions) => listen(sessions, 'feedPolling'))
  await vi.waitFor(() => expect(both.every((one) => one.stats().feed.listening)).toBe(true), {
    timeout: 10_000,
  })
  expect(polling).toStrictEqual([[], []])
})

it('a listener that is closed at once does not keep the shared connection open', async () => {
  const open = shareListenClient(
    async () => new pg.Client({ connectionString: url, application_name: 'closed at once' }) as never,
    url,
    { host: 'of this test' },
  )
  const create = (): ReturnType<typeof createListener> =>
    createListener(open, { quoted: 'x', name: 'x' }, async () => true, {
      onChange() {},
      onForeign() {},
      onConnected() {},
    })
  const [first, second] = [create(), create()]
  await second.close()
  await first.close()
  await vi.waitFor(async () => {
    const { rowCount } = await pool.query(
      `select from pg_stat_activity where application_name = 'closed at once'`,
    )
    expect(rowCount).toBe(0)
  }, 3000)
})
