import { expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { aroundQueries } from '../support/pools.ts'
import { listen, openSessions } from '../support/sessions.ts'

const url = await createDatabase()

/** A pool that loses the result of the next matching statement after its commit. */
function losingResults(): { store: ReturnType<typeof postgres>; lose(statement: RegExp): void } {
  let next: RegExp | null = null
  const pool = aroundQueries(createPool(url), async (config, run) => {
    const answer = await run()
    if (next?.test(config.text)) {
      next = null
      throw new Error('Connection terminated unexpectedly')
    }
    return answer
  })
  return {
    store: postgres({ pool }),
    lose(statement) {
      next = statement
    },
  }
}

it('a write of data with `ifVersion` recognizes its own earlier attempt', async () => {
  const { store, lose } = losingResults()
  const sessions = await openSessions<object, object>({ store })
  const { sessionId } = (await sessions.create({ userId: 'anna', data: { a: 1 } })).session
  lose(/set data/)
  expect(await sessions.setData(sessionId, { b: 2 }, { ifVersion: 0 })).toBe(1)
  lose(/set data/)
  expect(await sessions.patchData(sessionId, { c: 3 }, { ifVersion: 1 })).toBe(2)
  expect(await sessions.setData(sessionId, {}, { ifVersion: 1 })).toBeNull()
  expect(await sessions.get(sessionId)).toMatchObject({ data: { b: 2, c: 3 }, dataVersion: 2 })
})

it.each([1, 3])('a login recognizes the row of its own earlier attempt (%i at once)', async (count) => {
  const { store, lose } = losingResults()
  const sessions = await openSessions({ store })
  const userId = `login ${count}`
  lose(/^insert/)
  await Promise.all(Array.from({ length: count }, () => sessions.create({ userId })))
  expect(await sessions.list(userId)).toHaveLength(count)
})

it('revokeUser counts, announces and refuses the sessions of its earlier attempt', async () => {
  const { store, lose } = losingResults()
  const sessions = await openSessions({ store })
  const { accessToken } = await sessions.create({ userId: 'bert' })
  await sessions.create({ userId: 'bert' })
  const ended = listen(sessions, 'ended')
  lose(/set ended_at/)
  expect(await sessions.revokeUser('bert')).toBe(2)
  expect(ended.map(({ reason }) => reason)).toStrictEqual(['revoked', 'revoked'])
  expect(() => sessions.verify(accessToken.value)).toThrow(
    expect.objectContaining({ code: 'ERR_SESSION_ENDED' }),
  )
})

it('of two concurrent revocations of one session, one reports true', async () => {
  const sessions = await openSessions({
    store: postgres({ pool: createPool(url) }),
    now: () => Date.UTC(2030, 0, 1),
  })
  const { sessionId } = (await sessions.create({ userId: 'carl' })).session
  const results = await Promise.all([sessions.revoke(sessionId), sessions.revoke(sessionId)])
  expect(results.toSorted()).toStrictEqual([false, true])
})
