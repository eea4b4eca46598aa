import { describe, expect, it, vi } from 'vitest'
import type { Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { recording } from '../support/pools.ts'
import { openSessions } from '../support/sessions.ts'

const url = await createDatabase()

async function recorded(): Promise<{ sessions: Sessions; clock: FakeClock; sent(): string[] }> {
  const { pool, statements } = recording(createPool(url))
  const clock = createFakeClock()
  const sessions = await openSessions({
    store: postgres({ pool }),
    now: clock.now,
    revocation: { pollInterval: 60, catchUpTimeout: 0 },
  })
  return {
    sessions,
    clock,
    /** The statements since the last call. */
    sent: () => statements.splice(0),
  }
}

// budgets.test.ts covers the most frequent calls.
describe('the statements of a call:', () => {
  it('a refresh shortly after a turn sends one read', async () => {
    const { sessions, sent } = await recorded()
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    await sessions.refresh(child.refreshToken!.value)
    sent()
    await sessions.refresh(child.refreshToken!.value)
    expect(sent()).toStrictEqual(['select'])
  })

  it('patchData sends one update, setClaims a read, an update and a notification', async () => {
    const { sessions, sent } = await recorded()
    const { session } = await sessions.create({ userId: 'u' })
    sent()
    await sessions.patchData(session.sessionId, { a: 1 })
    expect(sent()).toStrictEqual(['update'])
    await sessions.setClaims(session.sessionId, { a: 1 })
    expect(sent()).toStrictEqual(['select', 'update', 'select'])
  })

  it('a revocation sends one update and a notification', async () => {
    const { sessions, sent } = await recorded()
    const { session } = await sessions.create({ userId: 'u' })
    sent()
    await sessions.revoke(session.sessionId)
    expect(sent()).toStrictEqual(['update', 'select'])
  })

  it('invalid, forged and expired tokens send nothing', async () => {
    const { sessions, clock, sent } = await recorded()
    const { accessToken, refreshToken } = await sessions.create({ userId: 'u' })
    sent()
    const broken = (token: string): string[] => ['', 'x', token.slice(0, -2), `${token}x`, token.slice(1)]
    for (const token of broken(refreshToken.value)) {
      await expect(sessions.refresh(token)).rejects.toThrow(coded('ERR_REFRESH_TOKEN_INVALID') as Error)
    }
    for (const token of broken(accessToken.value)) {
      expect(() => sessions.verify(token)).toThrow(coded('ERR_ACCESS_TOKEN_INVALID') as Error)
    }
    clock.advance(900)
    expect(() => sessions.verify(accessToken.value)).toThrow(coded('ERR_ACCESS_TOKEN_EXPIRED') as Error)
    await sessions.flush()
    expect(sent()).toStrictEqual([])
  })
})

describe('a turn', () => {
  it('is a HOT update, by use and by refresh', async () => {
    // One connection, so that its own statistics cover every update.
    const pool = createPool(url, { max: 1 })
    const clock = createFakeClock()
    const sessions = await openSessions({
      store: postgres({ pool, schema: 'hot' }),
      now: clock.now,
      revocation: { pollInterval: 60 },
    })
    let { refreshToken } = await sessions.create({
      userId: 'u',
      userAgent: 'x'.repeat(200),
      claims: { a: 1 },
    })
    for (let turns = 0; turns < 30; turns++) {
      const child = await sessions.refresh(refreshToken.value)
      if (turns % 2 === 0) sessions.verify(child.accessToken.value)
      await sessions.flush()
      await sessions.refresh(child.refreshToken!.value)
      refreshToken = child.refreshToken!
      clock.advance(900)
    }
    await vi.waitFor(async () => {
      await pool.query('select pg_stat_force_next_flush()')
      const { rows } = await pool.query(
        `select n_tup_upd::int as updated, n_tup_hot_upd::int as hot from pg_stat_user_tables
         where schemaname = 'hot' and relname = 'sessions'`,
      )
      // An older transaction in the cluster may keep dead rows in a page, so that a few updates find no room.
      expect(rows).toStrictEqual([{ updated: 30, hot: expect.toSatisfy((hot: number) => hot >= 27) }])
    }, 10_000)
  })
})
