import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEvents } from '../../src/core/observability/events.ts'
import { createRevocationTable, type RevocationTable } from '../../src/core/revocation/revocation-table.ts'
import { createRevocations } from '../../src/core/revocation/revocations.ts'
import type { Clock } from '../../src/core/time/clock.ts'
import { memory } from '../../src/memory/index.ts'
import { newSessionId } from '../../src/portable/session-id.ts'
import { coded } from '../support/errors.ts'
import { listen, openWithClock } from '../support/sessions.ts'

const MIB = 1024 * 1024
const MILLION = 1_000_000
const NOW = Date.UTC(2030, 0, 1)

const tail = randomBytes(2).toString('hex')

/** An id for each number with an evenly spread last word. Faster to make than a real id. */
function numberedId(index: number): string {
  const last = (Math.imul(index, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0')
  return `01890a5d-ac96-774b-bcce-${tail}${last}`
}

/** Differs in one bit. */
const neighbor = (id: string): string => `1${id.slice(1)}`

describe('a million ended sessions', () => {
  it('are all refused, and no other session, in at most 52 MiB', { timeout: 120_000 }, () => {
    const clock: Clock = { now: () => NOW, synchronize: async () => 0 }
    const known = createRevocations({ changes: async () => [] }, clock, createEvents(), 920_000, 64 * MIB)
    const random = Array.from({ length: 20_000 }, () => newSessionId('v7', NOW))
    for (const id of random) known.addEnd(id, 'logout')
    for (let index = 0; index < MILLION - random.length; index++) known.addEnd(numberedId(index), 'revoked')
    expect(known.size).toBe(MILLION)
    expect(known.bytes).toBeLessThanOrEqual(52 * MIB)
    let missed = 0
    let wrong = 0
    const refused = (id: string): boolean => known.endOf(id) !== null
    for (const id of random) if (!refused(id)) missed++
    // A sample of the others, and a live neighbor of each.
    for (let index = 0; index < MILLION - random.length; index += 37) {
      if (!refused(numberedId(index))) missed++
      if (refused(neighbor(numberedId(index)))) wrong++
    }
    for (let index = 0; index < 20_000; index++) if (refused(newSessionId('v7', NOW))) wrong++
    expect([missed, wrong]).toStrictEqual([0, 0])
    expect(known.refreshBefore).toBe(Number.NEGATIVE_INFINITY)
  })
})

interface Model {
  readonly entries: Map<string, { value: number; second: number }>
  now: number
}
type Step = fc.Command<Model, RevocationTable>

/** 24 bytes a slot, filled to three quarters. */
const BYTES = 4096 * 24
const CAPACITY = 3072

/** Few enough to repeat, and enough to fill the table. */
const someId = fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 6000 })).map(numberedId)
const someValue = fc.integer({ min: -20, max: 1000 }).filter((value) => value !== 0)

const set = (id: string, value: number): Step => ({
  check: () => true,
  run(model, table) {
    const fits = model.entries.has(id) || model.entries.size < CAPACITY
    expect(table.set(id, value, model.now)).toBe(fits)
    if (fits) model.entries.set(id, { value, second: Math.floor(model.now / 1000) })
  },
  toString: () => `set ${id} ${value}`,
})

const setMany = (from: number, count: number): Step => ({
  check: () => true,
  run(model, table) {
    for (let index = from; index < from + count; index++) set(numberedId(index), index + 1).run(model, table)
  },
  toString: () => `set ${count} from ${from}`,
})

const get = (id: string): Step => ({
  check: () => true,
  run(model, table) {
    expect(table.get(id)).toBe(model.entries.get(id)?.value ?? 0)
    expect(table.get(id.toUpperCase())).toBe(model.entries.get(id)?.value ?? 0)
  },
  toString: () => `get ${id}`,
})

const wait = (seconds: number): Step => ({
  check: () => true,
  run(model) {
    model.now += seconds * 1000 + 17
  },
  toString: () => `wait ${seconds}`,
})

