import { describe, expect, it } from 'vitest'
import { deriveSecrets } from '../../src/core/keys/secrets.ts'
import { mintRefreshToken } from '../../src/core/tokens/refresh-token.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { FOREIGN_SECRET, NEW_SECRET, SECRET } from '../support/secrets.ts'
import { listen, openSessions, openWithClock } from '../support/sessions.ts'
import { counting, storeKinds } from '../support/stores.ts'

const INVALID = coded('ERR_REFRESH_TOKEN_INVALID') as Error
/** Longer than the calm after a turn: twice the overlap and the clock tolerance. */
const CALM = 66

describe.each(await storeKinds())('refresh, on $name,', ({ newPlace }) => {
  async function open(
    options: Partial<SessionsOptions> = {},
  ): Promise<{ sessions: Sessions; clock: FakeClock }> {
    const clock = createFakeClock()
    return { sessions: await openSessions({ store: newPlace().open(), now: clock.now, ...options }), clock }
  }

  it('goes through a life: child, use, calm, next child', async () => {
    const { sessions, clock } = await open()
    const verdicts = listen(sessions, 'refreshed')
    const turned = listen(sessions, 'rotated')
    let { refreshToken, session } = await sessions.create({ userId: 'u' })
    for (let generation = 1; generation <= 3; generation++) {
      clock.advance(900)
      const child = await sessions.refresh(refreshToken.value, { ip: `192.0.2.${generation}` })
      expect(child.refreshToken?.value).not.toBe(refreshToken.value)
      expect(child.session.generation).toBe(generation - 1)
      sessions.verify(child.accessToken.value, { ip: `198.51.100.${generation}`, userAgent: 'used' })
      const usedAt = clock.now()
      await sessions.flush()
      session = (await sessions.get(session.sessionId))!
      expect(session).toMatchObject({ generation, ip: `198.51.100.${generation}`, userAgent: 'used' })
      expect(session.lastSeenAt.getTime()).toBe(usedAt)
      expect(session.expiresAt.getTime()).toBe(usedAt + 30 * 86_400_000)
      refreshToken = child.refreshToken!
      const steady = await sessions.refresh(refreshToken.value)
      expect(steady.refreshToken).toBeNull()
    }
    expect(verdicts.map(({ verdict }) => verdict)).toStrictEqual([
      'current',
      'steady',
      'current',
      'steady',
      'current',
      'steady',
    ])
    expect(turned.map(({ generation, reason }) => [generation, reason])).toStrictEqual([
      [1, 'use'],
      [2, 'use'],
      [3, 'use'],
    ])
  })

  it('turns the row itself where no use was confirmed', async () => {
    const { sessions, clock } = await open()
    const turned = listen(sessions, 'rotated')
    const { refreshToken } = await sessions.create({ userId: 'u', ip: '192.0.2.1', userAgent: 'first' })
    const child = await sessions.refresh(refreshToken.value)
    clock.advance(900)
    const next = await sessions.refresh(child.refreshToken!.value, { userAgent: 'second' })
    expect(next.refreshToken).toBeNull()
    expect(next.session).toMatchObject({ generation: 1, ip: '192.0.2.1', userAgent: 'second' })
    expect(next.session.lastSeenAt.getTime()).toBe(clock.now())
    expect(await sessions.get(next.session.sessionId)).toStrictEqual(next.session)
    expect(turned).toStrictEqual([
      { sessionId: next.session.sessionId, userId: 'u', generation: 1, reason: 'refresh' },
    ])
  })

  it('answers fifty at once with fifty different children; one generation comes of them', async () => {
    const { sessions, clock } = await open({ limits: { refreshesPerMinute: null } })
    const reused = listen(sessions, 'reused')
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    clock.advance(900)
    const answers = await Promise.all(Array.from({ length: 50 }, () => sessions.refresh(refreshToken.value)))
    const children = answers.map((answer) => answer.refreshToken!.value)
    expect(new Set(children).size).toBe(50)
    expect(new Set(answers.map(({ accessToken }) => accessToken.value)).size).toBe(50)
    for (const { accessToken } of answers) sessions.verify(accessToken.value)
    await sessions.flush()
    expect(await sessions.get(session.sessionId)).toMatchObject({ generation: 1, active: true })
    const steady = await Promise.all(children.map((child) => sessions.refresh(child)))
    expect(steady.map((answer) => answer.refreshToken)).toStrictEqual(Array(50).fill(null))
    expect(reused).toStrictEqual([])
  })

  it('answers again when the response was lost, however often', async () => {
    const { sessions, clock } = await open()
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    for (let attempt = 0; attempt < 5; attempt++) {
      clock.advance(86_400)
      expect((await sessions.refresh(refreshToken.value)).refreshToken).not.toBeNull()
    }
    expect(await sessions.get(session.sessionId)).toMatchObject({ generation: 0, active: true })
  })

  it('keeps both answers of two tabs that raced good, whichever the browser kept', async () => {
    const { sessions, clock } = await open()
    const verdicts = listen(sessions, 'refreshed')
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const one = await sessions.refresh(refreshToken.value)
    const other = await sessions.refresh(refreshToken.value)
    sessions.verify(one.accessToken.value)
    sessions.verify(other.accessToken.value)
    await sessions.flush()
    clock.advance(CALM)
    const kept = await sessions.refresh(other.refreshToken!.value)
    expect(kept.refreshToken).not.toBeNull()
    await expect(sessions.refresh(one.refreshToken!.value)).rejects.toThrow(
      coded('ERR_TRY_AGAIN', { retryAfter: 1 }) as Error,
    )
    clock.advance(31)
    expect((await sessions.refresh(one.refreshToken!.value)).refreshToken).not.toBeNull()
    expect(verdicts.map(({ verdict }) => verdict)).toStrictEqual(['current', 'current', 'sibling', 'sibling'])
  })

  it('answers a refresh that was overtaken, for the late window', async () => {
    const { sessions, clock } = await open()
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    sessions.verify(child.accessToken.value)
    await sessions.flush()
    clock.advance(125)
    const late = await sessions.refresh(refreshToken.value)
    expect(await sessions.refresh(late.refreshToken!.value)).toMatchObject({ session: { generation: 1 } })
    clock.advance(0.001)
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(
      coded('ERR_REFRESH_TOKEN_REUSED', { sessionId: session.sessionId, userId: 'u' }) as Error,
    )
  })

  it('catches a row up that went back, and says so', async () => {
    const clock = createFakeClock()
    const place = newPlace()
    const sessions = await openSessions({ store: place.open(), now: clock.now })
    const rolledBack = listen(sessions, 'rolledBack')
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    const before = (await place.open().read(session.sessionId))!
    let current = refreshToken.value
    for (let turns = 0; turns < 3; turns++) {
      const child = await sessions.refresh(current)
      sessions.verify(child.accessToken.value)
      await sessions.flush()
      current = child.refreshToken!.value
      clock.advance(900)
    }
    const now = (await place.open().read(session.sessionId))!
    const lost = {
      expected: now,
      next: before,
      seenAt: 0,
      expiresAt: before.expiresAt,
      pruneAt: before.pruneAt,
    }
    expect(await place.open().turn({ ...lost, ip: null, userAgent: null })).toBe(true)

    const caughtUp = await sessions.refresh(current)
    expect(caughtUp).toMatchObject({ refreshToken: null, session: { generation: 3, active: true } })
    expect(rolledBack).toStrictEqual([{ sessionId: session.sessionId, userId: 'u', from: 0, to: 3 }])
  })
})

