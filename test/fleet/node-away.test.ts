import { describe, expect, it, vi } from 'vitest'
import { ENGINE, type Engine } from '../../src/core/engine.ts'
import { createRevocationSnapshots } from '../../src/core/revocation/revocation-snapshot.ts'
import { createSessions, type EventName, type Sessions, type SessionsOptions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { silentLogger } from '../support/logger.ts'
import { aroundQueries } from '../support/pools.ts'
import { SECRET } from '../support/secrets.ts'
import { listen, openSessions } from '../support/sessions.ts'

/** The answer of Citus while a worker is away. The connection to the coordinator is fine. */
const nodeAway = (): Error =>
  Object.assign(new Error('connection to the remote node worker2:5432 failed'), {
    code: '08006',
    severity: 'ERROR',
  })

const url = await createDatabase()
const pool = createPool(url)
const UNAVAILABLE = coded('ERR_STORE_UNAVAILABLE') as Error

/** Half of the ids are on the worker that is away. */
const isAway = (id: string): boolean => /[89a-f]$/.test(id)

/**
 * A coordinator of two workers, of which one can be away. A statement that names ids needs the workers of these; one
 * that names none needs both. The tables of keys and migrations are on the coordinator.
 */
function coordinator() {
  const state = { away: false, sent: [] as string[] }
  const through = aroundQueries(pool, async (config, run) => {
    if (!/\bsessions\b/.test(config.text) || /pg_catalog|to_regclass/.test(config.text)) return run()
    state.sent.push(config.text)
    const ids = JSON.stringify(config.values).match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? []
    if (state.away && (ids.length === 0 || ids.some(isAway))) throw nodeAway()
    return run()
  })
  return { state, pool: through }
}

/** Reports of `storeUnavailable` are expected, also before a test can listen. */
async function open(options: Partial<SessionsOptions> = {}) {
  const { state, pool: through } = coordinator()
  const sessions = await openSessions({
    store: postgres({ pool: through, listen: false }),
    logger: silentLogger,
    ...options,
  })
  return { sessions, state }
}

async function logins(sessions: Sessions, count: number) {
  return Promise.all(Array.from({ length: count }, () => sessions.create({ userId: 'u' })))
}

const statusOf = (results: readonly PromiseSettledResult<unknown>[]): string[] =>
  results.map((result) =>
    result.status === 'fulfilled' ? 'works' : String((result.reason as { code?: string }).code),
  )

describe('while one node of a distributed database is away', () => {
  it('refreshes of the others that share its turn of the event loop are answered', async () => {
    const { sessions, state } = await open()
    const all = await logins(sessions, 16)
    state.away = true
    for (let round = 0; round < 2; round++) {
      const results = await Promise.allSettled(
        all.map(({ refreshToken }) => sessions.refresh(refreshToken.value)),
      )
      expect(statusOf(results)).toStrictEqual(
        all.map(({ session }) => (isAway(session.sessionId) ? 'ERR_STORE_UNAVAILABLE' : 'works')),
      )
    }
    state.away = false
    await Promise.all(all.map(({ refreshToken }) => sessions.refresh(refreshToken.value)))
  })

  it('logins whose session is on another node succeed', async () => {
    const { sessions, state } = await open()
    state.away = true
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, () => sessions.create({ userId: 'u' })),
    )
    const works = results.filter(({ status }) => status === 'fulfilled')
    expect(works.length).toBeGreaterThan(0)
    expect(works.length).toBeLessThan(40)
    for (const result of results)
      if (result.status === 'fulfilled') expect(isAway(result.value.session.sessionId)).toBe(false)
  })

  it('confirmations of the others are written', async () => {
    const { sessions, state } = await open()
    const all = await logins(sessions, 16)
    const children = await Promise.all(all.map(({ refreshToken }) => sessions.refresh(refreshToken.value)))
    state.away = true
    for (const { accessToken } of children) sessions.verify(accessToken.value)
    await sessions.flush()
    state.away = false
    const rows = await Promise.all(all.map(({ session }) => sessions.get(session.sessionId)))
    expect(rows.map((row) => row?.generation)).toStrictEqual(
      all.map(({ session }) => (isAway(session.sessionId) ? 0 : 1)),
    )
  })

  it('a process starts, reports the outage, and learns of the revocations once the node is back', async () => {
    const { sessions: writer } = await open()
    const [login] = await logins(writer, 1)
    await writer.revoke(login!.session.sessionId)
    const { pool: through, state } = coordinator()
    state.away = true
    const warnings: object[] = []
    const warn = (fields: object): void => void warnings.push(fields)
    const sessions = await createSessions({
      store: postgres({ pool: through, listen: false }),
      secret: SECRET,
      revocation: { pollInterval: 0.1 },
      logger: { ...silentLogger, warn },
    })
    try {
      expect(warnings).toContainEqual(
        expect.objectContaining({ event: 'storeUnavailable' satisfies EventName, operation: 'poll' }),
      )
      expect(sessions.verify(login!.accessToken.value).userId).toBe('u')
      // The empty list of revocations is not handed to other services.
      const takeSnapshot = createRevocationSnapshots((sessions as unknown as { [ENGINE]: Engine })[ENGINE])
      expect(takeSnapshot).toThrow(UNAVAILABLE)
      const ended = new Promise((resolve) => sessions.onEnded(login!.session.sessionId, resolve))
      state.away = false
      expect(await ended).toBe('revoked')
      await vi.waitFor(() => expect(takeSnapshot().body.length).toBeGreaterThan(0), 10_000)
    } finally {
      await sessions.close()
    }
  })

  it('a process does not start with `onStale: refuse`', async () => {
    const { pool: through, state } = coordinator()
    state.away = true
    await expect(
      createSessions({
        store: postgres({ pool: through, listen: false }),
        secret: SECRET,
        revocation: { onStale: 'refuse' },
        logger: silentLogger,
      }),
    ).rejects.toEqual(UNAVAILABLE)
  })
})

describe('on a distributed database', () => {
  it('logins are written one by one, and refreshes are read together', async () => {
    const sent: string[] = []
    const through = aroundQueries(pool, async (config, run) => {
      if (config.text.includes('pg_dist_partition') && config.text.includes('has_citus'))
        return { rows: [{ has_citus: true }] }
      if (config.text.includes('pg_dist_partition'))
        return {
          rows: ['sessions', 'signingKeys', 'migrations'].map((name) => ({
            name,
            is_coordinator: true,
            coordinator_is_node: true,
            method: name === 'sessions' ? 'h' : null,
            replication: 's',
            colocation: 2,
            column_name: name === 'sessions' ? 'id' : null,
            shards: '32',
          })),
        }
      sent.push(config.text)
      return run()
    })
    const sessions = await openSessions({ store: postgres({ pool: through, listen: false }) })
    sent.length = 0
    const all = await logins(sessions, 8)
    expect(sent.filter((text) => text.startsWith('insert'))).toHaveLength(8)
    sent.length = 0
    await Promise.all(all.map(({ refreshToken }) => sessions.refresh(refreshToken.value)))
    expect(sent.filter((text) => text.startsWith('select'))).toHaveLength(1)
    expect(listen(sessions, 'storeUnavailable')).toStrictEqual([])
  })
})
