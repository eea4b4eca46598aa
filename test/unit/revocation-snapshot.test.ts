import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Engine } from '../../src/core/engine.ts'
import { createEvents } from '../../src/core/observability/events.ts'
import {
  createRevocationSnapshots,
  type RevocationSnapshot,
} from '../../src/core/revocation/revocation-snapshot.ts'
import { createRevocations, type Revocations } from '../../src/core/revocation/revocations.ts'
import { newSessionId } from '../../src/portable/session-id.ts'
import {
  decodeRevocations,
  encodeRevocations,
  MAX_REVOCATIONS,
  MAX_REVOCATIONS_BYTES,
  type RevocationList,
} from '../../src/wire/revocations.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'

const MIB = 1024 * 1024
const word = fc.nat({ max: 2 ** 32 - 1 })
/** Often equal, so that the other word decides the order. */
const highWord = fc.oneof(word, fc.constantFrom(0, 0x80000000, 2 ** 32 - 1))

interface Entry {
  readonly high: number
  readonly low: number
  readonly value: number
}
const wordsOf = (entries: readonly Entry[]): Int32Array =>
  Int32Array.from(entries.flatMap(({ high, low, value }) => [high, low, value]))

/** An id with these last 64 bits. */
const idOf = (high: number, low: number, first = '00000000-0000-7000'): string => {
  const hex = high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
  return `${first}-${hex.slice(0, 4)}-${hex.slice(4)}`
}

function process(): {
  revocations: Revocations
  clock: FakeClock
  take: () => RevocationSnapshot
  list: () => RevocationList
} {
  const clock = createFakeClock()
  const revocations = createRevocations(
    { changes: async () => [] },
    { ...clock, synchronize: async () => 0 },
    createEvents(),
    920_000,
    64 * MIB,
  )
  const options = { accessToken: { lifetime: 900_000 }, revocation: { maxStaleness: 60_000 } }
  const engine = { options, clock, revocations, feed: { staleness: 0 } } as unknown as Engine
  const take = createRevocationSnapshots(engine)
  return { revocations, clock, take, list: () => decodeRevocations(take().body)! }
}

describe('an encoded revocation list', () => {
  it('decodes to its entries', () => {
    const entries = fc.uniqueArray(
      fc.record({ high: highWord, low: word, value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) }),
      { selector: ({ high, low }) => `${high} ${low}`, maxLength: 300 },
    )
    fc.assert(
      fc.property(word, word, entries, highWord, word, (lifetime, refreshBefore, given, high, low) => {
        const list = decodeRevocations(encodeRevocations({ lifetime, refreshBefore }, wordsOf(given)))!
        expect([list.lifetime, list.refreshBefore]).toStrictEqual([lifetime, refreshBefore])
        for (const entry of given) expect(list.get(idOf(entry.high, entry.low))).toBe(entry.value)
        const known = given.find((entry) => entry.high === high && entry.low === low)
        expect(list.get(idOf(high, low))).toBe(known?.value ?? 0)
      }),
    )
  })

  it('has a stable encoding', () => {
    const entries: Entry[] = [
      { high: 0xbfffffff, low: 0xfffffffe, value: 3 },
      { high: 0x80010203, low: 0x04050607, value: -1 },
    ]
    const bytes = encodeRevocations({ lifetime: 900, refreshBefore: 1_893_499_200 }, wordsOf(entries))
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '70776c01' +
        '00000384' +
        '70dc8140' +
        '00000002'.concat('8001020304050607', 'ffffffff') +
        'bffffffffffffffe' +
        '00000003',
    )
    expect(decodeRevocations(bytes)!.get('01890a5d-ac96-774b-8001-020304050607')).toBe(-1)
  })

  it('is refused when truncated, extended, out of order, or of another format', () => {
    const entries = [1, 2, 3].map((low) => ({ high: 9, low, value: -1 }))
    const rules = { lifetime: 900, refreshBefore: 0 }
    const good = encodeRevocations(rules, wordsOf(entries))
    expect(decodeRevocations(good)).not.toBeNull()
    for (let length = 0; length < good.length; length++)
      expect(decodeRevocations(good.subarray(0, length))).toBeNull()
    const altered = (at: number, value: number): Uint8Array => {
      const copy = good.slice()
      copy[at] = value
      return copy
    }
    expect(decodeRevocations(new Uint8Array([...good, 0]))).toBeNull()
    expect(decodeRevocations(altered(0, 0x50))).toBeNull()
    expect(decodeRevocations(altered(3, 2))).toBeNull()
    expect(decodeRevocations(altered(15, 2))).toBeNull()
    // The last byte of the first key: behind the second, or the same.
    for (const byte of [3, 2]) expect(decodeRevocations(altered(16 + 7, byte))).toBeNull()
    expect(decodeRevocations(Buffer.from('<!doctype html><title>Not found</title>'))).toBeNull()
  })
})

describe('the revocation snapshot', () => {
  it('is the same in all processes with the same revocations, in any order', () => {
    const one = process()
    const other = process()
    const ids = Array.from({ length: 50 }, () => newSessionId('v7', one.clock.now()))
    for (const id of ids) one.revocations.addEnd(id, 'logout')
    for (const id of ids.toReversed()) other.revocations.addEnd(id, 'logout')
    expect(other.take()).toStrictEqual(one.take())
  })

  it('has the worse value of two sessions whose ids end alike', () => {
    const { revocations, list } = process()
    const [a, b, c] = ['00000000-0000-7000', '11111111-1111-7111', '22222222-2222-7222'].map((first) =>
      idOf(0x80000000, 1, first),
    )
    revocations.addVersion(a!, 3)
    revocations.addVersion(b!, 7)
    expect(list().get(a!)).toBe(8)
    const { revocations: more, list: listed } = process()
    more.addVersion(b!, 7)
    more.addEnd(c!, 'revoked')
    more.addVersion(a!, 9)
    expect(listed().get(b!)).toBe(-2)
  })

  it('is bounded: `refreshBefore` covers the omitted entries', () => {
    const { revocations, clock, take, list } = process()
    const start = clock.now()
    const first = newSessionId('v4', start)
    revocations.addEnd(first, 'logout')
    clock.advance(10)
    for (let count = 0; count < MAX_REVOCATIONS; count++)
      revocations.addEnd(newSessionId('v4', start), 'revoked')
    const last = newSessionId('v4', start)
    clock.advance(10)
    revocations.addEnd(last, 'logout')
    expect(take().body.length).toBeLessThanOrEqual(MAX_REVOCATIONS_BYTES)
    // The whole second in which the bulk ended does not fit.
    expect(list().get(last)).toBe(-1)
    expect(list().get(first)).toBe(0)
    expect(list().refreshBefore).toBe(start / 1000 + 20)
    clock.advance(60)
    // In the next second, tokens refreshed since are accepted.
    expect(list().refreshBefore).toBe(start / 1000 + 26)
  })

  it('omits no entry that fits', () => {
    const { revocations, clock, take, list } = process()
    for (let count = 0; count < MAX_REVOCATIONS; count++)
      revocations.addEnd(newSessionId('v4', clock.now()), 'revoked')
    expect(take().body).toHaveLength(16 + 12 * MAX_REVOCATIONS)
    expect(list().refreshBefore).toBe(0)
  })
})