const deleteBefore = (age: number): Step => ({
  check: () => true,
  run(model, table) {
    const before = model.now - age * 1000
    table.deleteBefore(before)
    for (const [id, { second }] of model.entries)
      if (second < Math.floor(before / 1000)) model.entries.delete(id)
  },
  toString: () => `delete entries older than ${age} s`,
})

const deleteOlderHalf = (sparing: number | undefined): Step => ({
  check: () => true,
  run(model, table) {
    const latest = sparing === undefined ? undefined : model.now - sparing * 1000
    const count = table.deleteOlderHalf(latest)
    const deleted = [...model.entries].filter(([id]) => table.get(id) === 0)
    expect(count).toBe(deleted.length)
    const upTo = Math.max(...deleted.map(([, { second }]) => second))
    if (latest !== undefined && count > 0) expect(upTo).toBeLessThanOrEqual(Math.floor(latest / 1000))
    for (const [id] of deleted) model.entries.delete(id)
    // No older entry is left.
    for (const { second } of model.entries.values()) expect(second).toBeGreaterThan(upTo)
  },
  toString: () => `delete the older half, except the last ${sparing} s`,
})

describe('the revocation table', () => {
  it('behaves like a Map under any sequence of calls', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(
        fc.commands(
          [
            fc.tuple(someId, someValue).map(([id, value]) => set(id, value)),
            fc
              .tuple(fc.nat({ max: 3000 }), fc.nat({ max: 2500 }))
              .map(([from, count]) => setMany(from, count)),
            someId.map(get),
            fc.nat({ max: 90 }).map(wait),
            fc.nat({ max: 200 }).map(deleteBefore),
            fc.option(fc.nat({ max: 60 }), { nil: undefined }).map(deleteOlderHalf),
          ],
          { maxCommands: 60 },
        ),
        (commands) => {
          fc.modelRun(
            () => ({ model: { entries: new Map(), now: NOW }, real: createRevocationTable(BYTES) }),
            [
              ...commands,
              {
                check: () => true,
                run(model: Model, table: RevocationTable) {
                  expect(table.size).toBe(model.entries.size)
                  expect(table.bytes).toBeLessThanOrEqual(BYTES)
                  for (const [id, { value }] of model.entries) expect(table.get(id)).toBe(value)
                },
                toString: () => 'compare',
              },
            ],
          )
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('more revocations than `revocation.memory` holds', () => {
  it('require older access tokens to be refreshed, log nobody out, and stay refused', async () => {
    const { sessions, clock } = await openWithClock({ store: memory(), revocation: { memory: 64 * 1024 } })
    const overflowed = listen(sessions, 'feedOverflowed')
    const alive = await Promise.all([1, 2, 3].map((index) => sessions.create({ userId: `alive ${index}` })))
    const gone = []
    for (let index = 0; index < 4000; index++) {
      if (index % 10 === 0) clock.advance(1)
      const login = await sessions.create({ userId: `gone ${index}` })
      await sessions.revoke(login.session.sessionId)
      gone.push(login)
    }
    expect(overflowed.length).toBeGreaterThan(0)
    expect(sessions.stats().feed.bytes).toBeLessThanOrEqual(64 * 1024)
    clock.advance(1)

    for (const { accessToken } of gone) expect(() => sessions.verify(accessToken.value)).toThrow()
    for (const { refreshToken } of gone.slice(0, 50))
      await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(coded('ERR_SESSION_ENDED') as Error)
    for (const { accessToken, refreshToken, session } of alive) {
      expect(() => sessions.verify(accessToken.value)).toThrow(
        coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'superseded' }) as Error,
      )
      const refreshed = await sessions.refresh(refreshToken.value)
      expect(sessions.verify(refreshed.accessToken.value).sessionId).toBe(session.sessionId)
    }
    const late = await sessions.create({ userId: 'after all that' })
    expect(sessions.verify(late.accessToken.value).userId).toBe('after all that')
  })
})
