import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createConnection } from '../../src/postgres/connection.ts'
import { pgDriver } from '../../src/postgres/drivers/pg.ts'
import { type PoolLike, postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { aroundQueries, driverError } from '../support/pools.ts'
import { listen, openSessions } from '../support/sessions.ts'

// Skips the delays between retries.
vi.mock(import('../../src/core/time/delay.ts'), async (original) => {
  const { skipDelays } = await import('../support/skip-delays.ts')
  return skipDelays(await original())
})

const UNAVAILABLE = coded('ERR_STORE_UNAVAILABLE', { retryAfter: 5 }) as Error

const url = await createDatabase()
const pool = createPool(url)
const store = (through: PoolLike): ReturnType<typeof postgres> => postgres({ pool: through })

/** The whole life of a session on an unusual pool: the results must be the usual ones. */
async function live(on: PoolLike): Promise<void> {
  const clock = createFakeClock()
  const sessions = await openSessions({ store: store(on), now: clock.now })
  const { refreshToken, session } = await sessions.create({
    userId: 'u',
    claims: { role: 'admin' },
    data: { a: [1] },
    ip: '192.0.2.1',
    idleTimeout: 3600,
    persistent: false,
  })
  expect(await sessions.get(session.sessionId)).toStrictEqual(session)
  const child = await sessions.refresh(refreshToken.value)
  expect(sessions.verify(child.accessToken.value).claims).toStrictEqual({ role: 'admin' })
  await sessions.flush()
  clock.advance(60)
  expect((await sessions.refresh(child.refreshToken!.value)).session.generation).toBe(1)
  expect(await sessions.patchData(session.sessionId, { b: 2 })).toBe(1)
  expect(await sessions.get(session.sessionId)).toMatchObject({ data: { a: [1], b: 2 }, generation: 1 })
  expect(await sessions.revoke(session.sessionId, 'logout')).toBe(true)
  expect(await sessions.get(session.sessionId)).toMatchObject({ endReason: 'logout' })
}

describe('a pooler that refuses transactions', () => {
  /** @param refuses whether it refuses BEGIN of this number, from 1 */
  async function confirming(
    refuses: (begun: number) => boolean,
    code = '08P01',
  ): Promise<{ confirm(): Promise<number>; begun(): number; trouble(): unknown[] }> {
    let begun = 0
    const through = aroundQueries(pool, (config, run) => {
      if (config.text !== 'begin' || !refuses(++begun)) return run()
      throw Object.assign(driverError(code), { severity: 'FATAL' })
    })
    const sessions = await openSessions({ store: store(through) })
    const trouble = [listen(sessions, 'storeUnavailable'), listen(sessions, 'confirmationsDropped')]
    return {
      begun: () => begun,
      trouble: () => trouble.flat(),
      /** @returns the generation after a confirmation, without a further refresh */
      async confirm() {
        const { session, refreshToken } = await sessions.create({ userId: 'u' })
        const child = await sessions.refresh(refreshToken.value)
        sessions.verify(child.accessToken.value)
        await sessions.flush()
        return (await sessions.get(session.sessionId))!.generation
      },
    }
  }

  it.each(['08P01', '0A000', '25001'])('gets single statements for good (%s)', async (code) => {
    const { confirm, begun, trouble } = await confirming(() => true, code)
    for (let session = 0; session < 4; session++) expect(await confirm()).toBe(1)
    expect(trouble()).toStrictEqual([])
    // The second one shows that the first was not refused because of an outage.
    expect(begun()).toBe(2)
  })

  it('is none if the next transaction begins: PgBouncer reports an outage with the same code', async () => {
    const { confirm, begun, trouble } = await confirming((count) => count === 1)
    for (let session = 0; session < 3; session++) expect(await confirm()).toBe(1)
    expect(trouble()).toStrictEqual([])
    expect(begun()).toBe(4)
  })
})

describe('prepared statements', () => {
  it('are used: each statement outside a transaction has its own name', async () => {
    const names = new Map<string, string>()
    await live(
      aroundQueries(pool, (config, run) => {
        if (config.name !== undefined) names.set(config.name, config.text)
        return run()
      }),
    )
    expect(names.size).toBeGreaterThan(5)
    expect(new Set(names.values()).size).toBe(names.size)
    for (const name of names.keys()) expect(name).toMatch(/^pawl_[0-9a-f]{16}$/)
  })

  it.each(['42P05', '26000'])('are no longer used after the pooler answers %s', async (code) => {
    let refused = 0
    let unnamed = 0
    await live(
      aroundQueries(pool, (config, run) => {
        if (config.name === undefined) {
          unnamed++
          return run()
        }
        refused++
        return Promise.reject(driverError(code))
      }),
    )
    expect(refused).toBe(1)
    expect(unnamed).toBeGreaterThan(10)
  })
})

describe('a statement that fails', () => {
  /** Fails matching statements a number of times. With `lost` the statement runs, but its result is lost. */
  function failing(
    start: string,
    times: number,
    error: unknown,
    lost = false,
  ): { pool: PoolLike; tried(): number } {
    let tried = 0
    return {
      tried: () => tried,
      pool: aroundQueries(pool, async (config, run) => {
        if (!config.text.startsWith(start)) return run()
        if (++tried > times) return run()
        if (lost) await run()
        throw error
      }),
    }
  }

  const CONFLICTS = ['40001', '40P01', '55P03']
  const CONNECTION = [
    '08006',
    '57P01',
    '57P02',
    '57P03',
    '25006',
    '53300',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    undefined,
  ]

  it.each([...CONFLICTS, ...CONNECTION])('with %s is retried', async (code) => {
    const { pool: flaky, tried } = failing('insert into "pawl".sessions', 2, driverError(code))
    const sessions = await openSessions({ store: store(flaky) })
    const { session } = await sessions.create({ userId: 'u' })
    expect(await sessions.get(session.sessionId)).toMatchObject({ active: true })
    expect(tried()).toBe(3)
  })

  it.each([...CONFLICTS, ...CONNECTION])('with %s three times throws StoreUnavailableError', async (code) => {
    const { pool: flaky, tried } = failing('insert into "pawl".sessions', 3, driverError(code))
    const sessions = await openSessions({ store: store(flaky) })
    await expect(sessions.create({ userId: 'u' })).rejects.toThrow(UNAVAILABLE)
    expect(tried()).toBe(3)
  })

  it.each([
    {
      event: Object.assign(new Event('error'), { error: driverError('ECONNREFUSED') }),
      reason: 'connection refused',
    },
    { event: Object.assign(new Event('error'), { message: 'network error or non-101' }), reason: 'non-101' },
    { event: new Event('error'), reason: 'connection lost or timed out' },
  ])('with the event of a WebSocket is an outage ($reason)', async ({ event, reason }) => {
    const { pool: flaky, tried } = failing('insert into "pawl".sessions', 3, event)
    const sessions = await openSessions({ store: store(flaky) })
    const error = await sessions.create({ userId: 'u' }).catch((thrown: unknown) => thrown)
    expect(error).toEqual(UNAVAILABLE)
    expect(String(error)).toContain(reason)
    expect(tried()).toBe(3)
  })

  it.each(['23502', '42703', '22P02'])(
    'with %s, a programming mistake, is not retried and keeps its code',
    async (code) => {
      const { pool: flaky, tried } = failing('insert into "pawl".sessions', 1, driverError(code))
      const sessions = await openSessions({ store: store(flaky) })
      await expect(sessions.create({ userId: 'u' })).rejects.toMatchObject({ code })
      expect(tried()).toBe(1)
    },
  )

  it('creates one session when the result of the insert was lost', async () => {
    const { pool: flaky } = failing('insert into "pawl".sessions', 2, driverError('ECONNRESET'), true)
    const sessions = await openSessions({ store: store(flaky) })
    const { refreshToken } = await sessions.create({ userId: 'lost insert' })
    expect(await sessions.list('lost insert')).toHaveLength(1)
    expect((await sessions.refresh(refreshToken.value)).refreshToken).not.toBeNull()
  })

  it('detects no reuse when the result of a turn was lost', async () => {
    const { pool: flaky } = failing('update', 1, driverError('ECONNRESET'), true)
    const sessions = await openSessions({ store: store(flaky) })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    expect((await sessions.refresh(child.refreshToken!.value)).session.generation).toBe(1)
  })

  it('reports that this call ended the session when the result of the update was lost', async () => {
    const { pool: flaky } = failing('update', 1, driverError('ECONNRESET'), true)
    const sessions = await openSessions({ store: store(flaky) })
    const { session, accessToken } = await sessions.create({ userId: 'u' })
    expect(await sessions.revoke(session.sessionId)).toBe(true)
    expect(() => sessions.verify(accessToken.value)).toThrow(coded('ERR_SESSION_ENDED') as Error)
  })

  it('in a confirmation repeats the whole transaction, even if only the commit failed', async () => {
    const { pool: flaky, tried } = failing('commit', 1, driverError('40001'))
    const sessions = await openSessions({ store: store(flaky) })
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    sessions.verify((await sessions.refresh(refreshToken.value)).accessToken.value)
    await sessions.flush()
    expect(tried()).toBe(2)
    expect((await sessions.get(session.sessionId))!.generation).toBe(1)
  })

  it('in a confirmation leaves no open transaction in the pool', async () => {
    const single = createPool(url, { max: 1 })
    const flaky = aroundQueries(single, (config, run) =>
      config.text.startsWith('update') ? Promise.reject(driverError('08006')) : run(),
    )
    const sessions = await openSessions({ store: store(flaky) })
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    sessions.verify((await sessions.refresh(refreshToken.value)).accessToken.value)
    await sessions.flush()
    const { rows } = await single.query('select now() = statement_timestamp() as fresh')
    expect(rows).toStrictEqual([{ fresh: true }])
    expect((await sessions.get(session.sessionId))!.generation).toBe(0)
  })
})

describe('a pool whose application changed the type parsers', () => {
  const oids = [16, 17, 20, 21, 23, 25, 1082, 1114, 1184, 2950, 3802, 869]
  const before = oids.map((oid) => pg.types.getTypeParser(oid))
  beforeAll(() => {
    for (const oid of oids) pg.types.setTypeParser(oid, () => 'changed by the application')
  })
  afterAll(() => {
    oids.forEach((oid, index) => void pg.types.setTypeParser(oid, before[index] as never))
  })

  it('does not affect Pawl', async () => {
    await live(pool as unknown as PoolLike)
  })
})

describe('a pool with unusual settings', () => {
  it.each([
    'timezone=Asia/Kolkata',
    'timezone=America/St_Johns',
    'intervalstyle=iso_8601',
    'bytea_output=escape',
  ])('(%s) does not affect Pawl', async (setting) => {
    await live(createPool(url, { options: `-c ${setting}` }) as unknown as PoolLike)
  })
})

describe('a connection that is lost while turns are written', () => {
  it('does not end the process', async () => {
    let queries = 0
    await live({
      query: (config) => pool.query(config as pg.QueryConfig),
      async connect() {
        const client = await pool.connect()
        return {
          query(config) {
            // The driver emits this in addition to failing the statement. Without a listener it throws.
            client.emit('error', new Error('read ECONNRESET'))
            queries++
            return client.query(config as pg.QueryConfig)
          },
          release: (error) => client.release(error),
          on: (event, listener) => client.on(event, listener),
          off: (event, listener) => client.off(event, listener),
        }
      },
      end: () => pool.end(),
    })
    expect(queries).toBeGreaterThan(0)
  })
})

describe('a stuck pool', () => {
  afterEach(() => void vi.useRealTimers())

  it('gets no new statements while too many wait, and is used again afterwards', async () => {
    vi.useFakeTimers()
    let queries = 0
    let stuck = true
    const state = {
      waitingCount: 0,
      totalCount: 5,
      idleCount: 0,
      options: { max: 5 },
      query: (): Promise<{ rows: unknown[] }> => {
        queries++
        return stuck ? new Promise(() => {}) : Promise.resolve({ rows: [] })
      },
      connect: () => expect.unreachable(),
      end: async () => {},
    }
    const connection = createConnection(pgDriver(state), { where: 'there' })
    const unanswered = connection.query('select 1', []).catch((error: unknown) => error)
    state.waitingCount = 101
    await vi.advanceTimersByTimeAsync(1999)
    void connection.query('select 1', []).catch(() => {})
    expect(queries).toBe(2)
    await vi.advanceTimersByTimeAsync(2)
    await expect(connection.query('select 1', [])).rejects.toThrow(UNAVAILABLE)
    expect(queries).toBe(2)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await unanswered).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    stuck = false
    state.waitingCount = 100
    expect(await connection.query('select 1', [])).toStrictEqual([])
    state.waitingCount = 101
    expect(await connection.query('select 1', [])).toStrictEqual([])
  })
})