describe('refresh', () => {
  it('of a token that is none touches no store', async () => {
    const { store, calls } = counting(memory())
    const sessions = await openSessions({ store })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    calls.length = 0
    const flipped = `${refreshToken.value.slice(0, 60)}${refreshToken.value[60] === 'A' ? 'B' : 'A'}${refreshToken.value.slice(61)}`
    for (const value of [
      '',
      'x',
      refreshToken.value.slice(1),
      flipped,
      `${refreshToken.value} `,
      undefined,
      7,
    ]) {
      await expect(sessions.refresh(value as string)).rejects.toThrow(INVALID)
    }
    expect(calls).toStrictEqual([])
  })

  it('of a token of another secret is "later": the session is untouched and an event tells of it', async () => {
    const { sessions, clock, store } = await openWithClock({ secret: [SECRET, NEW_SECRET] })
    const unknown = listen(sessions, 'secretUnknown')
    const { store: counted, calls } = counting(store)
    const after = await openSessions({ store: counted, now: clock.now, secret: [NEW_SECRET, SECRET] })
    const { refreshToken } = await after.create({ userId: 'u' })
    expect((await sessions.refresh(refreshToken.value)).refreshToken).not.toBeNull()
    calls.length = 0
    const old = await openSessions({ secret: FOREIGN_SECRET })
    const heard = listen(old, 'secretUnknown')
    await expect(old.refresh(refreshToken.value)).rejects.toThrow(coded('ERR_SECRET_UNKNOWN') as Error)
    expect(heard).toStrictEqual([{}])
    expect(unknown).toStrictEqual([])
    expect(calls).toStrictEqual([])
  })

  it('of a forged token of a leaked secret is invalid, never reuse: the anchor does not match', async () => {
    const { sessions, store } = await openWithClock()
    const { session } = await sessions.create({ userId: 'u' })
    const row = (await store.read(session.sessionId))!
    const forged = mintRefreshToken(deriveSecrets(SECRET, store.realm), {
      sessionId: session.sessionId,
      generation: 1,
      issuedAt: row.createdAt,
      parent: row.current,
      anchor: Buffer.alloc(16, 1),
    })
    await expect(sessions.refresh(forged.value)).rejects.toThrow(INVALID)
    expect(await sessions.get(session.sessionId)).toMatchObject({ active: true, generation: 0 })
  })

  it('carries the claims of the row, not those of the old token', async () => {
    const { sessions } = await openWithClock()
    const { refreshToken, session } = await sessions.create({ userId: 'u', claims: { role: 'user' } })
    await sessions.setClaims(session.sessionId, { role: 'admin' })
    const { accessToken } = await sessions.refresh(refreshToken.value)
    expect(sessions.verify(accessToken.value).claims).toStrictEqual({ role: 'admin' })
  })

  it('in strict mode gives a child every time and takes a race for reuse', async () => {
    const { sessions } = await openWithClock({ rotation: { overlap: 0 } })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const one = await sessions.refresh(refreshToken.value)
    const other = await sessions.refresh(refreshToken.value)
    const next = await sessions.refresh(one.refreshToken!.value)
    expect(next.refreshToken).not.toBeNull()
    await expect(sessions.refresh(other.refreshToken!.value)).rejects.toThrow(
      coded('ERR_REFRESH_TOKEN_REUSED') as Error,
    )
  })
})
