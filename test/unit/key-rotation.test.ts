import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import { listen, openSessions } from '../support/sessions.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

describe('rotation of the signing keys', () => {
  // With fake timers, days of background work run in a moment.
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2030, 0, 1) }))
  afterEach(() => void vi.useRealTimers())

  it.each([
    { rotationInterval: 86_400, hours: 96, atLeast: 4 },
    { rotationInterval: 3600, hours: 12, atLeast: 11 },
    { rotationInterval: 300, hours: 3, atLeast: 30 },
  ])('every $rotationInterval s never makes a valid token fail, in any process', async (rotation) => {
    const { rotationInterval, hours, atLeast } = rotation
    const store = memory()
    const options = {
      store,
      keys: { rotationInterval },
      privacy: { pruneInterval: null },
      now: () => Date.now(),
    }
    const fleet = [await openSessions(options), await openSessions(options)]
    const trouble = fleet.flatMap((sessions) => [
      listen(sessions, 'keyTrouble'),
      listen(sessions, 'storeUnavailable'),
    ])
    let live: { value: string; expiresAt: Date }[] = []
    let checked = 0
    const step = Math.min(5 * MINUTE, (rotationInterval * 1000) / 5)

    for (let passed = 0; passed < hours * HOUR; passed += step) {
      for (const sessions of fleet) live.push((await sessions.create({ userId: 'u' })).accessToken)
      await vi.advanceTimersByTimeAsync(step)
      live = live.filter(({ expiresAt }) => expiresAt.getTime() > Date.now())
      for (const { value } of live) {
        for (const sessions of fleet) expect(sessions.verify(value).userId).toBe('u')
        checked++
      }
    }

    expect(checked).toBeGreaterThan(hours * 12)
    expect(fleet[0]!.keys.list().length).toBeGreaterThan(atLeast)
    expect(trouble.flat()).toStrictEqual([])
  })

  it('keeps the key table small once expired keys are pruned', async () => {
    const store = memory()
    const sessions = await openSessions({ store, privacy: { pruneInterval: null }, now: () => Date.now() })
    await vi.advanceTimersByTimeAsync(96.5 * HOUR)
    expect(await store.keys()).toHaveLength(5)
    await sessions.prune()
    expect((await store.keys()).map(({ epoch }) => epoch)).toStrictEqual([5])
  })
})
