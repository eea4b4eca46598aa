import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Sessions, type Store, StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { mute } from '../support/mute.ts'
import { listen, openSessions, openWithClock } from '../support/sessions.ts'
import { counting, storeKinds } from '../support/stores.ts'

const ended = (reason: string): Error => coded('ERR_SESSION_ENDED', { reason }) as Error
const SUPERSEDED = coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'superseded' }) as Error

describe.each(await storeKinds())('revoking, on $name,', ({ newPlace }) => {
  it('ends one session, at once in this process', async () => {
    const sessions = await openSessions({ store: newPlace().open() })
    const heard = listen(sessions, 'ended')
    const { session, accessToken, refreshToken } = await sessions.create({ userId: 'u' })
    const other = await sessions.create({ userId: 'u' })
    sessions.verify(accessToken.value)
    expect(await sessions.revoke(session.sessionId, 'logout')).toBe(true)
    expect(() => sessions.verify(accessToken.value)).toThrow(ended('logout'))
    await expect(sessions.check(accessToken.value)).rejects.toThrow(ended('logout'))
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(ended('logout'))
    expect(await sessions.revoke(session.sessionId)).toBe(false)
    expect(sessions.verify(other.accessToken.value).userId).toBe('u')
    expect(heard).toStrictEqual([{ sessionId: session.sessionId, userId: 'u', reason: 'logout' }])
  })

  it('ends all sessions of a user, or all but one', async () => {
    const sessions = await openSessions({ store: newPlace().open() })
    const heard = listen(sessions, 'ended')
    const [one, two, three] = await Promise.all([1, 2, 3].map(() => sessions.create({ userId: 'u' })))
    const stranger = await sessions.create({ userId: 'v' })
    expect(await sessions.revokeUser('u', { except: two!.session.sessionId })).toBe(2)
    expect(heard.map(({ sessionId }) => sessionId).sort()).toStrictEqual(
      [one!.session.sessionId, three!.session.sessionId].sort(),
    )
    expect(() => sessions.verify(one!.accessToken.value)).toThrow(ended('revoked'))
    expect(sessions.verify(two!.accessToken.value).userId).toBe('u')
    expect(await sessions.revokeUser('u')).toBe(1)
    expect(await sessions.revokeUser('u')).toBe(0)
    expect(sessions.verify(stranger.accessToken.value).userId).toBe('v')
  })

  it('is refused by another process that has not heard of it, when it looks', async () => {
    const place = newPlace()
    const sessions = await openSessions({ store: place.open() })
    const elsewhere = await openSessions({
      store: mute(place.open()),
      revocation: { pollInterval: 60, catchUpTimeout: 0 },
    })
    const { session, accessToken, refreshToken } = await sessions.create({ userId: 'u' })
    await sessions.revoke(session.sessionId)
    expect(elsewhere.verify(accessToken.value).userId).toBe('u')
    await expect(elsewhere.check(accessToken.value)).rejects.toThrow(ended('revoked'))
    expect(() => elsewhere.verify(accessToken.value)).toThrow(ended('revoked'))
    await expect(elsewhere.refresh(refreshToken.value)).rejects.toThrow(ended('revoked'))
  })
})

describe('revoking', () => {
  it('takes a known reason only', async () => {
    const sessions = await openSessions()
    const { session } = await sessions.create({ userId: 'u' })
    await expect(sessions.revoke(session.sessionId, 'because' as never)).rejects.toBeInstanceOf(TypeError)
    expect((await sessions.get(session.sessionId))!.active).toBe(true)
  })

  it('what does not exist ends nothing', async () => {
    const sessions = await openSessions()
    expect(await sessions.revoke('not an id')).toBe(false)
    expect(await sessions.revoke('01890a5d-ac96-774b-bcce-b302099a8057')).toBe(false)
  })

  it('is remembered: a refresh of an ended session needs no read', async () => {
    const { store, calls } = counting(memory())
    const { sessions } = await openWithClock({ store })
    const { session, refreshToken } = await sessions.create({ userId: 'u' })
    await sessions.revoke(session.sessionId)
    calls.length = 0
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(ended('revoked'))
    expect(calls).toStrictEqual([])
    // The database may have lost the end, so it is written again in the background, once a minute.
    await setImmediate()
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(ended('revoked'))
    await setImmediate()
    expect(calls.filter((name) => name !== 'changes')).toStrictEqual(['endAgain'])
  })
})

