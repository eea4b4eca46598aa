import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ENGINE, type Engine } from '../../src/core/engine.ts'
import type { ListenerHooks, ListenFailure, Store } from '../../src/core/store.ts'
import { type Sessions, type SessionsOptions, StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { listen, openSessions } from '../support/sessions.ts'

const UNAVAILABLE = coded('ERR_STORE_UNAVAILABLE') as Error
const ENDED = coded('ERR_SESSION_ENDED', { reason: 'revoked' }) as Error

/** A store whose polls, pings and notifications the test observes and controls. */
function wired(inner: Store = memory()) {
  const wire = {
    polls: [] as number[],
    notified: 0,
    delivers: true,
    down: false,
    hangs: false,
    failure: undefined as ListenFailure | null | undefined,
    hooks: null as ListenerHooks | null,
  }
  const store: Store = {
    ...inner,
    async changes(since, after, limit) {
      if (wire.down) throw new StoreUnavailableError('down')
      if (wire.hangs) await new Promise(() => {})
      wire.polls.push(Math.round((Date.now() - since) / 1000))
      return inner.changes(since, after, limit)
    },
    async notify() {
      wire.notified++
      return true
    },
    listen(hooks) {
      wire.hooks = hooks
      return {
        get failure() {
          return wire.failure
        },
        ping: async () => wire.delivers,
        notify: () => store.notify(),
        async close() {},
      }
    },
  }
  return { store, wire }
}

describe('the feed', () => {
  // The test moves elapsed time, timers and the clock, always together.
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2030, 0, 1) }))
  afterEach(() => void vi.useRealTimers())
  const pass = (seconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(seconds * 1000)

  async function open(options: Partial<SessionsOptions> = {}) {
    const { store, wire } = wired(options.store)
    const sessions = await openSessions({
      now: () => Date.now(),
      privacy: { pruneInterval: null },
      ...options,
      store,
    })
    wire.polls.length = 0
    return { sessions, wire, store }
  }
  /** Ends a session as another process would, without a notification. */
  const endElsewhere = (store: Store, id: string): Promise<unknown> =>
    store.end(id, { reason: 'revoked', at: Date.now(), pruneAt: Date.now() + 86_400_000 })
  const verifies = (sessions: Sessions, token: string) => () => sessions.verify(token)

  it('polls every `pollInterval` while LISTEN does not work, and every 30 s while it does', async () => {
    const { sessions, wire } = await open()
    const working = listen(sessions, 'feedListening')
    const lost = listen(sessions, 'feedPolling')
    wire.delivers = false
    await pass(61)
    const slow = wire.polls.length
    expect(slow).toBeGreaterThanOrEqual(12)
    expect(sessions.stats().feed.listening).toBe(false)
    wire.delivers = true
    await pass(6)
    expect(sessions.stats().feed.listening).toBe(true)
    wire.polls.length = 0
    await pass(600)
    expect(wire.polls.length).toBeGreaterThanOrEqual(17)
    expect(wire.polls.length).toBeLessThanOrEqual(21)
    expect([working.length, lost.length]).toStrictEqual([1, 1])
  })

  it('reports why LISTEN does not work once per reason, and not the reasons of an outage', async () => {
    const { sessions, wire } = await open()
    const lost = listen(sessions, 'feedPolling')
    /** Each attempt fails with an error of its own. */
    const attempts = async (kind: string, times: number): Promise<void> => {
      for (let time = 0; time < times; time++) {
        wire.failure = { kind, error: new Error(kind) }
        await pass(5)
      }
    }
    const reasons = (): unknown[] => lost.splice(0).map(({ error }) => error?.message)
    wire.delivers = false
    wire.failure = null
    await pass(20)
    expect(reasons()).toStrictEqual([])
    await attempts('ECONNREFUSED', 20)
    await attempts('28P01', 20)
    await attempts('ECONNREFUSED', 20)
    expect(reasons()).toStrictEqual(['ECONNREFUSED', '28P01'])
    wire.down = true
    await attempts('57P01', 3)
    wire.down = false
    // The failure of the outage is still the last one when the database is back.
    await pass(10)
    expect(reasons()).toStrictEqual([])
    wire.delivers = true
    await pass(5)
    wire.delivers = false
    await attempts('28P01', 20)
    expect(reasons()).toStrictEqual(['28P01'])
  })

  it('detects within a `pollInterval` that the LISTEN connection has died, and polls at once', async () => {
    const { sessions, wire, store } = await open()
    const lost = listen(sessions, 'feedPolling')
    await pass(10)
    const { accessToken, session } = await sessions.create({ userId: 'u' })
    wire.delivers = false
    await endElsewhere(store, session.sessionId)
    expect(verifies(sessions, accessToken.value)).not.toThrow()
    await pass(5)
    expect(verifies(sessions, accessToken.value)).toThrow(ENDED)
    expect(lost).toHaveLength(1)
  })

  it('polls at once after a notification, and combines many notifications', async () => {
    const { sessions, wire, store } = await open()
    const { accessToken, session } = await sessions.create({ userId: 'u' })
    await endElsewhere(store, session.sessionId)
    for (let time = 0; time < 1000; time++) wire.hooks!.onChange()
    await pass(0.001)
    expect(verifies(sessions, accessToken.value)).toThrow(ENDED)
    await pass(1)
    expect(wire.polls.length).toBeLessThanOrEqual(2)
  })

  it('polls every `pollInterval` once a poll has found a change that no notification announced', async () => {
    const { sessions, wire, store } = await open()
    const [working, lost] = [listen(sessions, 'feedListening'), listen(sessions, 'feedPolling')]
    await pass(10)
    const { accessToken, session } = await sessions.create({ userId: 'u' })
    await endElsewhere(store, session.sessionId)
    await pass(35)
    expect(verifies(sessions, accessToken.value)).toThrow(ENDED)
    expect(sessions.stats().feed.listening).toBe(false)
    expect(lost.map(({ error }) => error?.message)).toStrictEqual([
      expect.stringContaining('reaches only one of several servers'),
    ])
    wire.polls.length = 0
    await pass(60)
    expect(wire.polls.length).toBeGreaterThanOrEqual(12)
    // Back to LISTEN later, once a process was heard.
    await pass(600)
    expect(sessions.stats().feed.listening).toBe(false)
    wire.hooks!.onChange('process')
    await pass(5)
    expect(sessions.stats().feed.listening).toBe(true)
    expect([working.length, lost.length]).toStrictEqual([2, 1])
  })

  it('takes no change for unannounced that was announced, or that this process wrote', async () => {
    const { sessions, wire, store } = await open()
    const lost = listen(sessions, 'feedPolling')
    await pass(10)
    for (let round = 0; round < 5; round++) {
      const [own, other, late] = await Promise.all(
        ['a', 'b', 'c'].map((userId) => sessions.create({ userId })),
      )
      await sessions.revoke(own!.session.sessionId)
      await endElsewhere(store, other!.session.sessionId)
      wire.hooks!.onChange('process')
      await pass(33)
      // A transaction of the application that is committed after 20 s.
      await store.end(late!.session.sessionId, {
        reason: 'revoked',
        at: Date.now() - 20_000,
        pruneAt: Date.now() + 86_400_000,
      })
      wire.hooks!.onChange()
      await pass(33)
    }
    expect(lost).toStrictEqual([])
    expect(sessions.stats().feed.listening).toBe(true)
  })

  it('takes a change for announced whose commit was late, and one that it learns late in an outage', async () => {
    const { sessions, wire, store } = await open()
    const lost = listen(sessions, 'feedPolling')
    const end = async (at: number): Promise<void> => {
      const { session } = await sessions.create({ userId: 'u' })
      await store.end(session.sessionId, { reason: 'revoked', at, pruneAt: Date.now() + 86_400_000 })
      wire.hooks!.onChange('process')
    }
    await pass(20)
    // The other process waited seven seconds for the lock of the row.
    await end(Date.now() - 7000)
    await pass(20)
    wire.down = true
    for (let round = 0; round < 24; round++) {
      await end(Date.now())
      await pass(10)
    }
    wire.down = false
    await pass(60)
    expect(lost).toStrictEqual([])
  })

  it('does not take its own changes that it had dropped for lack of memory for those of another process', async () => {
    const { sessions } = await open({ revocation: { memory: 65_536 } })
    const [overflowed, lost] = [listen(sessions, 'feedOverflowed'), listen(sessions, 'feedPolling')]
    await pass(20)
    for (let count = 0; count < 2200; count++) await sessions.create({ userId: `u${count}` })
    await sessions.revokeAll()
    await pass(60)
    expect(overflowed.length).toBeGreaterThan(0)
    expect(lost).toStrictEqual([])
  })

  it('notifies inside transactions also while LISTEN reaches only one of several servers', async () => {
    const inner = memory()
    let notified = 0
    const using: Store['using'] = () => ({
      ...inner,
      async notify() {
        notified++
        return true
      },
    })
    const { sessions, store } = await open({ store: { ...inner, using } })
    const polling = listen(sessions, 'feedPolling')
    await pass(20)
    const [other, own] = [await sessions.create({ userId: 'a' }), await sessions.create({ userId: 'b' })]
    await endElsewhere(store, other.session.sessionId)
    await pass(60)
    expect(polling).toHaveLength(1)
    await sessions.using({}).revoke(own.session.sessionId)
    expect(notified).toBe(1)
  })

  it('does not take a write of its own that is under way for a change of another process', async () => {
    const inner = memory()
    let answer = (): void => {}
    const { sessions } = await open({
      store: {
        ...inner,
        async end(...args) {
          const ended = await inner.end(...args)
          await new Promise<void>((resolve) => {
            answer = resolve
          })
          return ended
        },
      },
    })
    const lost = listen(sessions, 'feedPolling')
    await pass(20)
    const { session } = await sessions.create({ userId: 'u' })
    const revoking = sessions.revoke(session.sessionId)
    await pass(35)
    answer()
    await revoking
    await pass(35)
    expect(lost).toStrictEqual([])
  })

  it('has a request wait for one poll after the process did not run, and for no more than `catchUpTimeout`', async () => {
    const { sessions, wire, store } = await open({ store: { ...memory(), local: false } })
    const { feed } = (sessions as unknown as { [ENGINE]: Engine })[ENGINE]
    const { accessToken, session } = await sessions.create({ userId: 'u' })
    await pass(60)
    expect(feed.catchUp()).toBeNull()
    await endElsewhere(store, session.sessionId)
    // The timers have not run yet.
    vi.setSystemTime(Date.now() + 20 * 60_000)
    const catchingUp = feed.catchUp()
    expect(feed.catchUp()).toBe(catchingUp)
    await pass(0.01)
    await catchingUp
    expect(verifies(sessions, accessToken.value)).toThrow(/ended|expired/)
    expect(sessions.stats().feed.entries).toBe(1)
    expect(feed.catchUp()).toBeNull()
    // In an outage each pause costs one wait, not each request.
    wire.hangs = true
    vi.setSystemTime(Date.now() + 1000)
    let waited = false
    void feed.catchUp()!.then(() => {
      waited = true
    })
    await pass(0.49)
    expect(waited).toBe(false)
    await pass(0.02)
    expect(waited).toBe(true)
    expect(feed.catchUp()).toBeNull()
    wire.hangs = false
  })

  it('re-reads changes after a failed write, which may have been committed, and has the others do so', async () => {
    const inner = memory()
    const end: Store['end'] = async (...args) => {
      await inner.end(...args)
      throw new StoreUnavailableError('committed, but the answer was lost')
    }
    const { sessions, wire } = await open({ store: { ...inner, end } })
    await pass(10)
    const { accessToken, session } = await sessions.create({ userId: 'u' })
    wire.notified = 0
    await expect(sessions.revoke(session.sessionId)).rejects.toMatchObject(UNAVAILABLE)
    expect(verifies(sessions, accessToken.value)).not.toThrow()
    await pass(5)
    expect(verifies(sessions, accessToken.value)).toThrow(ENDED)
    expect(wire.notified).toBe(1)
  })

  it('re-reads everything after LISTEN restarts, because notifications were lost', async () => {
    const { wire, sessions } = await open()
    await pass(20)
    wire.polls.length = 0
    wire.hooks!.onConnected()
    await pass(0.001)
    expect(wire.polls).toStrictEqual([1220])
    expect(sessions.stats().feed.listening).toBe(true)
  })

  it('notifies other processes of a change at once, and of many changes at most every 50 ms', async () => {
    const { sessions, wire } = await open()
    const created = []
    for (let index = 0; index < 20; index++) created.push(await sessions.create({ userId: 'u' }))
    expect(wire.notified).toBe(0)
    await sessions.revoke(created.pop()!.session.sessionId)
    expect(wire.notified).toBe(1)
    for (const { session } of created) await sessions.revoke(session.sessionId)
    await pass(0.049)
    expect(wire.notified).toBe(1)
    await pass(0.002)
    expect(wire.notified).toBe(2)
    await pass(1)
    expect(wire.notified).toBe(2)
  })

  it.each<[string, (sessions: Sessions, id: string) => Promise<unknown>]>([
    ['revoke', (sessions, id) => sessions.revoke(id)],
    ['revokeUser', (sessions) => sessions.revokeUser('u')],
    ['revokeAll', (sessions) => sessions.revokeAll()],
    ['deleteUser', (sessions) => sessions.deleteUser('u')],
    ['setClaims', (sessions, id) => sessions.setClaims(id, { a: 1 })],
    ['reauthenticate', (sessions, id) => sessions.reauthenticate(id)],
    ['expireAccessTokens', (sessions, id) => sessions.expireAccessTokens(id)],
    ['a login that replaces', (sessions, id) => sessions.create({ userId: 'u', replaces: id })],
  ])('notifies other processes of %s', async (_, change) => {
    const { sessions, wire } = await open()
    const { session } = await sessions.create({ userId: 'u' })
    await change(sessions, session.sessionId)
    expect(wire.notified).toBe(1)
  })

  it('notifies inside a transaction of the application, and publishes nothing before the commit', async () => {
    let inside = 0
    const inner = memory()
    const { sessions, wire } = await open({
      store: { ...inner, using: () => ({ ...inner, notify: async () => ++inside > 0 }) },
    })
    const { accessToken, session } = await sessions.create({ userId: 'u' })
    await pass(10)
    await sessions.using({}).revoke(session.sessionId)
    expect([inside, wire.notified]).toStrictEqual([1, 0])
    expect(verifies(sessions, accessToken.value)).not.toThrow()
  })

  it('sends pending notifications before it closes', async () => {
    const { sessions, wire } = await open()
    const [a, b] = [await sessions.create({ userId: 'u' }), await sessions.create({ userId: 'u' })]
    await sessions.revoke(a.session.sessionId)
    await sessions.revoke(b.session.sessionId)
    await sessions.close()
    expect(wire.notified).toBe(2)
  })

  it('repeats a failed poll with the next tick, although LISTEN works', async () => {
    const { sessions, wire, store } = await open()
    const unavailable = listen(sessions, 'storeUnavailable')
    await pass(10)
    const { accessToken, session } = await sessions.create({ userId: 'u' })
    await endElsewhere(store, session.sessionId)
    wire.down = true
    wire.hooks!.onChange()
    await pass(0.001)
    expect(unavailable).toMatchObject([{ operation: 'poll' }])
    wire.down = false
    await pass(5)
    expect(verifies(sessions, accessToken.value)).toThrow(ENDED)
  })

  it('reports once that it is stale and once that it is current; requests are accepted meanwhile', async () => {
    const { sessions, wire } = await open({ revocation: { maxStaleness: 20 } })
    const [stale, caughtUp] = [listen(sessions, 'feedStale'), listen(sessions, 'feedCaughtUp')]
    const { accessToken } = await sessions.create({ userId: 'u' })
    wire.delivers = false
    wire.down = true
    await pass(60)
    expect(stale).toHaveLength(1)
    expect(stale[0]!.seconds).toBeGreaterThan(20)
    expect(sessions.stats().feed.staleness).toBeGreaterThan(50)
    expect(verifies(sessions, accessToken.value)).not.toThrow()
    wire.down = false
    await pass(5)
    expect(caughtUp).toHaveLength(1)
    expect(sessions.stats().feed.staleness).toBeLessThanOrEqual(5)
  })

  it('refuses requests while stale with `onStale: refuse`, and logs nobody out', async () => {
    const { sessions, wire } = await open({ revocation: { maxStaleness: 20, onStale: 'refuse' } })
    const { accessToken, session } = await sessions.create({ userId: 'u' })
    wire.delivers = false
    wire.down = true
    await pass(19)
    expect(verifies(sessions, accessToken.value)).not.toThrow()
    await pass(6)
    expect(verifies(sessions, accessToken.value)).toThrow(UNAVAILABLE)
    wire.down = false
    await pass(5)
    expect(verifies(sessions, accessToken.value)).not.toThrow()
    expect(await sessions.get(session.sessionId)).toMatchObject({ active: true })
  })

  it('counts messages of other programs on the channel, and reports them at powers of two', async () => {
    const { sessions, wire } = await open()
    const heard = listen(sessions, 'feedForeign')
    for (let time = 0; time < 100; time++) wire.hooks!.onForeign()
    await pass(1)
    expect(heard.map(({ total }) => total)).toStrictEqual([1, 2, 4, 8, 16, 32, 64])
    expect(sessions.stats().feed.foreign).toBe(100)
    expect(wire.polls).toStrictEqual([])
  })

  it('polls once with the next tick for messages it does not understand, which a later release may send', async () => {
    const { sessions, wire, store } = await open()
    const { accessToken, session } = await sessions.create({ userId: 'u' })
    await pass(11)
    wire.polls.length = 0
    await endElsewhere(store, session.sessionId)
    for (let time = 0; time < 100; time++) wire.hooks!.onForeign()
    await pass(5)
    expect(verifies(sessions, accessToken.value)).toThrow(ENDED)
    expect(wire.polls).toHaveLength(1)
  })

  it('does not poll in the mode `expiry`, but notifies other processes', async () => {
    const { sessions, wire } = await open({ revocation: { mode: 'expiry' } })
    const { session } = await sessions.create({ userId: 'u' })
    await pass(120)
    expect(wire.polls).toStrictEqual([])
    expect(wire.hooks).toBeNull()
    await sessions.revoke(session.sessionId)
    expect(wire.notified).toBe(1)
    expect(sessions.stats().feed).toMatchObject({ mode: 'expiry', staleness: null, listening: false })
  })

  it('keeps polling after a clock is set back, and logs nobody out', async () => {
    let offset = 0
    const { sessions, wire, store } = await open({ now: () => Date.now() + offset })
    const before = await sessions.create({ userId: 'u' })
    offset = -3_600_000
    wire.delivers = false
    const after = await sessions.create({ userId: 'v' })
    expect((await sessions.refresh(before.refreshToken.value)).session.active).toBe(true)
    await store.end(after.session.sessionId, {
      reason: 'revoked',
      at: Date.now() + offset,
      pruneAt: Date.now(),
    })
    await pass(5)
    expect(verifies(sessions, after.accessToken.value)).toThrow(ENDED)
    await pass(600)
    expect((await sessions.refresh(before.refreshToken.value)).session.active).toBe(true)
  })
})
