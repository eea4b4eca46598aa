import { afterEach, expect, it, vi } from 'vitest'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'

afterEach(() => vi.useRealTimers())

// `node:test` fakes `Date` alone.
it.each([{ toFake: ['Date', 'performance'] }, { toFake: ['Date'] }] as const)(
  'fake timers of an application move the clock at once ($toFake)',
  async ({ toFake }) => {
    vi.useFakeTimers({ toFake: [...toFake] })
    const sessions = await openSessions()
    const { accessToken } = await sessions.create({ userId: 'u' })
    expect(sessions.verify(accessToken.value).userId).toBe('u')
    // 15 minutes, and the second to which the expiry is rounded up.
    vi.advanceTimersByTime(901_000)
    expect(() => sessions.verify(accessToken.value)).toThrow(
      coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'expired' }) as Error,
    )
  },
)
