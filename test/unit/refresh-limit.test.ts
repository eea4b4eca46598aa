import { describe, expect, it } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { listen, openWithClock } from '../support/sessions.ts'
import { counting } from '../support/stores.ts'

describe('limits.refreshesPerMinute', () => {
  it('refuses further refreshes until the next minute, without a query, and ends no session', async () => {
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
    expect(calls).toStrictEqual([])
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
    expect(asked).toStrictEqual([{ sessionId: session.sessionId, ...context }])
    expect(limited).toStrictEqual([{ sessionId: session.sessionId, reason: 'allowRefresh' }])
    allow = true
    expect((await sessions.refresh(refreshToken.value)).session.active).toBe(true)
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
