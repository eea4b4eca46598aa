import { describe, expect, it } from 'vitest'
import { deriveSecrets } from '../../src/core/keys/secrets.ts'
import { contextTag, recordable } from '../../src/core/request-context.ts'
import { coded } from '../support/errors.ts'
import { NEW_SECRET, SECRET } from '../support/secrets.ts'
import { listen, openSessions, openWithClock } from '../support/sessions.ts'

const HOME = { ip: '192.0.2.1', userAgent: 'a browser' }
const AWAY = { ip: '198.51.100.7', userAgent: 'a browser' }
const ELSEWHERE = coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'context' }) as Error

describe('another address or user agent', () => {
  it.each([
    ['refresh', AWAY],
    ['use', { ...HOME, userAgent: 'another' }],
  ] as const)('is recorded with the next turn by %s, told of once, and ends nothing', async (by, there) => {
    const { sessions, clock } = await openWithClock()
    const heard = listen(sessions, 'contextChanged')
    const { refreshToken, session } = await sessions.create({ userId: 'u', ...HOME })
    const child = await sessions.refresh(refreshToken.value, HOME)
    if (by === 'use') sessions.verify(child.accessToken.value, there)
    else await sessions.refresh(child.refreshToken!.value, there)
    await sessions.flush()
    expect(await sessions.get(session.sessionId)).toMatchObject({ ...there, generation: 1, active: true })
    expect(heard).toStrictEqual([{ sessionId: session.sessionId, userId: 'u', from: HOME, to: there }])
    clock.advance(900)
    const next = await sessions.refresh(child.refreshToken!.value, there)
    sessions.verify(next.accessToken.value, there)
    await sessions.flush()
    expect(heard).toHaveLength(1)
  })

  it('requires only a refresh with `onContextChange: refresh`', async () => {
    const { sessions, clock } = await openWithClock({ accessToken: { onContextChange: 'refresh' } })
    const { accessToken, refreshToken } = await sessions.create({ userId: 'u', ...HOME })
    clock.advance(31)
    expect(sessions.verify(accessToken.value, HOME).userId).toBe('u')
    expect(() => sessions.verify(accessToken.value, AWAY)).toThrow(ELSEWHERE)
    expect(() => sessions.verify(accessToken.value, { ...HOME, userAgent: 'another' })).toThrow(ELSEWHERE)
    // It stays valid from the original address.
    expect(sessions.verify(accessToken.value, HOME).userId).toBe('u')
    const next = await sessions.refresh(refreshToken.value, AWAY)
    clock.advance(31)
    expect(sessions.verify(next.accessToken.value, AWAY).userId).toBe('u')
    expect(() => sessions.verify(next.accessToken.value, HOME)).toThrow(ELSEWHERE)
  })

  it('is ignored if the context of the request or of the token is unknown', async () => {
    const { sessions, clock } = await openWithClock({ accessToken: { onContextChange: 'refresh' } })
    const { accessToken } = await sessions.create({ userId: 'u', ...HOME })
    expect(sessions.verify(accessToken.value).userId).toBe('u')
    expect(sessions.verify(accessToken.value, {}).userId).toBe('u')
    const nowhere = await sessions.create({ userId: 'u' })
    const somewhere = await sessions.create({ userId: 'u', userAgent: HOME.userAgent })
    clock.advance(31)
    expect(sessions.verify(accessToken.value, { userAgent: HOME.userAgent }).userId).toBe('u')
    expect(sessions.verify(nowhere.accessToken.value, AWAY).userId).toBe('u')
    expect(sessions.verify(somewhere.accessToken.value, AWAY).userId).toBe('u')
    const other = { userAgent: 'another' }
    expect(() => sessions.verify(somewhere.accessToken.value, other)).toThrow(ELSEWHERE)
  })

  it('is ignored right after a refresh, so that alternating addresses cause no refresh loop', async () => {
    const { sessions, clock } = await openWithClock({ accessToken: { onContextChange: 'refresh' } })
    const login = await sessions.create({ userId: 'u', ...HOME })
    let { accessToken, refreshToken } = login
    let refreshes = 0
    for (let request = 0; request < 60; request++) {
      clock.advance(5)
      try {
        sessions.verify(accessToken.value, request % 2 === 0 ? HOME : AWAY)
      } catch {
        const next = await sessions.refresh(refreshToken.value, HOME)
        accessToken = next.accessToken
        refreshToken = next.refreshToken ?? refreshToken
        refreshes++
      }
    }
    expect(refreshes).toBeLessThanOrEqual(10)
  })

  it('matches in another process and after a change of the secret', async () => {
    const { sessions, store, clock } = await openWithClock({ accessToken: { onContextChange: 'refresh' } })
    const { accessToken } = await sessions.create({ userId: 'u', ...HOME })
    clock.advance(31)
    const secret = [NEW_SECRET, SECRET]
    const other = await openSessions({
      store,
      now: clock.now,
      secret,
      accessToken: { onContextChange: 'refresh' },
    })
    expect(other.verify(accessToken.value, HOME).userId).toBe('u')
    expect(() => other.verify(accessToken.value, AWAY)).toThrow(ELSEWHERE)
  })

  it('is not revealed by the token: the tag depends on the secret and on the session', () => {
    const [one] = deriveSecrets(SECRET, 'r')
    const [two] = deriveSecrets(NEW_SECRET, 'r')
    expect(contextTag(one, 's', HOME)).toMatch(/^[\w-]{8}\.[\w-]{8}$/)
    expect(contextTag(one, 's', HOME)).toBe(contextTag(one, 's', { ...HOME }))
    const others = [contextTag(two, 's', HOME), contextTag(one, 't', HOME), contextTag(one, 's', AWAY)]
    expect(others).not.toContain(contextTag(one, 's', HOME))
    expect(contextTag(one, 's', { ip: null, userAgent: null })).toBeNull()
  })
})

describe('the recorded context', () => {
  it.each([
    ['192.0.2.77', '192.0.2.0'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::'],
    ['2001:db8::5', '2001:db8::'],
    ['::1', '::'],
    [null, null],
  ])('of %s as a network is %s', (ip, network) => {
    const how = { ip: 'network', userAgent: true } as const
    expect(recordable({ ip, userAgent: 'a' }, how)).toStrictEqual({ ip: network, userAgent: 'a' })
  })

  it('is empty with the privacy options, also for older sessions', async () => {
    const { sessions, store, clock } = await openWithClock()
    const { refreshToken } = await sessions.create({ userId: 'u', ...HOME })
    const discreet = await openSessions({
      store,
      now: clock.now,
      privacy: { ip: 'none', userAgent: false },
    })
    const { session } = await discreet.create({ userId: 'v', ...HOME })
    expect(session).toMatchObject({ ip: null, userAgent: null })
    const child = await discreet.refresh(refreshToken.value, AWAY)
    discreet.verify(child.accessToken.value, AWAY)
    await discreet.flush()
    expect(await discreet.get(child.session.sessionId)).toMatchObject({
      generation: 1,
      ip: null,
      userAgent: null,
    })
  })
})
