import { expect, it } from 'vitest'
import type { Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { openSessions } from '../support/sessions.ts'

const pool = createPool(await createDatabase())

/** Uses each of the prepared statements at least once. */
async function callAll(sessions: Sessions, wait: (seconds: number) => void) {
  const { session, refreshToken, accessToken } = await sessions.create({ userId: 'anna', data: { a: 1 } })
  const { sessionId } = session
  await Promise.all([1, 2, 3].map(() => sessions.create({ userId: 'berta' })))
  await sessions.check(accessToken.value)
  const child = await sessions.refresh(refreshToken.value)
  sessions.verify(child.accessToken.value)
  await sessions.flush()
  wait(900)
  const grandchild = await sessions.refresh(child.refreshToken!.value)
  await sessions.refresh(grandchild.refreshToken!.value)
  await sessions.setData(sessionId, { b: 2 })
  await sessions.patchData(sessionId, { c: 3 })
  await sessions.setClaims(sessionId, { role: 'admin' })
  await sessions.reauthenticate(sessionId)
  const renewed = await sessions.renew(sessionId, { reauthenticated: true })
  wait(120)
  await sessions.refresh(renewed.refreshToken.value)
  expect(await sessions.expireAccessTokens({ userId: 'anna' })).toBe(1)
  expect(await sessions.get(sessionId)).toMatchObject({ data: { b: 2, c: 3 }, claims: { role: 'admin' } })
  expect(await sessions.list('berta', { active: true })).toHaveLength(3)
  expect(await sessions.revokeUser('berta')).toBe(3)
  expect(await sessions.revoke(sessionId)).toBe(true)
  expect(await sessions.deleteUser('anna')).toBe(1)
  expect(await sessions.deleteUser('berta')).toBe(3)
  await sessions.revokeAll()
  await sessions.keys.rotate()
  wait(40 * 86_400)
  expect(await sessions.prune()).toBe(4)
}

it('a column that gets another type, or a new one, disturbs no statement of a running process', async () => {
  const clock = createFakeClock()
  const sessions = await openSessions({
    store: postgres({ pool, listen: false }),
    now: clock.now,
    limits: { sessionsPerUser: 100 },
    revocation: { pollInterval: 60 },
  })
  await callAll(sessions, clock.advance)
  for (const change of [
    'alter column user_agent type varchar(512), alter column generation type bigint, alter column version type bigint',
    'add column tenant text, alter column user_id type varchar(300), alter column data_version type bigint',
    `alter column user_agent type text, alter column claims type jsonb, alter column end_reason type varchar(20)`,
  ]) {
    await pool.query(`alter table pawl.sessions ${change}`)
    await pool.query('alter table pawl.signing_keys alter column kid type varchar(200)')
    await pool.query('alter table pawl.signing_keys alter column kid type text')
    await callAll(sessions, clock.advance)
  }
})
