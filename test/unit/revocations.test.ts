import { describe, expect, it } from 'vitest'
import { createEvents } from '../../src/core/events.ts'
import { createRevocations, type Revocations } from '../../src/core/revocations.ts'
import type { Change } from '../../src/core/store.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'

const RETENTION = 920

/** What a process knows, fed by hand. */
function feed(): { known: Revocations; clock: FakeClock; changes: Change[]; asked: number[] } {
  const clock = createFakeClock()
  const changes: Change[] = []
  const asked: number[] = []
  const store = {
    async changes(since: number, after: Change | null) {
      asked.push(clock.now() - since)
      return after === null ? changes.filter(({ at }) => at >= since) : []
    },
  }
  const known = createRevocations(
    store,
    { ...clock, synchronize: async () => 0 },
    createEvents(),
    RETENTION * 1000,
    1024 * 1024,
  )
  return { known, clock, changes, asked }
}

const ended = (reason: string): Error => coded('ERR_SESSION_ENDED', { sessionId: 's', reason }) as Error

describe('what a process knows of revocations', () => {
  it('an end is final: no later news brings the session back or changes why', () => {
    const { known } = feed()
    known.changed('s', 3)
    known.ended('s', 'logout')
    known.changed('s', 4)
    known.ended('s', 'reuse')
    expect(() => known.assertLive('s')).toThrow(ended('logout'))
  })

  it('the smallest acceptable version only grows', () => {
    const { known } = feed()
    expect(known.minimumVersion('s')).toBe(0)
    known.changed('s', 3)
    known.changed('s', 2)
    expect(known.minimumVersion('s')).toBe(3)
    expect(() => known.assertLive('s')).not.toThrow()
  })

  it('is read whole first, slow commits included, then a minute and the gap back, and whole again every minute', async () => {
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

  it('is kept as long as a token can live, and not longer', async () => {
    const { known, clock, changes } = feed()
    changes.push({ id: 's', version: 0, endReason: 'revoked', at: clock.now() })
    await known.poll('all')
    changes.length = 0
    clock.advance(RETENTION)
    await known.poll('all')
    expect(() => known.assertLive('s')).toThrow(ended('revoked'))
    // Ages are kept in whole seconds.
    clock.advance(2)
    await known.poll('all')
    expect(() => known.assertLive('s')).not.toThrow()
    expect(known.size).toBe(0)
  })
})
