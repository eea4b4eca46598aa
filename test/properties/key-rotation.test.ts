import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import { listen, openSessions } from '../support/sessions.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Polls do not read keys. The default would poll 69,120 times in four days. */
const RARELY = { pollInterval: 60 }

describe('rotation of the signing keys', { timeout: 120_000 }, () => {
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
      revocation: RARELY,
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

  it('keeps retired keys for as long as browsers keep cookies', async () => {
    const store = memory()
    const sessions = await openSessions({
      store,
      revocation: RARELY,
      privacy: { pruneInterval: null },
      now: () => Date.now(),
    })
    await vi.advanceTimersByTimeAsync(96.5 * HOUR)
    await sessions.prune()
    expect(await store.keys()).toHaveLength(5)
    const [first] = await store.keys()
    vi.setSystemTime(first!.verifiesUntil! + 400 * DAY)
    await sessions.prune()
    expect((await store.keys()).map(({ epoch }) => epoch)).toStrictEqual([1, 2, 3, 4, 5])
    vi.advanceTimersByTime(1)
    await sessions.prune()
    expect((await store.keys()).map(({ epoch }) => epoch)).toStrictEqual([2, 3, 4, 5])
  })

  it('keeps the last thousand retired keys', async () => {
    const store = memory()
    const retired = Array.from({ length: 1500 }, (_, index) => ({
      epoch: index + 1,
      kid: `key${index + 1}`,
      algorithm: 'HS256',
      wrappedKey: Buffer.alloc(63),
      createdAt: Date.now() - 2 * DAY,
      signsFrom: Date.now() - 2 * DAY,
      verifiesUntil: Date.now() - 1500 + index,
    }))
    for (const key of retired) await store.insertKey(key)
    const sessions = await openSessions({ store, privacy: { pruneInterval: null }, now: () => Date.now() })
    await sessions.prune()
    const epochs = (await store.keys()).map(({ epoch }) => epoch)
    expect([epochs.length, epochs[0], epochs.at(-1)]).toStrictEqual([1001, 501, 1501])
  })
})
