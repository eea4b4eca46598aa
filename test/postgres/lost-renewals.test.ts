import { expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { openWithClock } from '../support/sessions.ts'

const pool = createPool(await createDatabase())

it('the use of a token of a renewal ends no session whose database has lost the confirmation', async () => {
  const { sessions, clock } = await openWithClock({ store: postgres({ pool }) })
  const login = await sessions.create({ userId: 'anna' })
  const { sessionId } = login.session
  clock.advance(600)
  const old = await sessions.refresh(login.refreshToken.value)
  const renewed = await sessions.renew(sessionId, { reauthenticated: true })
  // The last use of an older token turns the row after the renewal.
  sessions.verify(old.accessToken.value)
  await sessions.flush()
  await pool.query('create table backup as select * from pawl.sessions')
  clock.advance(66)
  await sessions.refresh(renewed.refreshToken.value)
  clock.advance(900)
  const child = await sessions.refresh(renewed.refreshToken.value)
  await pool.query('delete from pawl.sessions')
  await pool.query('insert into pawl.sessions select * from backup')
  sessions.verify(child.accessToken.value)
  await sessions.flush()
  expect(await sessions.get(sessionId)).toMatchObject({ endReason: null })
  const { accessToken } = await sessions.refresh(child.refreshToken!.value)
  expect(sessions.verify(accessToken.value).sessionId).toBe(sessionId)
})
