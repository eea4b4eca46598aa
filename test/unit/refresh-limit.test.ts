import { describe, expect, it } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { listen, openWithClock } from '../support/sessions.ts'
import { counting } from '../support/stores.ts'

describe('limits.refreshesPerMinute', () => {
  it('refuses further refreshes until the next minute, for one read each, and ends no session', async () => {
    const { store, calls } = counting(memory())
    const { sessions, clock } = await openWithClock({ store, limits: { refreshesPerMinute: 3 } })
    const limited = listen(sessions, 'refreshLimited')
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    const other = await sessions.create({ userId: 'u' })
    for (let time = 0; time < 3; time++) await sessions.refresh(refreshToken.value)
    clock.advance(17)
    calls.length = 0
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(
      coded('ERR_TRY_AGAIN', { retryAfter: 43 }) as Error,
    )
    expect(calls).toStrictEqual(['read'])
    expect(limited).toStrictEqual([{ sessionId: session.sessionId, reason: 'refreshesPerMinute' }])
    await sessions.refresh(other.refreshToken.value)
    clock.advance(43)
    await sessions.refresh(refreshToken.value)
    expect(await sessions.get(session.sessionId)).toMatchObject({ active: true })
  })

  it('counts genuine tokens only, so nobody can use up the refreshes of another session', async () => {
    const { sessions } = await openWithClock({ limits: { refreshesPerMinute: 1 } })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const forged = `${refreshToken.value.slice(0, -4)}AAAA`
    for (let time = 0; time < 5; time++)
      await expect(sessions.refresh(forged)).rejects.toThrow(coded('ERR_REFRESH_TOKEN_INVALID') as Error)
    await sessions.refresh(refreshToken.value)
  })

  it('allows a page of sixty parts by default', async () => {
    const { sessions } = await openWithClock()
    const { refreshToken } = await sessions.create({ userId: 'u' })
    await Promise.all(Array.from({ length: 60 }, () => sessions.refresh(refreshToken.value)))
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(coded('ERR_TRY_AGAIN') as Error)
  })

  it('counts by token, so no holder can use up the refreshes of another', async () => {
    const { sessions } = await openWithClock({ limits: { refreshesPerMinute: 3 } })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const owner = await sessions.refresh(refreshToken.value)
    const thief = await sessions.refresh(refreshToken.value)
    for (let time = 0; time < 3; time++) await sessions.refresh(thief.refreshToken!.value)
    await expect(sessions.refresh(thief.refreshToken!.value)).rejects.toThrow(coded('ERR_TRY_AGAIN') as Error)
    expect((await sessions.refresh(owner.refreshToken!.value)).session.active).toBe(true)
  })

  it('writes nothing for a refresh that it refuses', async () => {
    const { store, calls } = counting(memory())
    const { sessions } = await openWithClock({ store, limits: { refreshesPerMinute: 1 } })
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    const { refreshToken: child } = await sessions.refresh(refreshToken.value)
    await sessions.refresh(child!.value)
    const before = await sessions.get(session.sessionId)
    calls.length = 0
    await expect(sessions.refresh(child!.value)).rejects.toThrow(coded('ERR_TRY_AGAIN') as Error)
    expect(calls).toStrictEqual(['read'])
    expect(await sessions.get(session.sessionId)).toStrictEqual(before)
  })

  /** In each minute a thief floods, then acts; the owner refreshes whenever its access token has expired. */
  it('never keeps a theft from being found: a thief who floods each minute ends the session', async () => {
    const { sessions, clock } = await openWithClock()
    const ended = listen(sessions, 'ended')
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    let owner = (await sessions.refresh(refreshToken.value)).refreshToken!.value
    let thief = refreshToken.value
    let acted = 0
    const answered = { owner: 0, thief: 0 }
    for (let minute = 0; minute < 30 && ended.length === 0; minute++) {
      for (let burnt = 0; burnt < 60 && ended.length === 0; burnt++) {
        const refreshed = await sessions.refresh(thief).catch(() => null)
        if (refreshed === null) break
        answered.thief++
        if (burnt > 0) continue
        thief = refreshed.refreshToken?.value ?? thief
        sessions.verify(refreshed.accessToken.value)
        await sessions.flush()
        acted++
      }
      for (let time = 0; time < 3 && ended.length === 0; time++) {
        clock.advance(15)
        const refreshed = await sessions.refresh(owner).catch(() => null)
        if (refreshed === null) continue
        answered.owner++
        owner = refreshed.refreshToken?.value ?? owner
      }
      clock.advance(15)
    }
    expect(ended).toStrictEqual([{ sessionId: session.sessionId, userId: 'u', reason: 'reuse' }])
    expect(acted).toBeLessThanOrEqual(4)
    expect(answered.owner).toBeGreaterThan(0)
  })
})

describe('allowRefresh', () => {
  it('gets the context of the request and can refuse it', async () => {
    const asked: unknown[] = []
    let allow = false
    const { sessions } = await openWithClock({
      limits: {
        async allowRefresh(attempt) {
          asked.push(attempt)
          return allow
        },
      },
    })
    const limited = listen(sessions, 'refreshLimited')
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    const context = { ip: '192.0.2.1', userAgent: 'a' }
    await expect(sessions.refresh(refreshToken.value, context)).rejects.toThrow(
      coded('ERR_TRY_AGAIN') as Error,
    )
    expect(asked).toStrictEqual([
      { sessionId: session.sessionId, fingerprint: expect.stringMatching(/^[\w-]{22}$/), ...context },
    ])
    expect(limited).toStrictEqual([{ sessionId: session.sessionId, reason: 'allowRefresh' }])
    allow = true
    expect((await sessions.refresh(refreshToken.value)).session.active).toBe(true)
  })

  it('is not asked about a refresh that ends the session, so it cannot hide a theft', async () => {
    let allow = true
    const { sessions } = await openWithClock({
      rotation: { overlap: 0 },
      limits: { allowRefresh: () => allow },
    })
    const ended = listen(sessions, 'ended')
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    const { refreshToken: child } = await sessions.refresh(refreshToken.value)
    await sessions.refresh(child!.value)
    allow = false
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(
      coded('ERR_REFRESH_TOKEN_REUSED') as Error,
    )
    expect(ended).toStrictEqual([{ sessionId: session.sessionId, userId: 'u', reason: 'reuse' }])
  })

  it('refuses the refresh if it does not answer in time', async () => {
    const { sessions } = await openWithClock({
      rotation: { overlap: 0.02 },
      limits: { allowRefresh: () => new Promise<boolean>(() => {}) },
    })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const warnings = collectWarnings()
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(coded('ERR_TRY_AGAIN') as Error)
    expect(warnings).toStrictEqual([
      { name: 'PawlWarning', message: '`allowRefresh` did not answer within 0.01 s' },
    ])
  })

  it('is reported when it throws, and the refresh is allowed: a broken rate limiter logs nobody out', async () => {
    const { sessions } = await openWithClock({
      limits: {
        allowRefresh() {
          throw new Error('the rate limiter is down')
        },
      },
    })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const warnings = collectWarnings()
    expect((await sessions.refresh(refreshToken.value)).session.active).toBe(true)
    expect(warnings).toMatchObject([{ name: 'PawlWarning' }])
  })
})
