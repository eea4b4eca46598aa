import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Store } from '../../src/core/store.ts'
import { type SessionsOptions, StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { listen, openSessions } from '../support/sessions.ts'

const DAY = 86_400

describe('pruning in the background', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2030, 0, 1) }))
  afterEach(() => void vi.useRealTimers())
  /** Moves only the clock: a year of timers takes too long. */
  const jump = (seconds: number): unknown => vi.setSystemTime(Date.now() + seconds * 1000)
  const pass = (seconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(seconds * 1000)

  async function open(options: Partial<SessionsOptions> = {}) {
    const inner = options.store ?? memory()
    const prunes: number[] = []
    const store: Store = {
      ...inner,
      prune(now, limit) {
        prunes.push(limit)
        return inner.prune(now, limit)
      },
    }
    const sessions = await openSessions({ now: () => Date.now(), ...options, store })
    return { sessions, prunes, store }
  }

  it('deletes ended rows `keepEnded` after their end, and returns the number', async () => {
    const { sessions } = await open({ privacy: { keepEnded: 7 * DAY, pruneInterval: 3600 } })
    const heard = listen(sessions, 'pruned')
    const { session } = await sessions.create({ userId: 'u' })
    await sessions.create({ userId: 'u' })
    await sessions.revoke(session.sessionId, 'logout')
    jump(7 * DAY - 4001)
    await pass(4000)
    expect((await sessions.get(session.sessionId))?.endReason).toBe('logout')
    // Rows are due by the day.
    jump(DAY)
    await pass(4000)
    expect(await sessions.get(session.sessionId)).toBeNull()
    expect(heard.filter(({ sessions: rows }) => rows > 0)).toMatchObject([{ sessions: 1 }])
    expect(await sessions.list('u')).toHaveLength(1)
  })

  it('deletes in batches until no row is due, in any number of processes at once', async () => {
    const store = memory()
    const fleet = [
      await open({ store, privacy: { pruneInterval: null } }),
      await open({ store, privacy: { pruneInterval: null } }),
    ]
    for (let index = 0; index < 1200; index++)
      await fleet[0]!.sessions.create({ userId: 'u', idleTimeout: 100 })
    jump(100 * DAY)
    const counts = Promise.all(fleet.map(({ sessions }) => sessions.prune()))
    await pass(10)
    expect((await counts).reduce((sum, count) => sum + count, 0)).toBe(1200)
    for (const { prunes } of fleet) expect(Math.max(...prunes)).toBeLessThanOrEqual(500)
    expect(await fleet[0]!.sessions.list('u')).toStrictEqual([])
  })

  it('runs about every `pruneInterval`, at different times in each process', async () => {
    const fleet = await Promise.all([1, 2, 3, 4].map(() => open({ privacy: { pruneInterval: 3600 } })))
    await pass(36_000)
    for (const { prunes } of fleet) {
      expect(prunes.length).toBeGreaterThanOrEqual(9)
      expect(prunes.length).toBeLessThanOrEqual(12)
    }
  })

  it('never runs with `pruneInterval: null`', async () => {
    const { prunes } = await open({ privacy: { pruneInterval: null } })
    jump(30 * DAY)
    await pass(36_000)
    expect(prunes).toStrictEqual([])
  })

  it('is reported when it fails, and runs again', async () => {
    let down = true
    const inner = memory()
    const { sessions } = await open({
      privacy: { pruneInterval: 60 },
      store: {
        ...inner,
        async prune(now, limit) {
          if (down) throw new StoreUnavailableError('down')
          return inner.prune(now, limit)
        },
      },
    })
    const unavailable = listen(sessions, 'storeUnavailable')
    await sessions.create({ userId: 'u', idleTimeout: 100 })
    jump(100 * DAY)
    await pass(60)
    expect(unavailable[0]).toMatchObject({ operation: 'prune' })
    expect(await sessions.list('u')).toHaveLength(1)
    down = false
    await pass(60)
    expect(await sessions.list('u')).toStrictEqual([])
  })

  it('reports its progress, and goes on when the listener throws', async () => {
    const { sessions } = await open({ privacy: { pruneInterval: null } })
    for (let index = 0; index < 3; index++) await sessions.create({ userId: 'u', idleTimeout: 100 })
    jump(100 * DAY)
    const done: number[] = []
    const onProgress = (count: number): void => {
      done.push(count)
      throw new Error('in the listener')
    }
    const warnings = collectWarnings()
    expect(await sessions.prune({ onProgress })).toBe(3)
    expect(warnings).toMatchObject([{ name: 'PawlWarning' }])
    expect(done).toStrictEqual([3])
  })
})
