import { describe, expect, it } from 'vitest'
import type { Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { auditOf } from '../support/audit.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { aroundQueries } from '../support/pools.ts'
import { openSessions } from '../support/sessions.ts'

const DAY = 24 * 3600
const url = await createDatabase()
const pool = createPool(url).setMaxListeners(50)
let schemas = 0

/** Loses the answer of the next statement that matches, after its commit. */
async function open(): Promise<{
  sessions: Sessions
  clock: FakeClock
  lose(statement: RegExp): void
  audit(): Promise<string[]>
}> {
  const schema = `retries_${++schemas}`
  const clock = createFakeClock()
  let next: RegExp | null = null
  const losing = aroundQueries(pool, async (config, run) => {
    const answer = await run()
    if (next?.test(config.text) !== true) return answer
    next = null
    throw new Error('Connection terminated unexpectedly')
  })
  const store = postgres({ pool: losing, schema, audit: true, listen: false })
  return {
    clock,
    sessions: await openSessions({ store, now: clock.now, revocation: { pollInterval: 60 } }),
    lose(statement) {
      next = statement
    },
    audit: async () => {
      // Otherwise the test has lost nothing.
      expect(next).toBeNull()
      return (await auditOf(pool, schema)).toSorted()
    },
  }
}

describe('a lost answer makes no second record of', () => {
  it.each([1, 3])('a login (%i at once)', async (count) => {
    const { sessions, lose, audit } = await open()
    lose(/insert into .*sessions/s)
    await Promise.all(Array.from({ length: count }, () => sessions.create({ userId: 'u' })))
    expect(await audit()).toStrictEqual(Array.from({ length: count }, () => 'created'))
  })

  it('the end of one session', async () => {
    const { sessions, lose, audit } = await open()
    const { session } = await sessions.create({ userId: 'u' })
    lose(/set ended_at/)
    expect(await sessions.revoke(session.sessionId)).toBe(true)
    expect(await audit()).toStrictEqual(['created', 'ended revoked'])
  })

  it('the end of all sessions of a user, and of all', async () => {
    const { sessions, clock, lose, audit } = await open()
    for (const userId of ['a', 'a', 'b']) await sessions.create({ userId })
    lose(/set ended_at/)
    expect(await sessions.revokeUser('a')).toBe(2)
    clock.advance(1)
    lose(/set ended_at/)
    expect(await sessions.revokeAll()).toBe(1)
    expect((await audit()).slice(3)).toStrictEqual(['ended revoked', 'ended revoked', 'ended revoked'])
  })

  it('a detected reuse', async () => {
    const { sessions, clock, lose, audit } = await open()
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    sessions.verify(child.accessToken.value)
    await sessions.flush()
    clock.advance(900)
    lose(/set ended_at/)
    await expect(sessions.refresh(refreshToken.value)).rejects.toMatchObject({
      code: 'ERR_REFRESH_TOKEN_REUSED',
    })
    expect(await audit()).toStrictEqual(['created', 'ended reuse'])
  })

  it('an expiry', async () => {
    const { sessions, clock, lose, audit } = await open()
    await sessions.create({ userId: 'u' })
    clock.advance(800 * DAY)
    lose(/delete from .*"sessions|delete from "retries_\d+"\.sessions/)
    await sessions.prune()
    // The retention of 400 days has passed, too, but only for the sign-in.
    expect(await audit()).toStrictEqual([])
  })
})

it('a rolled back transaction of the application records nothing, and a committed one all', async () => {
  const { sessions, audit } = await open()
  const { session } = await sessions.create({ userId: 'u' })
  for (const end of ['rollback', 'commit']) {
    const client = await pool.connect()
    await client.query('begin')
    const writes = sessions.using(client)
    await writes.create({ userId: 'u' })
    await writes.revoke(session.sessionId)
    await client.query(end)
    client.release()
    expect(await audit()).toStrictEqual(
      end === 'rollback' ? ['created'] : ['created', 'created', 'ended revoked'],
    )
  }
})

it('of twenty requests that end one session, one records it', async () => {
  const { sessions, audit } = await open()
  const { session } = await sessions.create({ userId: 'u' })
  const ended = await Promise.all(Array.from({ length: 20 }, () => sessions.revoke(session.sessionId)))
  expect(ended.filter(Boolean)).toHaveLength(1)
  expect(await audit()).toStrictEqual(['created', 'ended revoked'])
})
