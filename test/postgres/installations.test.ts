import { expect, it, vi } from 'vitest'
import type { Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { watching } from '../support/pools.ts'
import { openSessions } from '../support/sessions.ts'

vi.mock(import('../../src/core/time/delay.ts'), async (original) => {
  const { skipDelays } = await import('../support/skip-delays.ts')
  return skipDelays(await original())
})

const pools = [createPool(await createDatabase()), createPool(await createDatabase())] as const

/** Two installations with databases of their own, but with one schema name and one secret. */
async function openTwo(): Promise<{ one: Sessions; other: Sessions; sentToOther: () => number }> {
  const { pool, sent } = watching(pools[1])
  const one = await openSessions({ store: postgres({ pool: pools[0], listen: false }) })
  const other = await openSessions({ store: postgres({ pool, listen: false }) })
  sent()
  return { one, other, sentToOther: () => sent().length }
}

it('of two installations with one secret, each refuses the tokens of the other, after reads of the database', async () => {
  const { one, other, sentToOther } = await openTwo()
  const { session, accessToken, refreshToken } = await one.create({ userId: 'anna' })
  await other.create({ userId: 'berta' })
  sentToOther()
  expect(() => other.verify(accessToken.value)).toThrow(coded('ERR_ACCESS_TOKEN_INVALID') as Error)
  expect(sentToOther()).toBe(0)
  const { sessionId } = session
  await expect(other.refresh(refreshToken.value)).rejects.toThrow(
    coded('ERR_SESSION_ENDED', { sessionId, reason: 'unknown' }) as Error,
  )
  // A genuine token is worth the search for a row that a distributed engine may be moving, and the question whether this
  // is the right database.
  expect(sentToOther()).toBe(5)
  expect((await one.refresh(refreshToken.value)).session.sessionId).toBe(sessionId)
})

it('a session whose row was copied to the other installation goes on there', async () => {
  const { one, other } = await openTwo()
  const { session, refreshToken } = await one.create({ userId: 'bert' })
  const { rows } = await pools[0].query('select to_json(s) as row from pawl.sessions s where id = $1', [
    session.sessionId,
  ])
  await pools[1].query(
    'insert into pawl.sessions select * from json_populate_record(cast(null as pawl.sessions), $1)',
    [rows[0].row],
  )
  const refreshed = await other.refresh(refreshToken.value)
  expect(refreshed.session.userId).toBe('bert')
  expect(other.verify(refreshed.accessToken.value).userId).toBe('bert')
})
