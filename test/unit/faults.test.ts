import { describe, expect, it, vi } from 'vitest'
import type { SessionRow } from '../../src/core/store.ts'
import type { Sessions, Store } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { listen, openSessions } from '../support/sessions.ts'

// A missing row is read again for a second.
vi.mock(import('../../src/core/time/delay.ts'), async (original) => {
  const { skipDelays } = await import('../support/skip-delays.ts')
  return skipDelays(await original())
})

const TRY_AGAIN = coded('ERR_TRY_AGAIN', { retryAfter: 1 }) as Error

interface Faulty {
  readonly sessions: Sessions
  readonly clock: FakeClock
  /** Replaces methods of the store from now on. */
  readonly fault: (faults: Partial<Store>) => void
  readonly base: Store
  readonly ended: unknown[]
}

async function faulty(): Promise<Faulty> {
  const base = memory()
  const store = { ...base }
  const clock = createFakeClock()
  const sessions = await openSessions({ store, now: clock.now })
  return {
    sessions,
    clock,
    base,
    fault: (faults) => void Object.assign(store, faults),
    ended: listen(sessions, 'ended'),
  }
}

/** A grandchild's rival: presenting `stale` is reuse. */
async function reusable(sessions: Sessions, clock: FakeClock): Promise<{ stale: string; sessionId: string }> {
  const { refreshToken, session } = await sessions.create({ userId: 'u' })
  const child = await sessions.refresh(refreshToken.value)
  await sessions.refresh(child.refreshToken!.value)
  clock.advance(600)
  return { stale: refreshToken.value, sessionId: session.sessionId }
}

describe('a store that finds no row for a moment', () => {
  const missing = (base: Store, times: number): Partial<Store> => {
    let left = times
    return { read: async (id) => (left-- > 0 ? null : base.read(id)) }
  }

  it.each([1, 2, 3])('%i times logs nobody out', async (times) => {
    const { sessions, fault, base, ended } = await faulty()
    const { refreshToken, accessToken } = await sessions.create({ userId: 'u' })
    fault(missing(base, times))
    expect((await sessions.refresh(refreshToken.value)).refreshToken).not.toBeNull()
    fault(missing(base, times))
    expect((await sessions.check(accessToken.value)).userId).toBe('u')
    expect(ended).toStrictEqual([])
  })

  it('four times over a second means there is none', async () => {
    const { sessions, fault, base } = await faulty()
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    fault(missing(base, 4))
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(
      coded('ERR_SESSION_ENDED', { reason: 'unknown', sessionId: session.sessionId }) as Error,
    )
  })

  it('does not fail a write of claims or data', async () => {
    const { sessions, fault, base } = await faulty()
    const { session } = await sessions.create({ userId: 'u', data: {} })
    const id = session.sessionId
    fault(missing(base, 1))
    expect(await sessions.setClaims(id, { role: 'admin' })).toBe(1)
    fault(missing(base, 1))
    await sessions.reauthenticate(id)
    let writes = 1
    fault({
      ...missing(base, 1),
      writeData: async (...given) => (writes-- > 0 ? null : base.writeData(...given)),
    })
    expect(await sessions.setData(id, 'written')).toBe(1)
    expect(await sessions.get(id)).toMatchObject({ active: true, version: 2, data: 'written' })
  })
})

describe('a compare-and-set that matches no row', () => {
  const refusing = <Name extends 'turn' | 'switchSibling' | 'end'>(
    base: Store,
    name: Name,
    times: number,
  ): Partial<Store> => {
    let left = times
    const method = base[name] as (...parameters: unknown[]) => Promise<boolean>
    return { [name]: async (...given: unknown[]) => (left-- > 0 ? false : method(...given)) }
  }

  it('is decided again, and answered', async () => {
    const { sessions, fault, base } = await faulty()
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    fault(refusing(base, 'turn', 2))
    expect((await sessions.refresh(child.refreshToken!.value)).session.generation).toBe(1)
  })

  it('three times is "try again", never "logged out"', async () => {
    const { sessions, fault, base, ended } = await faulty()
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    fault(refusing(base, 'turn', 3))
    await expect(sessions.refresh(child.refreshToken!.value)).rejects.toThrow(TRY_AGAIN)
    expect(await sessions.get(session.sessionId)).toMatchObject({ active: true, generation: 0 })
    expect(ended).toStrictEqual([])
    expect((await sessions.refresh(child.refreshToken!.value)).session.generation).toBe(1)
  })

  it('lets another decision win: a sibling that became current meanwhile', async () => {
    const { sessions, fault, base, clock } = await faulty()
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const one = await sessions.refresh(refreshToken.value)
    const other = await sessions.refresh(refreshToken.value)
    await sessions.refresh(one.refreshToken!.value)
    clock.advance(600)
    fault(refusing(base, 'switchSibling', 1))
    expect((await sessions.refresh(other.refreshToken!.value)).refreshToken).not.toBeNull()
  })

  it('does not end a session on a decision that is no longer true', async () => {
    const { sessions, fault, base, clock, ended } = await faulty()
    const { stale, sessionId } = await reusable(sessions, clock)
    const before = (await base.read(sessionId))!
    const goneBack: SessionRow = { ...before, turnedAt: clock.now() }
    fault({ end: async () => null, read: async () => goneBack })
    // The row turned again just now, so that the old parent is merely late.
    expect((await sessions.refresh(stale)).refreshToken).not.toBeNull()
    fault({ end: async () => null, read: base.read })
    await expect(sessions.refresh(stale)).rejects.toThrow(TRY_AGAIN)
    expect(ended).toStrictEqual([])
  })
})

