import { describe, expect, it, vi } from 'vitest'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { aroundQueries } from '../support/pools.ts'
import { listen, openSessions } from '../support/sessions.ts'

const url = await createDatabase()

const SUPERSEDED = { code: 'ERR_ACCESS_TOKEN_EXPIRED', reason: 'superseded' }

/** A pool that loses the results of the next matching statements after their commit. */
function losingResults(): {
  store: ReturnType<typeof postgres>
  lose(statement: RegExp, times?: number): void
} {
  let next: RegExp | null = null
  let left = 0
  const pool = aroundQueries(createPool(url), async (config, run) => {
    const answer = await run()
    if (next?.test(config.text)) {
      if (--left === 0) next = null
      throw new Error('Connection terminated unexpectedly')
    }
    return answer
  })
  return {
    store: postgres({ pool, listen: url }),
    lose(statement, times = 1) {
      next = statement
      left = times
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

describe('older access tokens are refused soon after the answer was lost to', () => {
  const isListening = (sessions: Sessions): Promise<void> =>
    vi.waitFor(() => expect(sessions.stats().feed.listening).toBe(true), { timeout: 10_000 })
  const refuses = (sessions: Sessions, token: string): Promise<void> =>
    vi.waitFor(
      () => expect(() => sessions.verify(token)).toThrow(expect.objectContaining(SUPERSEDED)),
      10_000,
    )

  /** Two processes. While LISTEN works, they poll twice a minute. */
  async function openTwo(
    options: Partial<SessionsOptions> = {},
  ): Promise<{ sessions: Sessions; lose: ReturnType<typeof losingResults>['lose']; other: Sessions }> {
    const { store, lose } = losingResults()
    const given = { revocation: { pollInterval: 0.2 }, ...options }
    const sessions = await openSessions({ store, ...given })
    const other = await openSessions({ store: postgres({ pool: createPool(url) }), ...given })
    await Promise.all([isListening(sessions), isListening(other)])
    return { sessions, lose, other }
  }

  it('new claims of `refreshClaims`', async () => {
    let role = 'admin'
    const { sessions, lose, other } = await openTwo({ refreshClaims: () => ({ role }) })
    const { accessToken, refreshToken } = await sessions.create({ userId: 'dora' })
    role = 'user'
    lose(/set claims = \$4/)
    expect((await sessions.refresh(refreshToken.value)).session).toMatchObject({
      claims: { role },
      version: 1,
    })
    await refuses(sessions, accessToken.value)
    await refuses(other, accessToken.value)
  })

  it('the confirmation of a renewal', async () => {
    let ahead = 0
    const { sessions, lose, other } = await openTwo({ now: () => Date.now() + ahead })
    const { session, accessToken } = await sessions.create({ userId: 'emil' })
    const renewed = await sessions.renew(session.sessionId)
    ahead = 70_000
    lose(/anchor_hash = \$13/)
    await sessions.refresh(renewed.refreshToken.value)
    await refuses(sessions, accessToken.value)
    await refuses(other, accessToken.value)
  })

  it.each([
    ['refreshClaims', /set claims = \$4/],
    ['setClaims', /set claims = \$2/],
  ])('every attempt of `%s`, in the process that wrote', async (name, statement) => {
    let role = 'admin'
    const { sessions, lose } = await openTwo(name === 'setClaims' ? {} : { refreshClaims: () => ({ role }) })
    const { accessToken, refreshToken } = await sessions.create({ userId: name, claims: { role } })
    role = 'user'
    lose(statement, 3)
    const write =
      name === 'setClaims'
        ? sessions.setClaims({ userId: name }, { role })
        : sessions.refresh(refreshToken.value)
    await expect(write).rejects.toThrow(expect.objectContaining({ code: 'ERR_STORE_UNAVAILABLE' }))
    await refuses(sessions, accessToken.value)
  })
})
