import { describe, expect, it } from 'vitest'
import type { ReusePage, ReuseRecord, UserPage } from '../../src/core/inspection.ts'
import type { Position, SessionRow, Store } from '../../src/core/store.ts'
import { newSessionId } from '../../src/portable/session-id.ts'
import { DAY, endingAt, HOUR, sampleRow } from '../support/rows.ts'
import { storeKinds } from '../support/stores.ts'

const MIDNIGHT = Date.UTC(2030, 0, 10)
const AT = MIDNIGHT + 9 * HOUR

const kinds = await storeKinds()

/** A session of this time. */
function rowAt(createdAt: number, fields: Partial<SessionRow> = {}): SessionRow {
  return sampleRow({
    id: newSessionId('v7', createdAt),
    createdAt,
    turnedAt: createdAt,
    authTime: createdAt,
    expiresAt: createdAt + 30 * DAY,
    ...fields,
  })
}

async function ended(store: Store, row: SessionRow, at: number, reason: 'logout' | 'reuse'): Promise<void> {
  await store.insert(row)
  expect(await store.end(row.id, endingAt(at, { reason }))).toBe(row.userId)
}

describe.each(kinds)('what $name tells of its sessions', ({ newPlace }) => {
  async function open(): Promise<Store> {
    const store = newPlace().open()
    await store.start()
    return store
  }

  it('counts those that are active, and what happened each day', async () => {
    const store = await open()
    expect(await store.inspect!.overview(AT, 2)).toMatchObject({
      active: { value: 0, how: 'counted' },
      days: [{ signIns: { value: 0, how: 'counted' } }, {}],
    })
    await store.insert(rowAt(MIDNIGHT - 2 * DAY - 1))
    await store.insert(rowAt(MIDNIGHT - 1))
    await store.insert(rowAt(MIDNIGHT, { expiresAt: AT }))
    await store.insert(rowAt(AT))
    await ended(store, rowAt(MIDNIGHT - DAY), MIDNIGHT - 1, 'logout')
    await ended(store, rowAt(MIDNIGHT - DAY), MIDNIGHT, 'reuse')
    await ended(store, rowAt(MIDNIGHT), AT, 'logout')
    const changed = rowAt(MIDNIGHT)
    await store.insert(changed)
    await store.writeClaims(changed.id, { role: 'other' }, AT)
    const none = { value: 0, how: 'counted' }
    expect(await store.inspect!.overview(AT, 3)).toStrictEqual({
      active: { value: 4, how: 'counted' },
      source: 'sessions',
      days: [
        { from: MIDNIGHT - 2 * DAY, signIns: none, ends: { ...none, byReason: {} }, reuse: none },
        {
          from: MIDNIGHT - DAY,
          signIns: { value: 3, how: 'counted' },
          ends: { value: 1, how: 'counted', byReason: { logout: 1 } },
          reuse: none,
        },
        {
          from: MIDNIGHT,
          signIns: { value: 4, how: 'counted' },
          ends: { value: 2, how: 'counted', byReason: { logout: 1, reuse: 1 } },
          reuse: { value: 1, how: 'counted' },
        },
      ],
    })
  })

  it('finds users by the beginning of their id, page by page', async () => {
    const store = await open()
    const names = [
      'anna',
      'Anna',
      'annabel',
      'ann',
      'ann-2',
      'än',
      '100%',
      '1000',
      'a_b',
      `x${'y'.repeat(254)}`,
    ]
    for (const userId of [...names, 'anna']) await store.insert(rowAt(MIDNIGHT, { userId }))
    const find = async (prefix: string, limit = 10): Promise<string[]> => {
      const found: string[] = []
      for (let after: string | null = null; ; ) {
        const page: UserPage = await store.inspect!.findUsers(prefix, after, limit)
        expect(page.userIds.length).toBeLessThanOrEqual(limit)
        found.push(...page.userIds)
        expect(page.complete).toBe(page.next === null)
        if (page.next === null) return found
        after = page.next
      }
    }
    for (const limit of [1, 2, 10]) {
      expect((await find('ann', limit)).sort()).toStrictEqual(['ann', 'ann-2', 'anna', 'annabel'])
      expect((await find('', limit)).sort()).toStrictEqual([...names].sort())
    }
    expect(await find('anna')).toStrictEqual(['anna', 'annabel'])
    expect(await find('100%')).toStrictEqual(['100%'])
    expect(await find('a_')).toStrictEqual(['a_b'])
    expect(await find('ä')).toStrictEqual(['än'])
    expect(await find(`x${'y'.repeat(254)}`)).toHaveLength(1)
    expect(await find('b')).toStrictEqual([])
    expect(await find('a\0')).toStrictEqual([])
  })

  it('does not show the users of erased sessions', async () => {
    const store = await open()
    await ended(store, rowAt(MIDNIGHT, { userId: 'gone' }), AT, 'logout')
    expect(await store.eraseByUser('gone', AT + DAY, 10)).toBe(1)
    expect(await store.inspect!.findUsers('', null, 10)).toStrictEqual({
      userIds: [],
      complete: true,
      next: null,
    })
  })

  it('lists reuse, the newest first, page by page', async () => {
    const store = await open()
    expect(await store.inspect!.reuse(null, 10)).toStrictEqual({
      found: [],
      searchedBackTo: null,
      next: null,
    })
    const rows = [0, 1, 2, 3, 4].map((hour) =>
      rowAt(MIDNIGHT, { userId: `user ${hour}`, ip: '192.0.2.7', userAgent: 'Firefox' }),
    )
    // Two at the same time.
    const times = [0, HOUR, HOUR, 2 * HOUR, 3 * HOUR]
    for (const [index, row] of rows.entries()) await ended(store, row, MIDNIGHT + times[index]!, 'reuse')
    await ended(store, rowAt(MIDNIGHT), AT, 'logout')
    const all = await store.inspect!.reuse(null, 10)
    expect(all).toMatchObject({ searchedBackTo: null, next: null })
    expect(all.found.map(({ at }) => at - MIDNIGHT)).toStrictEqual([...times].reverse())
    expect(all.found[0]).toStrictEqual({
      sessionId: rows[4]!.id,
      userId: 'user 4',
      at: MIDNIGHT + 3 * HOUR,
      signedInAt: MIDNIGHT,
      lastSeenAt: MIDNIGHT,
      holder: { ip: '192.0.2.7', userAgent: 'Firefox' },
      presenter: null,
    })
    for (const limit of [1, 2, 3]) {
      const found: ReuseRecord[] = []
      for (let after: Position | null = null; ; ) {
        const page: ReusePage = await store.inspect!.reuse(after, limit)
        expect(page.found.length).toBeLessThanOrEqual(limit)
        found.push(...page.found)
        expect(page.searchedBackTo).toBe(page.next?.at ?? null)
        if (page.next === null) break
        after = page.next
      }
      expect(found).toStrictEqual(all.found)
    }
  })

  it('has a status without counts', async () => {
    const store = await open()
    await store.insert(rowAt(MIDNIGHT))
    const status = await store.inspect!.status()
    expect(status).toMatchObject({ sessions: null, revocations: null, unknown: [] })
    expect(status.notifications).toMatchObject({ working: null, problem: null })
  })
})
