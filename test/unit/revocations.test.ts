import { describe, expect, it } from 'vitest'
import { createEvents } from '../../src/core/observability/events.ts'
import { createRevocations, type Revocations } from '../../src/core/revocation/revocations.ts'
import type { Change } from '../../src/core/store.ts'
import { newSessionId } from '../../src/portable/session-id.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'

const RETENTION = 920

/** Revocations on a store that the test fills. @param fractions whether its times have microseconds */
function feed(
  bytes = 1024 * 1024,
  fractions = false,
): {
  known: Revocations
  clock: FakeClock
  changes: Change[]
  asked: number[]
  overflowed: unknown[]
} {
  const clock = createFakeClock()
  const changes: Change[] = []
  const asked: number[] = []
  const store = {
    async changes(since: number, after: Change | null, limit: number) {
      if (after === null) asked.push(clock.now() - since)
      const isLater = ({ at, id }: Change): boolean =>
        after === null || at > after.at || (at === after.at && (fractions || id > after.id))
      return changes
        .filter((change) => change.at >= since && isLater(change))
        .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
        .slice(0, limit)
    },
  }
  const events = createEvents()
  const overflowed: unknown[] = []
  events.on('feedOverflowed', (event) => overflowed.push(event))
  const still = { ...clock, synchronize: async () => 0 }
  const known = createRevocations(store, still, events, RETENTION * 1000, bytes)
  return { known, clock, changes, asked, overflowed }
}

describe('revocations', () => {
  it('keep the first end of a session, whatever is added later', () => {
    const { known } = feed()
    known.addVersion('s', 3)
    known.addEnd('s', 'logout')
    known.addVersion('s', 4)
    known.addEnd('s', 'reuse')
    expect(known.endOf('s')).toBe('logout')
  })

  it('never decrease the smallest accepted version', () => {
    const { known } = feed()
    expect(known.minimumVersion('s')).toBe(0)
    known.addVersion('s', 3)
    known.addVersion('s', 2)
    expect(known.minimumVersion('s')).toBe(3)
    expect(known.endOf('s')).toBeNull()
  })

  it('start with a full read, then re-read a minute and the gap, and read fully every minute', async () => {
    const { known, clock, asked } = feed()
    await known.poll('overlap')
    clock.advance(5)
    await known.poll('overlap')
    clock.advance(40)
    await known.poll('overlap')
    clock.advance(15)
    await known.poll('overlap')
    expect(asked).toStrictEqual([1_220_000, 65_000, 100_000, 1_220_000])
  })

  it('are kept as long as an access token can be valid, and no longer', async () => {
    const { known, clock, changes } = feed()
    changes.push({ id: 's', version: 0, endReason: 'revoked', at: clock.now() })
    await known.poll('all')
    // Access tokens may be issued until the end is committed, at most five minutes later.
    for (let minute = 0; minute <= (RETENTION + 300) / 60; minute++) {
      expect(known.endOf('s')).toBe('revoked')
      clock.advance(60)
      await known.poll('all')
      known.deleteExpired()
    }
    expect(known.endOf('s')).toBeNull()
    expect(known.size).toBe(0)
    await known.poll('all')
    expect(known.size).toBe(0)
  })

  it('are kept from the second end, if the database had lost the first one', async () => {
    const { known, clock, changes } = feed()
    known.addEnd('s', 'logout')
    clock.advance(RETENTION)
    changes.push({ id: 's', version: 0, endReason: 'logout', at: clock.now() })
    await known.poll('all')
    clock.advance(RETENTION)
    known.deleteExpired()
    expect(known.endOf('s')).toBe('logout')
    clock.advance(301)
    known.deleteExpired()
    expect(known.endOf('s')).toBeNull()
  })

  it('are replaced by `refreshBefore` when the table is full, once and not with each full read', async () => {
    const { known, clock, changes, overflowed } = feed(64 * 1024)
    const start = clock.now()
    for (let index = 0; index < 4000; index++) {
      const id = newSessionId('v7', start)
      changes.push({ id, version: 0, endReason: 'revoked', at: start + index * 20 })
    }
    clock.advance(81)
    await known.poll('all')
    const overflows = overflowed.length
    expect(overflows).toBeGreaterThan(0)
    expect(known.refreshBefore).toBeLessThanOrEqual(clock.now())
    const { refreshBefore } = known
    for (let minute = 0; minute < 20; minute++) {
      clock.advance(60)
      await known.poll('all')
      known.deleteExpired()
    }
    expect(overflowed).toHaveLength(overflows)
    expect(known.refreshBefore).toBe(refreshBefore)
  })

  it('are read only once, even if another program wrote many within a millisecond', async () => {
    const { known, changes, clock } = feed(1024 * 1024, true)
    const at = clock.now()
    for (let index = 0; index < 5000; index++)
      changes.push({ id: newSessionId('v7', 0), version: 1, endReason: null, at })
    await known.poll('all')
    expect(known.size).toBe(5000)
  })
})
