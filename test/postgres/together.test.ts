import { expect, it } from 'vitest'
import type { ClaimsObject, CreateSession } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { recording } from '../support/pools.ts'
import { openSessions } from '../support/sessions.ts'

const url = await createDatabase()

const INPUTS: readonly CreateSession<ClaimsObject, unknown>[] = [
  { userId: 'plain' },
  { userId: 'Zoë "\\x00" \\ ☃ 💡', claims: { 'a "b"': ['\\', '\n', '💡', 1e21, -0, true, null] } },
  { userId: 'an object', data: { nested: { list: [1, '2', null] } }, claims: { role: 'member' } },
  { userId: 'a list', data: ['{"a"}', '{}', ','] },
  { userId: 'a text', data: 'null' },
  { userId: 'no', data: false, persistent: false, idleTimeout: 3600, absoluteTimeout: 7200 },
  { userId: 'somewhere', ip: '2001:db8::1', userAgent: '{"}\\\', null' },
]

async function open(schema: string) {
  const { pool, statements } = recording(createPool(url))
  const clock = createFakeClock()
  const sessions = await openSessions({
    store: postgres({ pool, schema, listen: false }),
    now: clock.now,
    revocation: { pollInterval: 60, catchUpTimeout: 0 },
  })
  return {
    sessions,
    /** The statements since the last call. */
    sent: () => statements.splice(0),
  }
}

it('a batch of logins writes the same rows as single logins, with one statement', async () => {
  const [together, alone] = [await open('together'), await open('alone')]
  together.sent()
  const created = await Promise.all(INPUTS.map((input) => together.sessions.create(input)))
  expect(together.sent()).toStrictEqual(['insert'])
  for (const input of INPUTS) await alone.sessions.create(input)

  const rows = async (schema: string): Promise<unknown[]> =>
    (
      await createPool(url).query(
        `select *, claims::text, id is not null and length(current) = 16 and length(anchor_hash) = 16 as has_tokens
        from ${schema}.sessions order by user_id`,
      )
    ).rows.map(({ id, current, anchor_hash, ...row }) => row)
  expect(await rows('together')).toStrictEqual(await rows('alone'))

  // Each login got the tokens of its own session.
  for (const [index, { accessToken, refreshToken }] of created.entries()) {
    const { userId } = INPUTS[index]!
    expect(together.sessions.verify(accessToken.value).userId).toBe(userId)
    expect((await together.sessions.refresh(refreshToken.value)).session.userId).toBe(userId)
  }
})

it('a login that the database rejects fails alone, without the other logins of its batch', async () => {
  const { sessions } = await open('refusing')
  await createPool(url).query(`alter table refusing.sessions add check (user_id <> 'refused')`)
  const outcomes = await Promise.allSettled(
    ['one', 'refused', 'other'].map((userId) => sessions.create({ userId })),
  )
  expect(outcomes.map(({ status }) => status)).toStrictEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect((outcomes[1] as PromiseRejectedResult).reason).toMatchObject({ code: '23514' })
  const count = async (userId: string): Promise<number> => (await sessions.list(userId)).length
  expect(await Promise.all(['one', 'refused', 'other'].map(count))).toStrictEqual([1, 0, 1])
})