describe('new claims', () => {
  it('are in the row at once and refuse older access tokens in this process', async () => {
    const { sessions } = await openWithClock()
    const { session, accessToken, refreshToken } = await sessions.create({
      userId: 'u',
      claims: { role: 'user' },
    })
    sessions.verify(accessToken.value)
    expect(await sessions.setClaims(session.sessionId, { role: 'admin' })).toBe(1)
    expect(() => sessions.verify(accessToken.value)).toThrow(SUPERSEDED)
    await expect(sessions.check(accessToken.value)).rejects.toThrow(SUPERSEDED)
    const next = await sessions.refresh(refreshToken.value)
    expect(sessions.verify(next.accessToken.value).claims).toStrictEqual({ role: 'admin' })
    expect(await sessions.setClaims(session.sessionId, {})).toBe(2)
    expect(() => sessions.verify(next.accessToken.value)).toThrow(SUPERSEDED)
  })

  it('are refused like those at creation, and never brought to an ended session', async () => {
    const { sessions } = await openWithClock()
    const { session } = await sessions.create({ userId: 'u', claims: { role: 'user' } })
    const id = session.sessionId
    await expect(sessions.setClaims(id, { sub: 'x' })).rejects.toBeInstanceOf(TypeError)
    await expect(sessions.setClaims(id, { pad: 'x'.repeat(5000) })).rejects.toBeInstanceOf(TypeError)
    expect(await sessions.get(id)).toMatchObject({ claims: { role: 'user' }, version: 0 })
    await sessions.revoke(id)
    await expect(sessions.setClaims(id, { role: 'admin' })).rejects.toThrow(ended('revoked'))
    await expect(sessions.setClaims('not an id', {})).rejects.toThrow(ended('unknown'))
  })

  it.each(['here', 'elsewhere'])('set %s win over a refresh that raced with them', async (where) => {
    const base: Store = { ...memory(), notify: async () => true }
    let meanwhile = async (): Promise<void> => {}
    const store = {
      ...base,
      async read(id: string) {
        const row = await base.read(id)
        const run = meanwhile
        meanwhile = async () => {}
        await run()
        return row
      },
    }
    const { sessions, clock } = await openWithClock({ store })
    const other = where === 'here' ? sessions : await openSessions({ store: base, now: clock.now })
    const { session, refreshToken } = await sessions.create({ userId: 'u', claims: { role: 'admin' } })
    meanwhile = async () => void (await other.setClaims(session.sessionId, { role: 'user' }))
    const { accessToken } = await sessions.refresh(refreshToken.value)
    // Made from the row of before, unless that was known to be old.
    if (where === 'here') expect(sessions.verify(accessToken.value).claims).toStrictEqual({ role: 'user' })
    else expect(() => other.verify(accessToken.value)).toThrow(SUPERSEDED)
  })

  it('that a failover has lost are made up for: whoever refreshes is let in', async () => {
    const store = memory()
    const { sessions } = await openWithClock({ store })
    const { session, refreshToken } = await sessions.create({ userId: 'u' })
    const before = (await store.read(session.sessionId))!
    for (const role of ['a', 'b', 'c']) await sessions.setClaims(session.sessionId, { role })
    // The row as it was: nobody can put it back but by deleting it.
    await store.prune(before.pruneAt + 86_400_000, 1)
    await store.insert(before)
    const { accessToken } = await sessions.refresh(refreshToken.value)
    expect(sessions.verify(accessToken.value).claims).toStrictEqual({})
  })
})

describe('reauthenticating', () => {
  it('refuses older access tokens, and the next one tells of it', async () => {
    const { sessions, clock } = await openWithClock()
    const { session, accessToken, refreshToken } = await sessions.create({ userId: 'u' })
    clock.advance(60)
    await sessions.reauthenticate(session.sessionId)
    expect(() => sessions.verify(accessToken.value)).toThrow(SUPERSEDED)
    const next = await sessions.refresh(refreshToken.value)
    expect(sessions.verify(next.accessToken.value).authTime).toStrictEqual(new Date(clock.now()))
  })
})

describe('check', () => {
  it('reads one row, and refuses what verify refuses without any', async () => {
    const { store, calls } = counting(memory())
    const { sessions, clock } = await openWithClock({ store })
    const { accessToken } = await sessions.create({ userId: 'u' })
    calls.length = 0
    expect(await sessions.check(accessToken.value)).toBe(sessions.verify(accessToken.value))
    expect(calls).toStrictEqual(['read'])
    calls.length = 0
    await expect(sessions.check('x')).rejects.toThrow(coded('ERR_ACCESS_TOKEN_INVALID') as Error)
    clock.advance(900)
    await expect(sessions.check(accessToken.value)).rejects.toThrow(
      coded('ERR_ACCESS_TOKEN_EXPIRED') as Error,
    )
    expect(calls).toStrictEqual([])
  })

  it('accepts a token issued shortly before the session would have been idle', async () => {
    const { sessions, clock } = await openWithClock({ idleTimeout: 3600 })
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    clock.advance(3599)
    const { accessToken } = await sessions.refresh(refreshToken.value)
    clock.advance(10)
    expect((await sessions.check(accessToken.value)).sessionId).toBe(session.sessionId)
  })
})

