import { describe, expect, it } from 'vitest'
import type { Sessions, SessionsOptions, Store } from '../../src/index.ts'
import { coded } from '../support/errors.ts'
import { listen, openSessions } from '../support/sessions.ts'
import { storeKinds } from '../support/stores.ts'

const LIMITED = coded('ERR_SESSION_LIMIT', { userId: 'u' }) as Error

describe.each(await storeKinds())('limits.sessionsPerUser, on $name,', ({ newPlace }) => {
  async function open(options: Partial<SessionsOptions> = {}): Promise<Sessions> {
    return openSessions({
      store: newPlace().open(),
      ...options,
      limits: { sessionsPerUser: 2, ...options.limits },
    })
  }
  const live = async (sessions: Sessions, userId = 'u'): Promise<string[]> =>
    (await sessions.list(userId)).filter(({ active }) => active).map(({ sessionId }) => sessionId)
  const login = async (sessions: Sessions, userId = 'u'): Promise<string> =>
    (await sessions.create({ userId })).session.sessionId

  it('ends the oldest login, with the reason `limit`, and no session of another user', async () => {
    const sessions = await open()
    const ended = listen(sessions, 'ended')
    const [first, second] = [await login(sessions), await login(sessions)]
    await login(sessions, 'other')
    const third = await login(sessions)
    expect((await live(sessions)).sort()).toStrictEqual([second, third].sort())
    expect(ended).toStrictEqual([{ sessionId: first, userId: 'u', reason: 'limit' }])
    expect(await live(sessions, 'other')).toHaveLength(1)
  })

  it('refuses the new login with `reject`, and leaves no session of it', async () => {
    const sessions = await open({ limits: { onSessionLimit: 'reject' } })
    const limited = listen(sessions, 'sessionLimited')
    const old = [await login(sessions), await login(sessions)]
    await expect(sessions.create({ userId: 'u' })).rejects.toThrow(LIMITED)
    expect((await live(sessions)).sort()).toStrictEqual(old.sort())
    expect(limited).toStrictEqual([{ userId: 'u' }])
    await sessions.revoke(old[0]!)
    await login(sessions)
  })

  it('does not count the session that a login replaces', async () => {
    const sessions = await open({ limits: { onSessionLimit: 'reject', sessionsPerUser: 1 } })
    const first = await login(sessions)
    const { session } = await sessions.create({ userId: 'u', replaces: first })
    expect(await live(sessions)).toStrictEqual([session.sessionId])
    expect((await sessions.get(first))?.endReason).toBe('replaced')
  })

  it('counts none of several sessions that a login replaces', async () => {
    const sessions = await open({ limits: { onSessionLimit: 'reject', sessionsPerUser: 2 } })
    const old = [await login(sessions), await login(sessions)]
    const { session } = await sessions.create({ userId: 'u', replaces: old })
    expect(await live(sessions)).toStrictEqual([session.sessionId])
    for (const id of old) expect((await sessions.get(id))?.endReason).toBe('replaced')
  })

  it('does not count expired sessions', async () => {
    let now = Date.UTC(2030, 0, 1)
    const sessions = await open({ limits: { onSessionLimit: 'reject', sessionsPerUser: 1 }, now: () => now })
    await sessions.create({ userId: 'u', idleTimeout: 100 })
    now += 100_000
    await login(sessions)
  })

  it.each([1, 3])('keeps exactly %i of twelve simultaneous logins', async (limit) => {
    const place = newPlace()
    const options = { limits: { sessionsPerUser: limit } }
    const fleet = await Promise.all(
      [1, 2, 3].map(() => openSessions({ store: place.open() satisfies Store, ...options })),
    )
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 12 }, (_, index) => login(fleet[index % 3]!)))
      expect(await live(fleet[0]!)).toHaveLength(limit)
    }
  })

  it.each([1, 3])('accepts at most %i of twelve simultaneous logins', async (limit) => {
    const place = newPlace()
    const options = { limits: { sessionsPerUser: limit, onSessionLimit: 'reject' as const } }
    const fleet = await Promise.all(
      [1, 2, 3].map(() => openSessions({ store: place.open() satisfies Store, ...options })),
    )
    // On a slow machine all of them may withdraw, but hardly three times.
    let accepted = 0
    for (let attempt = 1; attempt <= 3 && accepted === 0; attempt++) {
      const results = await Promise.allSettled(
        Array.from({ length: 12 }, (_, index) => login(fleet[index % 3]!)),
      )
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toMatchObject(LIMITED)
      accepted = results.filter(({ status }) => status === 'fulfilled').length
      expect(accepted).toBeLessThanOrEqual(limit)
      expect(await live(fleet[0]!)).toHaveLength(accepted)
    }
    expect(accepted).toBeGreaterThan(0)
  })
})
