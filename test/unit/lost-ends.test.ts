import { describe, expect, it } from 'vitest'
import { createEvents } from '../../src/core/observability/events.ts'
import { createLostEnds, type LostEnds } from '../../src/core/revocation/lost-ends.ts'
import type { Ending, EndReason } from '../../src/core/store.ts'
import { StoreUnavailableError } from '../../src/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'

interface World {
  readonly ends: LostEnds
  readonly clock: FakeClock
  /** Every batch that the store got. */
  readonly batches: { readonly ids: readonly string[]; readonly ending: Ending }[]
  readonly published: { readonly ids: readonly string[]; readonly reason: EndReason }[]
  readonly failures: string[]
  /** Sessions whose row is active. */
  readonly active: Set<string>
  loseConnection(): void
  away: boolean
}

function open(): World {
  const clock = createFakeClock()
  const events = createEvents()
  let connections = 0
  const world = {
    clock,
    batches: [] as World['batches'],
    published: [] as World['published'],
    failures: [] as string[],
    active: new Set<string>(),
    loseConnection: () => void connections++,
    away: false,
  }
  const store = {
    async endAgain(ids: readonly string[], ending: Ending): Promise<string[]> {
      world.batches.push({ ids, ending })
      if (world.away) {
        connections++
        throw new StoreUnavailableError('away')
      }
      return ids.filter((id) => world.active.delete(id))
    },
    lostConnections: () => connections,
  }
  events.on('storeUnavailable', ({ operation }) => world.failures.push(operation))
  const ends = createLostEnds(
    store,
    { ...clock, synchronize: async () => 0 },
    events,
    (reason) => ({ reason, at: clock.now(), pruneAt: clock.now() + 1000 }),
    (ids, reason) => world.published.push({ ids, reason }),
  )
  return Object.assign(world, { ends })
}

const idsOf = ({ batches }: World): string[] => batches.flatMap(({ ids }) => ids)
const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => String(index).padStart(5, '0'))

describe('the ends of this process', () => {
  it('are repeated once after a connection was lost, by reason, in the order of the ids', async () => {
    const world = open()
    const { ends, clock } = world
    ends.remember('b', 'logout')
    ends.remember('c', 'reuse')
    ends.remember('a', 'logout')
    await ends.tick()
    expect(world.batches).toStrictEqual([])

    world.active.add('a')
    world.loseConnection()
    await ends.tick()
    await ends.tick()
    const ending = { at: clock.now(), pruneAt: clock.now() + 1000 }
    expect(world.batches).toStrictEqual([
      { ids: ['a', 'b'], ending: { reason: 'logout', ...ending } },
      { ids: ['c'], ending: { reason: 'reuse', ...ending } },
    ])
    // The rows of the others had ended.
    expect(world.published).toStrictEqual([{ ids: ['a'], reason: 'logout' }])
  })

  it('are repeated if they are from the last minute, also when the loss is noticed late', async () => {
    const world = open()
    world.ends.remember('old', 'logout')
    world.clock.advance(61)
    world.ends.remember('new', 'logout')
    world.clock.advance(60)
    world.loseConnection()
    await world.ends.tick()
    expect(idsOf(world)).toStrictEqual(['new'])
  })

  it('are repeated after each loss, and after a failure with each tick, however long it takes', async () => {
    const world = open()
    world.ends.remember('a', 'logout')
    world.loseConnection()
    world.away = true
    for (let tick = 0; tick < 30; tick++) {
      await world.ends.tick()
      world.clock.advance(5)
    }
    expect(world.batches).toHaveLength(30)
    expect(world.failures).toStrictEqual(Array(30).fill('end'))
    world.away = false
    await world.ends.tick()
    await world.ends.tick()
    expect(world.batches).toHaveLength(31)
  })

  it('are limited to the last 10,000, and to 500 a batch', async () => {
    const world = open()
    const ids = numbered(10_010)
    for (const id of ids) world.ends.remember(id, 'revoked')
    world.loseConnection()
    await world.ends.tick()
    expect(idsOf(world)).toStrictEqual(ids.slice(10))
    expect(Math.max(...world.batches.map((batch) => batch.ids.length))).toBe(500)
  })
})

describe('a session that is met again', () => {
  it('is ended again at once, and at most once a minute', async () => {
    const world = open()
    for (let minute = 0; minute < 2; minute++) {
      world.ends.repeat('a', 'reuse')
      world.ends.repeat('a', 'reuse')
      await world.ends.settled()
      world.ends.repeat('a', 'reuse')
      await world.ends.settled()
      world.clock.advance(60)
    }
    expect(idsOf(world)).toStrictEqual(['a', 'a'])
  })

  it('costs no attempt while the database is away: the next tick repeats its end', async () => {
    const world = open()
    world.away = true
    world.ends.repeat('a', 'reuse')
    await world.ends.settled()
    for (const id of numbered(100)) world.ends.repeat(id, 'reuse')
    await world.ends.settled()
    expect(world.batches).toHaveLength(1)
    world.away = false
    await world.ends.tick()
    expect(idsOf(world).slice(1)).toStrictEqual([...numbered(100), 'a'])
  })

  it('is one of at most 10,000 a minute', async () => {
    const world = open()
    for (const id of numbered(10_010)) world.ends.repeat(id, 'reuse')
    await world.ends.settled()
    expect(new Set(idsOf(world)).size).toBe(10_000)
  })
})