describe('another process', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2030, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  async function two(): Promise<[Sessions, Sessions]> {
    const options = { store: memory(), revocation: { pollInterval: 5 }, now: () => Date.now() }
    return [await openSessions(options), await openSessions(options)]
  }

  it('refuses a revoked session once it has polled', async () => {
    const [sessions, elsewhere] = await two()
    const { session, accessToken } = await sessions.create({ userId: 'u' })
    elsewhere.verify(accessToken.value)
    await sessions.revoke(session.sessionId, 'logout')
    expect(elsewhere.verify(accessToken.value).userId).toBe('u')
    await vi.advanceTimersByTimeAsync(5000)
    expect(() => elsewhere.verify(accessToken.value)).toThrow(ended('logout'))
  })

  it('refuses tokens older than new claims or a reauthentication once it has polled', async () => {
    const [sessions, elsewhere] = await two()
    const [one, other] = await Promise.all([1, 2].map(() => sessions.create({ userId: 'u' })))
    await sessions.setClaims(one!.session.sessionId, { role: 'admin' })
    await sessions.reauthenticate(other!.session.sessionId)
    await vi.advanceTimersByTimeAsync(5000)
    expect(() => elsewhere.verify(one!.accessToken.value)).toThrow(SUPERSEDED)
    expect(() => elsewhere.verify(other!.accessToken.value)).toThrow(SUPERSEDED)
    const fresh = await elsewhere.refresh(one!.refreshToken.value)
    expect(elsewhere.verify(fresh.accessToken.value).claims).toStrictEqual({ role: 'admin' })
  })

  it('that starts later refuses at once what was revoked before', async () => {
    const options = { store: memory(), now: () => Date.now() }
    const sessions = await openSessions(options)
    const { session, accessToken } = await sessions.create({ userId: 'u' })
    await sessions.revoke(session.sessionId)
    await vi.advanceTimersByTimeAsync(300_000)
    const late = await openSessions(options)
    expect(() => late.verify(accessToken.value)).toThrow(ended('revoked'))
  })

  it('refuses for as long as a token can live, in spite of all forgetting', async () => {
    const [sessions, elsewhere] = await two()
    const { session, accessToken } = await sessions.create({ userId: 'u' })
    await sessions.revoke(session.sessionId)
    await vi.advanceTimersByTimeAsync(5000)
    while (Date.now() < accessToken.expiresAt.getTime()) {
      for (const one of [sessions, elsewhere])
        expect(() => one.verify(accessToken.value)).toThrow(ended('revoked'))
      await vi.advanceTimersByTimeAsync(30_000)
    }
    expect(() => elsewhere.verify(accessToken.value)).toThrow(coded('ERR_ACCESS_TOKEN_EXPIRED') as Error)
  })

  it('learns of a change whose commit became visible only minutes later', async () => {
    const base = memory()
    let hidden: string | null = null
    const slow = {
      ...base,
      changes: async (...given: Parameters<typeof base.changes>) =>
        (await base.changes(...given)).filter(({ id }) => id !== hidden),
    }
    const sessions = await openSessions({ store: base, now: () => Date.now() })
    const elsewhere = await openSessions({ store: slow, now: () => Date.now() })
    const { session, accessToken } = await sessions.create({ userId: 'u' })
    hidden = session.sessionId
    await sessions.revoke(session.sessionId)
    await vi.advanceTimersByTimeAsync(200_000)
    expect(elsewhere.verify(accessToken.value).userId).toBe('u')
    hidden = null
    await vi.advanceTimersByTimeAsync(100_000)
    expect(() => elsewhere.verify(accessToken.value)).toThrow(ended('revoked'))
  })

  it('catches up after the store was away', async () => {
    const base = memory()
    let away = false
    const store = {
      ...base,
      changes: (...given: Parameters<typeof base.changes>) =>
        away ? Promise.reject(new StoreUnavailableError('away')) : base.changes(...given),
    }
    const sessions = await openSessions({ store: base, now: () => Date.now() })
    const elsewhere = await openSessions({ store, now: () => Date.now() })
    const trouble = listen(elsewhere, 'storeUnavailable')
    const { session, accessToken } = await sessions.create({ userId: 'u' })
    away = true
    await sessions.revoke(session.sessionId)
    await vi.advanceTimersByTimeAsync(120_000)
    expect(elsewhere.verify(accessToken.value).userId).toBe('u')
    expect(trouble.length).toBeGreaterThan(20)
    expect(trouble[0]).toStrictEqual({ operation: 'poll', error: new StoreUnavailableError('away') })
    away = false
    await vi.advanceTimersByTimeAsync(5000)
    expect(() => elsewhere.verify(accessToken.value)).toThrow(ended('revoked'))
  })
})
