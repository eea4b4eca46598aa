import { describe, expect, it, vi } from 'vitest'
import { createEvents } from '../../src/core/observability/events.ts'
import { noTelemetry } from '../../src/core/observability/telemetry.ts'
import { createConfirmations, type Evidence } from '../../src/core/refresh/confirmations.ts'
import type { Store } from '../../src/core/store.ts'
import { type Sessions, StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { listen, openSessions, openWithClock } from '../support/sessions.ts'
import { counting } from '../support/stores.ts'

const LATE = 126

/** A session with an unused child token. */
async function issued(store: Store = memory()): Promise<{
  sessions: Sessions
  clock: FakeClock
  use(): void
  generation(): Promise<number>
}> {
  const { sessions, clock } = await openWithClock({ store })
  const { refreshToken, session } = await sessions.create({ userId: 'u' })
  const { accessToken } = await sessions.refresh(refreshToken.value)
  return {
    sessions,
    clock,
    use: () => void sessions.verify(accessToken.value),
    generation: async () => (await sessions.get(session.sessionId))!.generation,
  }
}

describe('confirming by use', () => {
  it('happens in the background; no request waits for it', async () => {
    const { sessions, use, generation } = await issued()
    const turned = listen(sessions, 'rotated')
    use()
    expect(await generation()).toBe(0)
    await vi.waitFor(() => expect(turned).toMatchObject([{ generation: 1, reason: 'use' }]))
    expect(await generation()).toBe(1)
  })

  it('happens once per token, however often it is used', async () => {
    const { store, calls } = counting(memory())
    const { sessions, use } = await issued(store)
    calls.length = 0
    for (let times = 0; times < 100; times++) use()
    await sessions.flush()
    for (let times = 0; times < 100; times++) use()
    await sessions.flush()
    expect(calls).toStrictEqual(['readMany', 'turnMany'])
  })

  it('turns nothing for a token that is first used after the grace period', async () => {
    const { store, calls } = counting(memory())
    const { sessions, clock, use } = await issued(store)
    calls.length = 0
    clock.advance(LATE)
    use()
    await sessions.flush()
    expect(calls).toStrictEqual(['readMany'])
  })

  it('accepts a token exactly as old as the grace period', async () => {
    const { sessions, clock, use, generation } = await issued()
    clock.advance(LATE - 1)
    use()
    await sessions.flush()
    expect(await generation()).toBe(1)
  })

  it('drops evidence older than half the overlap when it is applied, and counts it', async () => {
    const { sessions, clock, use, generation } = await issued()
    const dropped = listen(sessions, 'confirmationsDropped')
    use()
    clock.advance(15.001)
    await sessions.flush()
    expect(await generation()).toBe(0)
    expect(dropped).toStrictEqual([{ count: 1, reason: 'late' }])
  })

  it('applies evidence of exactly half the overlap', async () => {
    const { sessions, clock, use, generation } = await issued()
    use()
    clock.advance(15)
    await sessions.flush()
    expect(await generation()).toBe(1)
  })

  it('ignores evidence of a session that has ended', async () => {
    const { store, calls } = counting(memory())
    const { sessions, use } = await issued(store)
    use()
    await sessions.revokeUser('u')
    calls.length = 0
    await sessions.flush()
    expect(calls).toStrictEqual(['readMany'])
  })

  it('decides again when the row has changed since it was read', async () => {
    const base = memory()
    let refusals = 2
    const store = {
      ...base,
      turnMany: async (turns: Parameters<Store['turnMany']>[0]) =>
        refusals-- > 0 ? [] : base.turnMany(turns),
    }
    const { sessions, use, generation } = await issued(store)
    const dropped = listen(sessions, 'confirmationsDropped')
    use()
    await sessions.flush()
    expect(await generation()).toBe(1)
    expect(dropped).toStrictEqual([])
  })

  it('drops evidence of a row that changes with each attempt, which is harmless', async () => {
    const { store: base, calls } = counting(memory())
    const store = { ...base, turnMany: async () => [] }
    const { sessions, use, generation } = await issued(store)
    const dropped = listen(sessions, 'confirmationsDropped')
    calls.length = 0
    use()
    await sessions.flush()
    expect(calls).toStrictEqual(['readMany', 'readMany', 'readMany'])
    expect(dropped).toStrictEqual([{ count: 1, reason: 'store' }])
    expect(await generation()).toBe(0)
  })

  it('is dropped and reported when it fails; verification goes on, and the next refresh has the same effect', async () => {
    const base = memory()
    const error = new StoreUnavailableError('away')
    const store = { ...base, readMany: () => Promise.reject(error) }
    const { sessions } = await openWithClock({ store })
    const [dropped, trouble] = [
      listen(sessions, 'confirmationsDropped'),
      listen(sessions, 'storeUnavailable'),
    ]
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    sessions.verify(child.accessToken.value)
    await sessions.flush()
    expect(dropped).toStrictEqual([{ count: 1, reason: 'store' }])
    expect(trouble).toStrictEqual([{ operation: 'confirm', error }])
    expect(sessions.verify(child.accessToken.value).generation).toBe(1)
    expect((await sessions.refresh(child.refreshToken!.value)).session.generation).toBe(1)
  })

  it('writes many sessions in batches of 500', async () => {
    const base = memory()
    const batches: number[] = []
    const store = {
      ...base,
      turnMany(turns: Parameters<Store['turnMany']>[0]) {
        batches.push(turns.length)
        return base.turnMany(turns)
      },
    }
    const { sessions } = await openWithClock({ store })
    const created = await Promise.all(Array.from({ length: 1100 }, () => sessions.create({ userId: 'u' })))
    const children = await Promise.all(
      created.map(({ refreshToken }) => sessions.refresh(refreshToken.value)),
    )
    for (const { accessToken } of children) sessions.verify(accessToken.value)
    await sessions.flush()
    expect(batches).toStrictEqual([500, 500, 100])
    const first = await sessions.list('u', { limit: 1000 })
    const all = [...first, ...(await sessions.list('u', { limit: 1000, after: first.at(-1) }))]
    expect(all.filter(({ generation }) => generation === 1)).toHaveLength(1100)
  })

  it('is completed by `close`, which refuses further evidence', async () => {
    const { sessions, use, generation } = await issued()
    use()
    await sessions.close()
    expect(await generation()).toBe(1)
  })
})

describe('the queue of confirmations', () => {
  const evidence = (index: number): Evidence => ({
    sessionId: `session ${index}`,
    version: 0,
    twin: {
      generation: 1,
      fingerprint: Buffer.alloc(16, `f${index}.`),
      parent: Buffer.alloc(16),
      issuedAt: 0,
    },
    seenAt: 0,
    ip: null,
    userAgent: null,
  })

  it('is bounded: further evidence is dropped and counted', async () => {
    const events = createEvents()
    const dropped = { full: 0, late: 0, store: 0 }
    events.on('confirmationsDropped', ({ count, reason }) => {
      dropped[reason] += count
    })
    const store = { readMany: async () => [], turnMany: async () => [] }
    const settings = { overlap: 0, gracePeriod: 0, tolerance: 0, onDatabaseRollback: 'accept' as const }
    const clock = { now: () => 0, synchronize: async () => 0 }
    const unreachable = (): never => expect.unreachable()
    const hooks = {
      hasEnded: unreachable,
      createTurn: unreachable,
      publishTurn: unreachable,
      end: unreachable,
    }
    const confirmations = createConfirmations(store, clock, events, settings, 1, noTelemetry, hooks)
    for (let index = 0; index < 10_050; index++) confirmations.add(evidence(index))
    confirmations.add(evidence(0))
    expect(confirmations.size).toBe(10_000)
    expect(dropped).toStrictEqual({ full: 50, late: 0, store: 0 })
    await confirmations.flush()
    expect(confirmations.size).toBe(0)
    // The store has none of their rows.
    expect(dropped).toStrictEqual({ full: 50, late: 0, store: 10_000 })
    await confirmations.close()
    confirmations.add(evidence(1))
    expect(confirmations.size).toBe(0)
  })
})

describe('flush', () => {
  it('waits for all evidence added before, also during another flush', async () => {
    const { sessions } = await openWithClock()
    const created = await Promise.all([1, 2].map(() => sessions.create({ userId: 'u' })))
    const [one, two] = await Promise.all(
      created.map(({ refreshToken }) => sessions.refresh(refreshToken.value)),
    )
    sessions.verify(one!.accessToken.value)
    const first = sessions.flush()
    sessions.verify(two!.accessToken.value)
    await sessions.flush()
    expect((await sessions.list('u')).map(({ generation }) => generation)).toStrictEqual([1, 1])
    await first
  })

  it('does not call the store when the queue is empty', async () => {
    const { store, calls } = counting(memory())
    const sessions = await openSessions({ store })
    calls.length = 0
    await sessions.flush()
    expect(calls).toStrictEqual([])
  })
})
