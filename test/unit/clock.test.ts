import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Store } from '../../src/core/store.ts'
import { createClock } from '../../src/core/time/clock.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { listen, openSessions } from '../support/sessions.ts'

const START = Date.UTC(2030, 0, 1)
const SECOND = 1000

describe('the clock', () => {
  beforeEach(() => void vi.useFakeTimers({ now: START }))
  afterEach(() => void vi.useRealTimers())

  /** A store whose clock differs by `offset` ms and whose answer takes `delay` ms. */
  const timed = (state: { offset: number; delay?: number }): Store => ({
    ...memory(),
    async time() {
      vi.advanceTimersByTime((state.delay ?? 0) / 2)
      const theirs = Date.now() + state.offset
      vi.advanceTimersByTime((state.delay ?? 0) / 2)
      return theirs
    },
  })

  it.each([10, -10])('follows the database when it is %i s off', async (seconds) => {
    const sessions = await openSessions({ store: timed({ offset: seconds * SECOND }) })
    const { session, accessToken } = await sessions.create({ userId: 'u' })
    expect(session.createdAt).toStrictEqual(new Date(START + seconds * SECOND))
    expect(sessions.verify(accessToken.value).issuedAt).toStrictEqual(session.createdAt)
  })

  it('reports a skew above the tolerance', async () => {
    const state = { offset: 5001 }
    const sessions = await openSessions({ store: timed(state) })
    const skew = listen(sessions, 'clockSkew')
    await vi.advanceTimersByTimeAsync(35_000)
    expect(skew).toStrictEqual([{ milliseconds: 5001 }])
    state.offset = -5000
    await vi.advanceTimersByTimeAsync(35_000)
    expect(skew).toHaveLength(1)
    expect((await sessions.create({ userId: 'u' })).session.createdAt).toStrictEqual(
      new Date(Date.now() - 5000),
    )
  })

  it.each([60, -60])('refuses to start when it is %i s off, more than the overlap', async (seconds) => {
    await expect(openSessions({ store: timed({ offset: seconds * SECOND }) })).rejects.toThrow(
      coded('ERR_INVALID_OPTIONS', { option: 'rotation.overlap' }) as Error,
    )
  })

  it('starts with a skew within the overlap, in strict mode within the tolerance', async () => {
    const start = (offset: number, overlap: number): Promise<unknown> =>
      openSessions({ store: timed({ offset }), rotation: { overlap } })
    await start(60_000, 60)
    await expect(start(60_001, 60)).rejects.toThrow(coded('ERR_INVALID_OPTIONS') as Error)
    await start(5000, 0)
    await expect(start(5001, 0)).rejects.toThrow(coded('ERR_INVALID_OPTIONS') as Error)
  })

  it('subtracts half the response time, and ignores changes within it', async () => {
    const state = { offset: 10_000, delay: 2000 }
    const clock = createClock(timed(state), null)
    expect(await clock.synchronize()).toBe(10_000)
    expect(clock.now()).toBe(Date.now() + 10_000)
    state.offset = 10_900
    expect(await clock.synchronize()).toBe(10_900)
    expect(clock.now()).toBe(Date.now() + 10_000)
    state.offset = 11_002
    await clock.synchronize()
    expect(clock.now()).toBe(Date.now() + 11_002)
  })

  it('uses an injected clock unchanged, and does not query the database', async () => {
    const store = { ...memory(), time: () => Promise.reject(new Error('asked')) }
    const clock = createClock(store, () => 42)
    expect(await clock.synchronize()).toBe(0)
    expect(clock.now()).toBe(42)
  })

  it('is the clock of the process if the store has none', async () => {
    const clock = createClock(memory(), null)
    expect(await clock.synchronize()).toBe(0)
    expect(clock.now()).toBe(START)
  })
})