describe('a request that is undecided for too long', () => {
  /** The store takes so many seconds to read. */
  const slow = (base: Store, clock: FakeClock, seconds: number): Partial<Store> => ({
    async read(id) {
      clock.advance(seconds)
      return base.read(id)
    },
  })

  it('is answered "try again" and ends nothing, not even for reuse', async () => {
    const { sessions, fault, base, clock, ended } = await faulty()
    const { stale, sessionId } = await reusable(sessions, clock)
    fault(slow(base, clock, 15.001))
    await expect(sessions.refresh(stale)).rejects.toThrow(TRY_AGAIN)
    expect((await sessions.get(sessionId))!.active).toBe(true)
    expect(ended).toStrictEqual([])
  })

  it('is decided up to half the overlap', async () => {
    const { sessions, fault, base, clock } = await faulty()
    const { stale } = await reusable(sessions, clock)
    fault(slow(base, clock, 15))
    await expect(sessions.refresh(stale)).rejects.toThrow(coded('ERR_REFRESH_TOKEN_REUSED') as Error)
  })

  it('counts from its arrival', async () => {
    const { sessions, clock } = await faulty()
    const { stale } = await reusable(sessions, clock)
    await expect(sessions.refresh(stale, { arrivedAt: clock.now() - 15_001 })).rejects.toThrow(TRY_AGAIN)
  })

  it('may have turned the row: asking again is answered from there', async () => {
    const { sessions, fault, base, clock } = await faulty()
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    fault({
      async turn(turn) {
        clock.advance(20)
        return base.turn(turn)
      },
    })
    await expect(sessions.refresh(child.refreshToken!.value)).rejects.toThrow(TRY_AGAIN)
    const again = await sessions.refresh(child.refreshToken!.value)
    expect(again).toMatchObject({ refreshToken: null, session: { generation: 1 } })
  })

  it('ages neither its token nor its windows: they are measured from the arrival', async () => {
    const { sessions, fault, base, clock } = await faulty()
    const { stale } = await reusable(sessions, clock)
    const row = (await base.read((await sessions.list('u'))[0]!.sessionId))!
    clock.advance((row.turnedAt + 125_000 - clock.now()) / 1000)
    fault(slow(base, clock, 10))
    expect((await sessions.refresh(stale)).refreshToken).not.toBeNull()
  })
})

describe('a request whose client has gone', () => {
  it('ends nothing, not even for reuse', async () => {
    const { sessions, clock, ended } = await faulty()
    const { stale, sessionId } = await reusable(sessions, clock)
    await expect(sessions.refresh(stale, { signal: AbortSignal.abort() })).rejects.toThrow(TRY_AGAIN)
    expect((await sessions.get(sessionId))!.active).toBe(true)
    expect(ended).toStrictEqual([])
  })

  it('is not answered once it goes in the middle', async () => {
    const { sessions, fault, base } = await faulty()
    const gone = new AbortController()
    const { refreshToken } = await sessions.create({ userId: 'u' })
    fault({
      async read(id) {
        gone.abort()
        return base.read(id)
      },
    })
    await expect(sessions.refresh(refreshToken.value, { signal: gone.signal })).rejects.toThrow(TRY_AGAIN)
  })
})

describe('a store that is away', () => {
  it('ends nothing', async () => {
    const { sessions, fault, base, clock, ended } = await faulty()
    const { stale, sessionId } = await reusable(sessions, clock)
    const error = new Error('away')
    fault({ read: () => Promise.reject(error) })
    await expect(sessions.refresh(stale)).rejects.toBe(error)
    fault({ read: base.read, end: () => Promise.reject(error) })
    await expect(sessions.refresh(stale)).rejects.toBe(error)
    expect((await sessions.get(sessionId))!.active).toBe(true)
    expect(ended).toStrictEqual([])
  })
})

it('a write of claims that never finds its row, though it is there, is try again and not the end', async () => {
  const store = memory()
  const sessions = await openSessions({ store: { ...store, writeClaims: async () => null } })
  const { session, accessToken } = await sessions.create({ userId: 'anna' })
  await expect(sessions.setClaims(session.sessionId, { role: 'user' })).rejects.toEqual(
    coded('ERR_TRY_AGAIN'),
  )
  expect(sessions.verify(accessToken.value).userId).toBe('anna')
})
