import { describe, expect, it } from 'vitest'
import { presets, type Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'

const HOUR = 3600
const DAY = 24 * HOUR

const ended = (reason: string): Error => coded('ERR_SESSION_ENDED', { reason }) as Error

async function use(sessions: Sessions, token: string): Promise<string> {
  const { refreshToken, accessToken } = await sessions.refresh(token)
  sessions.verify(accessToken.value)
  await sessions.flush()
  return refreshToken!.value
}

describe('the idle timeout', () => {
  it('ends a session at its very millisecond', async () => {
    const { sessions, clock } = await openWithClock({ idleTimeout: HOUR })
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    clock.advance(HOUR - 0.001)
    expect((await sessions.get(session.sessionId))!.active).toBe(true)
    expect((await sessions.refresh(refreshToken.value)).refreshToken).not.toBeNull()
    clock.advance(0.001)
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(ended('idle'))
    expect(await sessions.get(session.sessionId)).toMatchObject({
      active: false,
      endReason: 'idle',
      endedAt: new Date(clock.now()),
    })
  })

  it('is pushed forward by use', async () => {
    const { sessions, clock } = await openWithClock({ idleTimeout: HOUR })
    const created = await sessions.create({ userId: 'u' })
    let token = created.refreshToken.value
    for (let times = 0; times < 5; times++) {
      clock.advance(HOUR - 1)
      token = await use(sessions, token)
    }
    expect(await sessions.get(created.session.sessionId)).toMatchObject({ active: true, generation: 5 })
  })

  it('counts from the issue of a token that nobody has seen in use yet', async () => {
    const { sessions, clock } = await openWithClock({ idleTimeout: HOUR })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    clock.advance(HOUR - 1)
    const child = await sessions.refresh(refreshToken.value)
    expect(child.refreshToken!.expiresAt).toStrictEqual(new Date(clock.now() + HOUR * 1000))
    clock.advance(HOUR - 1)
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(ended('idle'))
    expect((await sessions.refresh(child.refreshToken!.value)).session.active).toBe(true)
  })

  it('may be another one for one session', async () => {
    const { sessions, clock } = await openWithClock({ idleTimeout: HOUR })
    const long = await sessions.create({ userId: 'u', idleTimeout: 10 * HOUR })
    const short = await sessions.create({ userId: 'u', idleTimeout: 100 })
    clock.advance(100)
    await expect(sessions.refresh(short.refreshToken.value)).rejects.toThrow(ended('idle'))
    clock.advance(9 * HOUR)
    const next = await use(sessions, long.refreshToken.value)
    clock.advance(9 * HOUR)
    expect((await sessions.refresh(next)).session.active).toBe(true)
  })

  it('is never so short that it ends a session in constant use', async () => {
    const { sessions, clock } = await openWithClock({ idleTimeout: 87 })
    let { session, accessToken, refreshToken: held } = await sessions.create({ userId: 'u' })
    for (let round = 0; round < 40; round++) {
      if (round === 20) ({ accessToken, refreshToken: held } = await sessions.renew(session.sessionId))
      clock.advance((accessToken.expiresAt.getTime() - clock.now()) / 1000)
      const answer = await sessions.refresh(held.value)
      accessToken = answer.accessToken
      held = answer.refreshToken ?? held
      sessions.verify(accessToken.value)
      await sessions.flush()
    }
    const tooShort = /`idleTimeout` takes at least 87 seconds .* not 86: an active user would be logged out/
    await expect(openWithClock({ idleTimeout: 86 })).rejects.toThrow(tooShort)
    await expect(sessions.create({ userId: 'u', idleTimeout: 86 })).rejects.toThrow(tooShort)
  })

  it('that is changed in the options holds for sessions without one of their own', async () => {
    const { sessions, clock, store } = await openWithClock({ idleTimeout: DAY })
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    const next = await use(sessions, refreshToken.value)
    const longer = await openSessions({ store, now: clock.now, idleTimeout: 3 * DAY })
    clock.advance(2 * DAY)
    await expect(sessions.refresh(next)).rejects.toThrow(ended('idle'))
    expect((await longer.refresh(next)).session.sessionId).toBe(session.sessionId)
  })
})

describe('the absolute timeout', () => {
  it('ends a session however active it is, at its very millisecond', async () => {
    const { sessions, clock } = await openWithClock({ idleTimeout: HOUR, absoluteTimeout: 2 * HOUR })
    const created = await sessions.create({ userId: 'u' })
    let token = created.refreshToken.value
    for (let times = 0; times < 3; times++) {
      clock.advance(HOUR / 2)
      token = await use(sessions, token)
    }
    clock.advance(HOUR / 2 - 0.001)
    const last = await sessions.refresh(token)
    expect(last.refreshToken!.expiresAt).toStrictEqual(new Date(clock.now() + 1))
    clock.advance(0.001)
    await expect(sessions.refresh(token)).rejects.toThrow(ended('absolute'))
    expect(await sessions.get(created.session.sessionId)).toMatchObject({
      active: false,
      endReason: 'absolute',
      endedAt: new Date(clock.now()),
    })
  })

  it('`null` means never', async () => {
    const { sessions, clock } = await openWithClock({ absoluteTimeout: null })
    const created = await sessions.create({ userId: 'u' })
    expect(created.session.absoluteExpiresAt).toBeNull()
    let token = created.refreshToken.value
    for (let months = 0; months < 36; months++) {
      clock.advance(29 * DAY)
      token = await use(sessions, token)
    }
    expect((await sessions.get(created.session.sessionId))!.active).toBe(true)
  })

  it('may be another one, or none, for one session', async () => {
    const { sessions, clock } = await openWithClock({ absoluteTimeout: HOUR })
    const none = await sessions.create({ userId: 'u', absoluteTimeout: null })
    const short = await sessions.create({ userId: 'u', absoluteTimeout: 60 })
    clock.advance(100)
    await expect(sessions.refresh(short.refreshToken.value)).rejects.toThrow(ended('absolute'))
    clock.advance(HOUR)
    expect((await sessions.refresh(none.refreshToken.value)).session.active).toBe(true)
  })
})

describe('reauthenticate', () => {
  it('starts both clocks anew, with the lifetime the session was created with', async () => {
    const { sessions, clock } = await openWithClock({ idleTimeout: HOUR, absoluteTimeout: DAY })
    const { session } = await sessions.create({ userId: 'u', absoluteTimeout: 2 * HOUR })
    clock.advance(HOUR / 2)
    await sessions.reauthenticate(session.sessionId)
    clock.advance(60)
    await sessions.reauthenticate(session.sessionId)
    const at = clock.now()
    expect(await sessions.get(session.sessionId)).toMatchObject({
      authTime: new Date(at),
      createdAt: session.createdAt,
      expiresAt: new Date(at + HOUR * 1000),
      absoluteExpiresAt: new Date(at + 2 * HOUR * 1000),
      version: 2,
    })
  })

  it('brings no session back', async () => {
    const { sessions, clock } = await openWithClock({ idleTimeout: HOUR })
    const [idle, revoked] = await Promise.all([1, 2].map(() => sessions.create({ userId: 'u' })))
    await sessions.revoke(revoked!.session.sessionId)
    await expect(sessions.reauthenticate(revoked!.session.sessionId)).rejects.toThrow(ended('revoked'))
    clock.advance(HOUR)
    await expect(sessions.reauthenticate(idle!.session.sessionId)).rejects.toThrow(ended('idle'))
    await expect(sessions.reauthenticate('not an id')).rejects.toThrow(ended('unknown'))
  })
})

describe('prune', () => {
  it('deletes ended and expired sessions once nobody asks for them any more, and no live one', async () => {
    const { sessions, clock } = await openWithClock({
      store: memory(),
      idleTimeout: DAY,
      privacy: { keepEnded: 7 * DAY },
    })
    const revoked = await sessions.create({ userId: 'u' })
    const idle = await sessions.create({ userId: 'u' })
    const live = await sessions.create({ userId: 'u' })
    await sessions.revoke(revoked.session.sessionId)
    let token = live.refreshToken.value
    const kept = async (): Promise<number> => (await sessions.list('u')).length
    for (let day = 1; day <= 7; day++) {
      clock.advance(DAY - 1)
      token = await use(sessions, token)
      expect(await sessions.prune()).toBe(0)
    }
    expect(await kept()).toBe(3)
    clock.advance(DAY - 1)
    token = await use(sessions, token)
    expect(await sessions.prune()).toBe(1)
    expect(await sessions.get(revoked.session.sessionId)).toBeNull()
    // Live rows stay up to an eighth longer than they have to, and a day more.
    for (let day = 9; day <= 10; day++) {
      clock.advance(DAY - 1)
      token = await use(sessions, token)
    }
    expect(await sessions.prune()).toBe(1)
    expect(await sessions.get(idle.session.sessionId)).toBeNull()
    expect(await kept()).toBe(1)
  })

  it('sets the day with about one turn a week, as it is indexed; never too early, and lower for a shorter timeout', async () => {
    const store = memory()
    const { sessions, clock } = await openWithClock({
      store,
      idleTimeout: 30 * DAY,
      privacy: { keepEnded: DAY },
    })
    const { session, refreshToken } = await sessions.create({ userId: 'u' })
    const pruneAt = async (): Promise<number> => (await store.read(session.sessionId))!.pruneAt
    let token = refreshToken.value
    const days = new Set([await pruneAt()])
    for (let turn = 1; turn <= 60; turn++) {
      clock.advance(DAY / 2)
      token = await use(sessions, token)
      days.add(await pruneAt())
      expect(await pruneAt()).toBeGreaterThanOrEqual(clock.now() + 60 * DAY * 1000)
    }
    expect(days.size).toBe(4)

    const shorter = await openSessions({
      store,
      now: clock.now,
      idleTimeout: 10 * DAY,
      privacy: { keepEnded: DAY },
    })
    clock.advance(DAY / 2)
    await use(shorter, token)
    expect(await pruneAt()).toBeLessThan(clock.now() + 24 * DAY * 1000)
  })

  it('keeps a session for as long as a token that nobody has seen in use yet may come back', async () => {
    const { sessions, clock } = await openWithClock({ idleTimeout: 30 * DAY, privacy: { keepEnded: DAY } })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    clock.advance(30 * DAY - 1)
    const child = await sessions.refresh(refreshToken.value)
    clock.advance(30 * DAY - 1)
    expect(await sessions.prune()).toBe(0)
    expect((await sessions.refresh(child.refreshToken!.value)).session).toMatchObject({ generation: 1 })
  })
})

describe('the presets', () => {
  it.each([
    ['aal1', 30 * 86_400, 30 * 86_400],
    ['aal2', 3600, 86_400],
    ['aal3', 900, 43_200],
  ] as const)('%s: %i s idle, %i s in all', async (level, idle, absolute) => {
    const { sessions, clock } = await openWithClock(presets[level])
    const { session, accessToken } = await sessions.create({ userId: 'u' })
    expect(session.expiresAt.getTime()).toBe(clock.now() + idle * 1000)
    expect(session.absoluteExpiresAt!.getTime()).toBe(clock.now() + absolute * 1000)
    expect(accessToken.expiresAt.getTime()).toBeLessThanOrEqual(clock.now() + (idle * 1000) / 4)
  })

  it('do not end a session under a user who never pauses for long', async () => {
    const { sessions, clock } = await openWithClock(presets.aal3)
    const login = await sessions.create({ userId: 'u' })
    let { accessToken, refreshToken } = login
    // Eleven minutes at most between two requests: a quarter of the timeout may go unnoticed.
    for (const seconds of Array.from({ length: 100 }, (_, index) => [89, 220, 660][index % 3]!)) {
      clock.advance(seconds)
      if (accessToken.expiresAt.getTime() <= clock.now()) {
        const next = await sessions.refresh(refreshToken.value)
        accessToken = next.accessToken
        refreshToken = next.refreshToken ?? refreshToken
      }
      sessions.verify(accessToken.value)
      await sessions.flush()
    }
    expect(await sessions.get(login.session.sessionId)).toMatchObject({ active: true })
  })
})
