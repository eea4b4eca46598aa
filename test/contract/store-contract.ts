import { beforeAll, describe, expect, it, vi } from 'vitest'
import type {
  Change,
  ConfirmRenewal,
  KeyRow,
  Listener,
  Position,
  ReplaceClaims,
  SessionRow,
  StartRenewal,
  Store,
} from '../../src/core/store.ts'
import { newSessionId } from '../../src/portable/session-id.ts'
import {
  ALL,
  DAY,
  endingAt,
  expected,
  HOUR,
  MIDNIGHT,
  NOON,
  print,
  sampleRenewal,
  sampleRow,
  turnTo,
} from '../support/rows.ts'

/** Compares bytes of any class as bytes. */
const plain = (row: SessionRow | null | undefined): unknown =>
  row == null
    ? row
    : {
        ...row,
        current: Buffer.from(row.current).toString('hex'),
        previous: row.previous === null ? null : Buffer.from(row.previous).toString('hex'),
        anchorHash: Buffer.from(row.anchorHash).toString('hex'),
        renewals: row.renewals.map((renewal) => ({
          ...renewal,
          anchorHash: Buffer.from(renewal.anchorHash).toString('hex'),
        })),
      }

/**
 * The contract of every store. Each test has its own rows and users, so all share one store.
 * @param listens `false` for a driver without LISTEN
 */
export function describeStore(name: string, open: () => Promise<Store>, listens = true): void {
  describe(`the ${name} store`, () => {
    let store: Store
    beforeAll(async () => {
      store = await open()
    })

    const nobody = newSessionId('v4', 0)
    async function inserted(fields: Partial<SessionRow> = {}): Promise<SessionRow> {
      const row = sampleRow(fields)
      await store.insert(row)
      return row
    }
    async function ended(fields: Partial<SessionRow> = {}): Promise<SessionRow> {
      const row = await inserted(fields)
      await store.end(row.id, endingAt(NOON + HOUR))
      return row
    }
    const stored = async (row: SessionRow): Promise<unknown> => plain(await store.read(row.id))
    const unchanged = async (row: SessionRow): Promise<void> =>
      expect(await stored(row)).toStrictEqual(plain(row))

    describe('insert and read', () => {
      it('return the inserted row, with all fields set', async () => {
        const row = await inserted({
          userId: 'Zoë 💛 "quoted" \\ back',
          generation: 2 ** 31 - 2,
          previous: print('parent'),
          switchedAt: NOON + 1,
          version: 3,
          turnedAt: NOON - 1,
          authTime: NOON - 7,
          absoluteExpiresAt: NOON + 365 * DAY + 999,
          idleTimeout: 1_800_000,
          persistent: false,
          claims: { role: 'admin', deep: { list: [1, null, 'é'] } },
          data: { cart: [{ id: 1, price: 1.5 }], note: '\u2028' },
          dataVersion: 9,
          ip: '2001:db8::1',
          userAgent: 'Mozilla/5.0 (X11; Linux x86_64)',
          renewals: [sampleRenewal('first'), sampleRenewal('second', { claims: { role: 'é' } })],
          reuseSince: NOON + 3,
          actor: { userId: 'admin', sessionId: nobody },
          endedAt: NOON + 2,
          endReason: 'logout',
        })
        await unchanged(row)
      })

      it('return the inserted row, with all optional fields null', async () => {
        await unchanged(await inserted({ absoluteExpiresAt: null }))
      })

      it('return the session that a row ends with, also with those inserted together', async () => {
        await unchanged(await inserted({ parentId: nobody }))
        const rows = [sampleRow({ parentId: nobody }), sampleRow()]
        await Promise.all(rows.map((row) => store.insert(row)))
        for (const row of rows) await unchanged(row)
      })

      it.each([0, false, '', 'text', [], [1, [2]], {}, { a: null }, null])(
        'keep the data %j',
        async (data) => {
          const row = await inserted({ data })
          expect((await store.read(row.id))?.data).toStrictEqual(data)
        },
      )

      it('return null for an unknown id', async () => {
        expect(await store.read(nobody)).toBeNull()
      })

      it('keep the first row when an insert is repeated, even with other values', async () => {
        const row = sampleRow()
        const sameTokens = { ...row, userId: 'somebody else' }
        const sameUser = { ...row, current: print('other') }
        expect(await store.insert(row)).toBe(true)
        // The repetition is a success: an earlier attempt of one login may have been committed.
        expect(await store.insert(row)).toBe(true)
        expect(await store.insert(sameTokens)).toBe(false)
        expect(await store.insert(sameUser)).toBe(false)
        await unchanged(row)
      })

      it('tell the rows of simultaneous logins apart, even if two have one id', async () => {
        const rows = [sampleRow(), sampleRow(), sampleRow()]
        const [one, two, three] = rows as [SessionRow, SessionRow, SessionRow]
        expect(await store.insert(two)).toBe(true)
        const logins = [one, { ...two, userId: 'a stranger' }, two, three, { ...three, userId: 'a stranger' }]
        const results = await Promise.all(logins.map((row) => store.insert(row)))
        expect(results).toStrictEqual([true, false, true, true, false])
        for (const row of rows) await unchanged(row)
      })

      it('return copies, so changing one changes nothing in the store', async () => {
        const row = await inserted({ data: { cart: [1] }, claims: { roles: ['user'] }, userId: 'copies' })
        const copies = [
          (await store.read(row.id))!,
          (await store.readMany([row.id]))[0]!,
          (await store.listByUser('copies', ALL))[0]!,
        ]
        for (const copy of copies) {
          ;(copy.data as { cart: number[] }).cart.push(2)
          ;(copy.claims['roles'] as string[]).push('admin')
          copy.current[0]! ^= 1
        }
        await unchanged(row)
      })
    })

    describe('readMany', () => {
      it('returns the existing rows, in any order, each once', async () => {
        const rows = [await inserted(), await inserted()]
        const found = await store.readMany([rows[1]!.id, nobody, rows[0]!.id])
        expect(found.map(({ id }) => id).sort()).toStrictEqual(rows.map(({ id }) => id).sort())
        expect(await store.readMany([])).toStrictEqual([])
      })
    })

    describe('listByUser', () => {
      it('returns all rows of the user, the most recently seen first', async () => {
        const userId = 'list'
        const old = await inserted({ userId })
        const recent = await inserted({ userId, turnedAt: NOON + 2 })
        const over = await inserted({ userId, turnedAt: NOON + 1, endedAt: NOON, endReason: 'logout' })
        await inserted({ userId: 'list2' })
        const ids = (await store.listByUser(userId, ALL)).map(({ id }) => id)
        expect(ids).toStrictEqual([recent.id, over.id, old.id])
        expect(await store.listByUser("list' or true --", ALL)).toStrictEqual([])
      })

      it('returns pages without gaps, also of sessions that were seen at the same time', async () => {
        const userId = 'list pages'
        const rows = await Promise.all(Array.from({ length: 7 }, () => inserted({ userId })))
        const newest = await inserted({ userId, turnedAt: NOON + 1 })
        const listed: string[] = []
        let after: Position | null = null
        for (let pages = 0; pages < 4; pages++) {
          const page: SessionRow[] = await store.listByUser(userId, { ...ALL, after, limit: 3 })
          listed.push(...page.map(({ id }) => id))
          const last: SessionRow | undefined = page.at(-1)
          if (last !== undefined) after = { at: last.turnedAt, id: last.id }
        }
        const older = rows.map(({ id }) => id).sort()
        expect(listed).toStrictEqual([newest.id, ...older.reverse()])
      })

      it('returns only active sessions if asked, also one that a pending renewal keeps alive', async () => {
        const userId = 'list active'
        const at = NOON + HOUR
        await ended({ userId })
        await inserted({ userId, expiresAt: at })
        await inserted({ userId, absoluteExpiresAt: at })
        const absoluteExpiresAt = at
        const endless = sampleRenewal('endless')
        const longer = sampleRenewal('longer', { absoluteExpiresAt: at + 1 })
        const over = sampleRenewal('over', { absoluteExpiresAt: at })
        await inserted({ userId, absoluteExpiresAt, renewals: [over] })
        const active = [
          await inserted({ userId }),
          await inserted({ userId, absoluteExpiresAt: null }),
          await inserted({ userId, absoluteExpiresAt, renewals: [over, longer] }),
          await inserted({ userId, absoluteExpiresAt, renewals: [endless] }),
        ]
        const ids = (await store.listByUser(userId, { ...ALL, activeAt: at })).map(({ id }) => id)
        expect(ids.sort()).toStrictEqual(active.map(({ id }) => id).sort())
      })
    })

    describe('turn and turnMany', () => {
      const both = [
        ['turn', (turn: ReturnType<typeof turnTo>) => store.turn(turn)],
        ['turnMany', async (turn: ReturnType<typeof turnTo>) => (await store.turnMany([turn])).length === 1],
      ] as const

      describe.each(both)('%s', (_, turn) => {
        it('advances the row, with address, user agent and expiry', async () => {
          const row = await inserted({ switchedAt: NOON + 5, ip: '192.0.2.1', userAgent: 'old' })
          const step = turnTo(row, 'child', { ip: '192.0.2.2', userAgent: 'new' })
          expect(await turn(step)).toBe(true)
          const { expected: _expected, next, ...rest } = step
          expect(await stored(row)).toStrictEqual(plain({ ...row, ...next, ...rest } as SessionRow))
        })

        it('writes null for an unknown address', async () => {
          const row = await inserted({ ip: '192.0.2.1', userAgent: 'old' })
          await turn(turnTo(row, 'child'))
          expect(await store.read(row.id)).toMatchObject({ ip: null, userAgent: null })
        })

        it('succeeds once, because the expected state is then gone', async () => {
          const row = await inserted()
          expect(await turn(turnTo(row, 'child'))).toBe(true)
          expect(await turn(turnTo(row, 'other child'))).toBe(false)
          expect(await turn(turnTo(row, 'child'))).toBe(false)
          expect(Buffer.from((await store.read(row.id))!.current)).toStrictEqual(print('child'))
        })

        it('writes nothing over another generation, another current token, an ended or a missing row', async () => {
          const row = await inserted()
          expect(await turn(turnTo({ ...row, generation: 1 }, 'x'))).toBe(false)
          expect(await turn(turnTo({ ...row, current: print('other') }, 'x'))).toBe(false)
          await unchanged(row)
          const over = await ended()
          expect(await turn(turnTo(over, 'x'))).toBe(false)
          expect(await store.read(over.id)).toMatchObject({ generation: 0, endReason: 'revoked' })
          expect(await turn(turnTo(sampleRow(), 'x'))).toBe(false)
        })
      })

      it('turnMany writes the turns whose expected state matches, and returns their ids', async () => {
        const rows = await Promise.all(Array.from({ length: 20 }, () => inserted()))
        const turns = rows.map((row, index) =>
          turnTo(index % 2 === 0 ? row : { ...row, generation: 5 }, `child ${index}`),
        )
        const written = await store.turnMany(turns)
        const fitting = rows.filter((_, index) => index % 2 === 0).map(({ id }) => id)
        expect([...written].sort()).toStrictEqual(fitting.sort())
        expect(Buffer.from((await store.read(rows[2]!.id))!.current)).toStrictEqual(print('child 2'))
        await unchanged(rows[1]!)
      })
    })

    describe('switchSibling', () => {
      const next = (row: SessionRow): SessionRow => ({
        ...row,
        current: print('sibling'),
        switchedAt: NOON + 9,
      })

      it('changes the current token and the time of the switch, nothing else', async () => {
        const row = await inserted({ generation: 3, previous: print('parent') })
        expect(await store.switchSibling(expected(row), next(row))).toBe(true)
        expect(await stored(row)).toStrictEqual(plain(next(row)))
      })

      it('writes nothing over another generation, another current token, an ended or a missing row', async () => {
        const row = await inserted({ generation: 3, previous: print('parent') })
        expect(await store.switchSibling({ ...expected(row), generation: 2 }, next(row))).toBe(false)
        expect(await store.switchSibling({ ...expected(row), current: print('x') }, next(row))).toBe(false)
        await unchanged(row)
        const over = await ended()
        expect(await store.switchSibling(expected(over), next(over))).toBe(false)
        expect(await store.switchSibling(expected(sampleRow()), next(row))).toBe(false)
      })
    })

    describe('end', () => {
      it('ends a session once, with its reason', async () => {
        const row = await inserted()
        expect(await store.end(row.id, endingAt(NOON + 1, { reason: 'logout' }))).toBe('user')
        expect(await store.end(row.id, endingAt(NOON + 2))).toBeNull()
        expect(await stored(row)).toStrictEqual(
          plain({ ...row, endedAt: NOON + 1, endReason: 'logout', pruneAt: MIDNIGHT + 7 * DAY }),
        )
      })

      it('with an expected state, ends the session only if the row is unchanged', async () => {
        const row = await inserted()
        expect(await store.end(row.id, endingAt(NOON), { ...expected(row), generation: 1 })).toBeNull()
        expect(await store.end(row.id, endingAt(NOON), { ...expected(row), current: print('x') })).toBeNull()
        await unchanged(row)
        expect(await store.end(row.id, endingAt(NOON, { reason: 'reuse' }), expected(row))).toBe('user')
        expect(await store.read(row.id)).toMatchObject({ endedAt: NOON, endReason: 'reuse' })
        expect(await store.end(row.id, endingAt(NOON + 1), expected(row))).toBeNull()
      })

      it('does nothing to a session that does not exist', async () => {
        expect(await store.end(nobody, endingAt(NOON))).toBeNull()
      })

      it('succeeds for one of many callers', async () => {
        const row = await inserted()
        const calls = Array.from({ length: 8 }, (_, index) => store.end(row.id, endingAt(NOON + index)))
        expect((await Promise.all(calls)).filter(Boolean)).toHaveLength(1)
      })
    })

    describe('endByUser', () => {
      it('ends the live sessions of the user except one, and returns their ids', async () => {
        const userId = 'endByUser'
        const [one, two, kept] = [
          await inserted({ userId }),
          await inserted({ userId }),
          await inserted({ userId }),
        ]
        const over = await ended({ userId })
        const other = await inserted({ userId: 'endByUser2' })
        const batch = await store.endByUser(userId, endingAt(NOON + 2 * HOUR), kept.id, null, 10)
        expect(batch.last).toBeNull()
        expect(batch.ended.sort()).toStrictEqual([one.id, two.id].sort())
        expect(await store.read(one.id)).toMatchObject({ endedAt: NOON + 2 * HOUR, endReason: 'revoked' })
        expect(await store.read(over.id)).toMatchObject({ endedAt: NOON + HOUR })
        await unchanged(kept)
        await unchanged(other)
        const none = { ended: [], last: null }
        expect(await store.endByUser(userId, endingAt(NOON), null, null, 10)).toMatchObject({
          ended: [kept.id],
        })
        expect(await store.endByUser(userId, endingAt(NOON), null, null, 10)).toStrictEqual(none)
      })

      it('ends them in batches, the newest login first, and never one of a later login', async () => {
        const userId = 'endByUser batches'
        const rows = await Promise.all(
          Array.from({ length: 7 }, (_, index) => inserted({ userId, createdAt: NOON + (index % 3) })),
        )
        const ended: string[] = []
        let later: SessionRow | null = null
        let after: Position | null = null
        do {
          const batch: Awaited<ReturnType<Store['endByUser']>> = await store.endByUser(
            userId,
            endingAt(NOON + HOUR),
            null,
            after,
            3,
          )
          expect(batch.ended.length).toBeLessThanOrEqual(3)
          ended.push(...batch.ended)
          after = batch.last
          later ??= await inserted({ userId, createdAt: NOON + 3 })
        } while (after !== null)
        expect(ended.toSorted()).toStrictEqual(rows.map(({ id }) => id).sort())
        await unchanged(later)
      })
    })

    describe('endSurplus', () => {
      it('ends the active sessions besides the newest, without counting the excepted ones', async () => {
        const userId = 'endSurplus'
        const rows: SessionRow[] = []
        for (let index = 0; index < 6; index++) rows.push(await inserted({ userId, createdAt: NOON + index }))
        await ended({ userId })
        const ending = endingAt(NOON + HOUR, { reason: 'limit' })
        const except = [rows[5]!.id]
        const sweep = (): Promise<{ found: number; ended: string[] }> =>
          store.endSurplus(userId, ending, 2, except, 2)
        expect(await sweep()).toMatchObject({ found: 2, ended: expect.arrayContaining([rows[2]!.id]) })
        expect(await sweep()).toStrictEqual({ found: 1, ended: [rows[0]!.id] })
        expect(await sweep()).toStrictEqual({ found: 0, ended: [] })
        expect(await store.read(rows[1]!.id)).toMatchObject({ endedAt: NOON + HOUR, endReason: 'limit' })
        for (const kept of rows.slice(3)) await unchanged(kept)
      })
    })

    describe('endBatch', () => {
      /** Long before the rows of all other tests. */
      const LONG_AGO = NOON - 500 * DAY

      it('ends sessions last seen before a time, page by page, and returns them with their users', async () => {
        const old = await Promise.all(
          Array.from({ length: 5 }, (_, index) => {
            const turnedAt = LONG_AGO - index
            // Some have had no turn since their login.
            const createdAt = index % 2 === 0 ? turnedAt : turnedAt - DAY
            return inserted({ userId: `batch${index}`, turnedAt, createdAt })
          }),
        )
        const later = await inserted({ turnedAt: LONG_AGO + 1 })
        await ended({ turnedAt: LONG_AGO })
        const found: { id: string; userId: string }[] = []
        const recent = await inserted({ turnedAt: LONG_AGO, createdAt: NOON + 1 })
        const before = { created: NOON, seen: LONG_AGO + 1 }
        const endAll = async (): Promise<void> => {
          let last: string | null = null
          do {
            const batch: Awaited<ReturnType<Store['endBatch']>> = await store.endBatch(
              endingAt(NOON, { reason: 'revoked' }),
              before,
              last,
              3,
            )
            expect(batch.ended.length).toBeLessThanOrEqual(3)
            found.push(...batch.ended.map(({ id, userId }) => ({ id, userId })))
            last = batch.last
          } while (last !== null)
        }
        await endAll()
        const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1)
        expect(found.sort(byId)).toStrictEqual(old.map(({ id, userId }) => ({ id, userId })).sort(byId))
        expect(await store.read(old[0]!.id)).toMatchObject({ endedAt: NOON, endReason: 'revoked' })
        await unchanged(later)
        await unchanged(recent)
        await endAll()
        expect(found).toHaveLength(5)
      })
    })

    describe('endAgain', () => {
      it('ends those sessions that are active, and returns their ids', async () => {
        const active = await inserted()
        const other = await inserted()
        const over = await ended()
        const nobody = sampleRow().id
        const ending = endingAt(NOON + 2 * HOUR, { reason: 'reuse' })
        expect(await store.endAgain([active.id, over.id, nobody], ending)).toStrictEqual([active.id])
        expect(await store.endAgain([active.id], endingAt(NOON + 3 * HOUR))).toStrictEqual([])
        expect(await store.read(active.id)).toMatchObject({ endedAt: NOON + 2 * HOUR, endReason: 'reuse' })
        expect(await store.read(over.id)).toMatchObject({ endedAt: NOON + HOUR, endReason: 'revoked' })
        expect(await store.read(other.id)).toMatchObject({ endedAt: null })
        const changes = await store.changes(NOON + 2 * HOUR, null, 1000)
        expect(changes.find(({ id }) => id === active.id)).toMatchObject({ endReason: 'reuse' })
      })
    })

    describe('liveByUser and newestLogin', () => {
      it('return the active sessions, the oldest login first, and when the newest was created', async () => {
        const userId = 'liveByUser'
        const late = await inserted({ userId, createdAt: NOON + 2 })
        const early = await inserted({ userId, createdAt: NOON + 1 })
        await ended({ userId })
        await inserted({ userId, actor: { userId: 'admin', sessionId: nobody } })
        await inserted({ userId, parentId: nobody })
        await inserted({ userId, expiresAt: NOON + HOUR })
        await inserted({ userId, absoluteExpiresAt: NOON + HOUR })
        const endless = await inserted({ userId, createdAt: NOON + 3, absoluteExpiresAt: null })
        const live = (now: number, except: string[], limit: number): Promise<string[]> =>
          store.liveByUser(userId, now, except, limit)
        expect(await live(NOON + HOUR, [], 10)).toStrictEqual([early.id, late.id, endless.id])
        expect(await live(NOON + HOUR, [early.id], 1)).toStrictEqual([late.id])
        expect(await live(NOON + HOUR - 1, [], 10)).toHaveLength(5)
        expect(await store.newestLogin(userId, NOON + HOUR)).toBe(NOON + 3)
        expect(await store.newestLogin('nobody', NOON)).toBeNull()
      })
    })

    describe('eraseByUser', () => {
      it('erases personal data from ended rows only, and only of this user', async () => {
        const personal = { ip: '192.0.2.1', userAgent: 'a', claims: { name: 'Ada' }, data: { cart: [1] } }
        const over = await ended({ userId: 'erase', ...personal })
        const live = await inserted({ userId: 'erase', ...personal })
        const other = await inserted({ userId: 'erase2', ...personal })
        expect(await store.eraseByUser('erase', MIDNIGHT + DAY, 1)).toBe(1)
        expect(await store.read(over.id)).toMatchObject({
          userId: '',
          ip: null,
          userAgent: null,
          claims: {},
          data: null,
          endReason: 'revoked',
          pruneAt: MIDNIGHT + DAY,
        })
        await unchanged(live)
        await unchanged(other)
        expect(await store.eraseByUser('erase', MIDNIGHT + DAY, 1)).toBe(0)
      })
    })

    describe('detach', () => {
      it('removes the link to the parent from a live session of the user, and changes nothing else', async () => {
        const userId = 'detach'
        const child = await inserted({ userId, parentId: nobody })
        const others = [
          await inserted({ userId: 'detach 2', parentId: nobody }),
          await inserted({ userId, actor: { userId: 'boss', sessionId: nobody } }),
          await inserted({ userId }),
        ]
        const over = await ended({ userId, parentId: nobody })
        for (const { id } of [child, child, over, ...others]) await store.detach(id, userId)
        await store.detach(nobody, userId)
        expect(await stored(child)).toStrictEqual(plain({ ...child, parentId: null }))
        expect((await store.read(over.id))!.parentId).toBe(nobody)
        for (const other of others) await unchanged(other)
      })
    })

    describe('eraseActor', () => {
      it('erases the user as the actor of all rows, with the address and user agent of the actor', async () => {
        const actor = { userId: 'erase actor', sessionId: nobody }
        const from = { ip: '203.0.113.9', userAgent: 'Browser of the actor' }
        const live = await inserted({ actor, ...from })
        const over = await ended({ actor, ...from })
        const other = await inserted({ actor: { ...actor, userId: 'erase actor 2' }, ...from })
        const child = await inserted({ userId: 'erase actor', parentId: nobody, ...from })
        expect(await store.eraseActor('erase actor')).toBe(2)
        const erased = { actor: { userId: '', sessionId: nobody }, ip: null, userAgent: null }
        expect(await stored(live)).toStrictEqual(plain({ ...live, ...erased }))
        expect(await store.read(over.id)).toMatchObject(erased)
        await unchanged(other)
        await unchanged(child)
      })
    })

    describe('raiseVersion and raiseVersionByUser', () => {
      it('raise the versions of live sessions, and appear in `changes`', async () => {
        const at = NOON + 900 * DAY
        const userId = 'raise'
        const [one, two] = [await inserted({ userId, version: 3 }), await inserted({ userId })]
        const over = await ended({ userId })
        expect(await store.raiseVersion(one.id, at)).toBe(4)
        expect(await stored(one)).toStrictEqual(plain({ ...one, version: 4 }))
        const { raised, last } = await store.raiseVersionByUser(userId, at + 1, null, 10)
        expect(last).toBeNull()
        expect(raised.toSorted((a, b) => b.version - a.version)).toStrictEqual([
          { id: one.id, version: 5 },
          { id: two.id, version: 1 },
        ])
        expect(await store.changes(at, null, 10)).toHaveLength(2)
        expect(await store.raiseVersion(over.id, at)).toBeNull()
        expect(await store.raiseVersion(nobody, at)).toBeNull()
      })
    })

    describe.runIf(listens)('listen and notify', () => {
      it('notify every other listener until it is closed; a listener gets its own pings', async () => {
        const changes: string[] = []
        const open = async (listener: string): Promise<Listener> => {
          let connected: () => void = () => {}
          const ready = new Promise<void>((resolve) => {
            connected = resolve
          })
          const hooks = { onConnected: () => connected(), onForeign: () => expect.unreachable() }
          const opened = store.listen({ ...hooks, onChange: () => changes.push(listener) })!
          await ready
          return opened
        }
        const [a, b] = [await open('a'), await open('b')]
        expect(await a.ping(5000)).toBe(true)
        await store.notify()
        await vi.waitFor(() => expect(changes.toSorted()).toStrictEqual(['a', 'b']), 10_000)
        expect(await a.notify()).toBe(true)
        await vi.waitFor(() => expect(changes.toSorted()).toStrictEqual(['a', 'b', 'b']), 10_000)
        // Its own notification would have arrived before this one.
        expect(await a.ping(5000)).toBe(true)
        expect(changes.toSorted()).toStrictEqual(['a', 'b', 'b'])
        await a.close()
        expect(await a.ping(5000)).toBe(false)
        await store.notify()
        await vi.waitFor(() => expect(changes.toSorted()).toStrictEqual(['a', 'b', 'b', 'b']), 10_000)
        await b.close()
      })
    })

    describe('writeData', () => {
      it('replaces the data and increases the version', async () => {
        const row = await inserted({ data: { a: 1 }, dataVersion: 4 })
        expect(await store.writeData(row.id, [1, 'two', null], 'replace', null)).toBe(5)
        expect(await stored(row)).toStrictEqual(plain({ ...row, data: [1, 'two', null], dataVersion: 5 }))
        expect(await store.writeData(row.id, null, 'replace', null)).toBe(6)
        expect((await store.read(row.id))?.data).toBeNull()
      })

      it('merges the top-level keys of an object, and removes those that are null', async () => {
        const row = await inserted({ data: { a: 1, b: { c: 1, d: 2 }, e: 3, f: null } })
        const patch = { b: { c: 9, d: null }, e: null, g: null }
        expect(await store.writeData(row.id, patch, 'merge', null)).toBe(1)
        expect((await store.read(row.id))?.data).toStrictEqual({ a: 1, b: { c: 9, d: null }, f: null })
      })

      it('keeps the version of data that a merge does not change', async () => {
        const row = await inserted({ data: { a: 1, b: [{ c: 1, d: 2 }] }, dataVersion: 4 })
        for (const patch of [{}, { a: 1 }, { b: [{ d: 2, c: 1 }] }, { missing: null }]) {
          expect(await store.writeData(row.id, patch, 'merge', null)).toBe(4)
          expect(await store.writeData(row.id, patch, 'merge', 4)).toBe(4)
          expect(await store.writeData(row.id, patch, 'merge', 3)).toBeNull()
        }
        await unchanged(row)
        const empty = await inserted({ data: null })
        expect(await store.writeData(empty.id, { a: null }, 'merge', null)).toBe(1)
        expect((await store.read(empty.id))?.data).toStrictEqual({})
      })

      it.each([null, 'text', 7, [1, 2]])('merges into nothing where the data is %j', async (data) => {
        const row = await inserted({ data })
        await store.writeData(row.id, { a: 1 }, 'merge', null)
        expect((await store.read(row.id))?.data).toStrictEqual({ a: 1 })
      })

      it.each(['replace', 'merge'] as const)('writes only over the version `ifVersion`: %s', async (how) => {
        const row = await inserted({ data: { a: 1 }, dataVersion: 2 })
        expect(await store.writeData(row.id, { b: 2 }, how, 1)).toBeNull()
        expect(await store.writeData(row.id, { b: 2 }, how, 3)).toBeNull()
        await unchanged(row)
        expect(await store.writeData(row.id, { b: 2 }, how, 2)).toBe(3)
      })

      it.each(['replace', 'merge'] as const)('keeps all of many simultaneous writes: %s', async (how) => {
        const row = await inserted()
        const writers = Array.from({ length: 8 }, (_, index) =>
          store.writeData(row.id, { [`key${index}`]: index }, how, null),
        )
        expect((await Promise.all(writers)).sort()).toStrictEqual([1, 2, 3, 4, 5, 6, 7, 8])
        const { data } = (await store.read(row.id))!
        expect(Object.keys(data as object)).toHaveLength(how === 'merge' ? 8 : 1)
      })

      it.each(['replace', 'merge'] as const)(
        'never touches an ended or a missing session: %s',
        async (how) => {
          const over = await ended()
          const before = await stored(over)
          expect(await store.writeData(over.id, { a: 1 }, how, null)).toBeNull()
          expect(await store.writeData(over.id, { a: 1 }, how, 0)).toBeNull()
          expect(await stored(over)).toStrictEqual(before)
          expect(await store.writeData(nobody, { a: 1 }, how, null)).toBeNull()
        },
      )
    })

    describe('writeClaimsByUser', () => {
      it('replaces the claims of live sessions and of their renewals, and appears in `changes`', async () => {
        const at = NOON + 950 * DAY
        const userId = 'claims of a user'
        const renewals = [sampleRenewal('one', { claims: { role: 'admin' } })]
        const one = await inserted({ userId, version: 3, renewals })
        const two = await inserted({ userId })
        const over = await ended({ userId })
        const before = await stored(over)
        const written = await store.writeClaimsByUser(userId, { plan: 'pro' }, at)
        expect(written.toSorted((a, b) => b.version - a.version)).toStrictEqual([
          { id: one.id, version: 4 },
          { id: two.id, version: 1 },
        ])
        expect(await stored(one)).toMatchObject({ claims: { plan: 'pro' }, renewals: [{ claims: null }] })
        expect(await stored(two)).toStrictEqual(plain({ ...two, claims: { plan: 'pro' }, version: 1 }))
        expect(await stored(over)).toStrictEqual(before)
        expect(await store.changes(at, null, 10)).toHaveLength(2)
        expect(await store.writeClaimsByUser('nobody', {}, at)).toStrictEqual([])
      })
    })

    describe('replaceClaims', () => {
      const first = sampleRenewal('first', { claims: { role: 'admin' } })
      const replace = (row: SessionRow, fields: Partial<ReplaceClaims> = {}): ReplaceClaims => ({
        id: row.id,
        version: row.version,
        renewals: row.renewals,
        claims: { plan: 'pro' },
        next: row.renewals,
        at: NOON + 960 * DAY,
        ...fields,
      })

      it('replaces the claims of the row or of a renewal, and increases the version', async () => {
        const row = await inserted({ version: 3, renewals: [first] })
        expect(await store.replaceClaims(replace(row))).toBe(true)
        expect(await stored(row)).toStrictEqual(plain({ ...row, claims: { plan: 'pro' }, version: 4 }))
        const read = (await store.read(row.id))!
        const next = [{ ...read.renewals[0]!, claims: { role: 'user' } }]
        expect(await store.replaceClaims(replace(read, { next }))).toBe(true)
        expect(await store.read(row.id)).toMatchObject({
          renewals: [{ claims: { role: 'user' } }],
          version: 5,
        })
        expect(await store.changes(NOON + 960 * DAY, null, 10)).toMatchObject([{ id: row.id, version: 5 }])
      })

      it('writes only over the version and the renewals as they were read, and no ended session', async () => {
        const row = await inserted({ version: 3, renewals: [first] })
        expect(await store.replaceClaims(replace(row, { version: 2 }))).toBe(false)
        expect(await store.replaceClaims(replace(row, { renewals: [] }))).toBe(false)
        await unchanged(row)
        const over = await ended()
        expect(await store.replaceClaims(replace(over))).toBe(false)
        expect(await store.replaceClaims(replace({ ...over, id: nobody }))).toBe(false)
      })
    })

    describe('writeClaims', () => {
      it('replaces the claims and increases the version', async () => {
        const row = await inserted({ claims: { role: 'user' }, version: 6 })
        expect(await store.writeClaims(row.id, { plan: 'pro' }, NOON + 1)).toBe(7)
        expect(await stored(row)).toStrictEqual(plain({ ...row, claims: { plan: 'pro' }, version: 7 }))
        expect(await store.writeClaims(row.id, {}, NOON + 2)).toBe(8)
        expect((await store.read(row.id))?.claims).toStrictEqual({})
      })

      it('does not change an ended or missing session', async () => {
        const over = await ended()
        const before = await stored(over)
        expect(await store.writeClaims(over.id, { a: 1 }, NOON)).toBeNull()
        expect(await stored(over)).toStrictEqual(before)
        expect(await store.writeClaims(nobody, { a: 1 }, NOON)).toBeNull()
      })
    })

    describe('reauthenticate', () => {
      const clocks = {
        expiresAt: NOON + 40 * DAY,
        absoluteExpiresAt: NOON + 400 * DAY,
        pruneAt: MIDNIGHT + 90 * DAY,
      }

      it('sets the authentication and expiry times, keeps the old one for reuse, and increases the version', async () => {
        const row = await inserted({ version: 1 })
        expect(await store.reauthenticate(row.id, 1, NOON + HOUR, clocks)).toBe(true)
        const after = { ...row, ...clocks, authTime: NOON + HOUR, reuseSince: row.authTime, version: 2 }
        expect(await stored(row)).toStrictEqual(plain(after))
        expect(await store.reauthenticate(row.id, 2, NOON, { ...clocks, absoluteExpiresAt: null })).toBe(true)
        expect((await store.read(row.id))?.absoluteExpiresAt).toBeNull()
      })

      it('writes only over the given version, and never to an ended or a missing session', async () => {
        const row = await inserted({ version: 1 })
        expect(await store.reauthenticate(row.id, 0, NOON, clocks)).toBe(false)
        expect(await store.reauthenticate(row.id, 2, NOON, clocks)).toBe(false)
        await unchanged(row)
        expect(await store.reauthenticate((await ended()).id, 0, NOON, clocks)).toBe(false)
        expect(await store.reauthenticate(nobody, 0, NOON, clocks)).toBe(false)
      })
    })

    describe('startRenewal', () => {
      const first = sampleRenewal('first')
      const second = sampleRenewal('second', { claims: { role: 'admin' }, reauthenticated: false })
      const start = (row: SessionRow, fields: Partial<StartRenewal> = {}): StartRenewal => ({
        id: row.id,
        version: row.version,
        renewals: row.renewals,
        next: [first],
        expiresAt: NOON + 41 * DAY,
        pruneAt: MIDNIGHT + 91 * DAY,
        ...fields,
      })
      const clocks = { expiresAt: NOON + 41 * DAY, pruneAt: MIDNIGHT + 91 * DAY }

      it('adds a pending renewal and extends the life of the row, but changes no version', async () => {
        const row = await inserted({ version: 3 })
        expect(await store.startRenewal(start(row))).toBe(true)
        expect(await stored(row)).toStrictEqual(plain({ ...row, ...clocks, renewals: [first] }))
        const read = (await store.read(row.id))!
        expect(await store.startRenewal(start(read, { next: [first, second] }))).toBe(true)
        expect(await stored(row)).toStrictEqual(plain({ ...row, ...clocks, renewals: [first, second] }))
      })

      it('writes only over the version and the renewals as they were read', async () => {
        const row = await inserted({ version: 3 })
        expect(await store.startRenewal(start(row, { version: 2 }))).toBe(false)
        expect(await store.startRenewal(start(row, { renewals: [second] }))).toBe(false)
        await unchanged(row)
        expect(await store.startRenewal(start(row))).toBe(true)
        expect(await store.startRenewal(start(row, { next: [second] }))).toBe(false)
        expect((await store.read(row.id))!.renewals).toHaveLength(1)
      })

      it('does not change an ended or missing session', async () => {
        const over = await ended()
        expect(await store.startRenewal(start(over))).toBe(false)
        expect(await store.startRenewal(start({ ...over, id: nobody }))).toBe(false)
        expect((await store.read(over.id))!.renewals).toStrictEqual([])
      })

      it('keeps pending renewals through a turn, and `writeClaims` replaces their claims', async () => {
        const row = await inserted({ renewals: [first, second] })
        expect(await store.turn(turnTo(row, 'child'))).toBe(true)
        await store.writeClaims(row.id, { role: 'user' }, NOON + 1)
        expect(plain(await store.read(row.id))).toMatchObject({
          claims: { role: 'user' },
          renewals: [
            { at: first.at, claims: null },
            { at: second.at, claims: null, reauthenticated: false },
          ],
        })
      })

      it('are removed with the personal data of the user', async () => {
        const row = await ended({ userId: 'erased with a renewal', renewals: [second] })
        await store.eraseByUser('erased with a renewal', NOON, 10)
        expect((await store.read(row.id))!.renewals).toStrictEqual([])
      })
    })

    describe('confirmRenewal', () => {
      const first = sampleRenewal('first')
      const second = sampleRenewal('second')
      const confirm = (row: SessionRow, fields: Partial<ConfirmRenewal> = {}): ConfirmRenewal => ({
        ...turnTo(row, 'renewed', { ip: '192.0.2.7', userAgent: 'Phone' }),
        next: { ...turnTo(row, 'renewed').next, previous: null },
        version: row.version,
        renewals: row.renewals,
        remaining: [second],
        anchorHash: first.anchorHash,
        authTime: NOON + HOUR,
        absoluteExpiresAt: NOON + 500 * DAY,
        claims: { role: 'admin' },
        reuseSince: NOON + 5,
        at: NOON + 2 * HOUR,
        ...fields,
      })

      it('replaces the lineage, raises the version and keeps the remaining renewals', async () => {
        const row = await inserted({
          version: 3,
          generation: 6,
          previous: print('parent'),
          switchedAt: NOON,
          renewals: [first, second],
        })
        const { next, expiresAt, pruneAt } = turnTo(row, 'renewed')
        expect(await store.confirmRenewal(confirm(row))).toBe(true)
        const after: SessionRow = {
          ...row,
          ...next,
          previous: null,
          expiresAt,
          pruneAt,
          ip: '192.0.2.7',
          userAgent: 'Phone',
          version: 4,
          renewals: [second],
          anchorHash: first.anchorHash,
          authTime: NOON + HOUR,
          absoluteExpiresAt: NOON + 500 * DAY,
          claims: { role: 'admin' },
          reuseSince: NOON + 5,
        }
        expect(await stored(row)).toStrictEqual(plain(after))
        const changes = await store.changes(NOON + 2 * HOUR, null, 1000)
        expect(changes.filter(({ id }) => id === row.id)).toMatchObject([{ version: 4, endReason: null }])
      })

      it('writes only over the state, the version and the renewals as they were read', async () => {
        const row = await inserted({ version: 3, renewals: [first] })
        expect(await store.confirmRenewal(confirm(row, { version: 2 }))).toBe(false)
        expect(await store.confirmRenewal(confirm(row, { renewals: [first, second] }))).toBe(false)
        const otherState = { ...expected(row), current: print('other') }
        expect(await store.confirmRenewal(confirm(row, { expected: otherState }))).toBe(false)
        await unchanged(row)
      })

      it('does not change an ended or missing session', async () => {
        const over = await ended({ renewals: [first] })
        const before = await stored(over)
        expect(await store.confirmRenewal(confirm(over))).toBe(false)
        expect(await store.confirmRenewal(confirm({ ...over, id: nobody }))).toBe(false)
        expect(await stored(over)).toStrictEqual(before)
      })
    })

    describe('changes', () => {
      /** No other test writes in this hour. */
      const T = NOON + 1000 * DAY

      it('returns ends, new claims and reauthentications, and nothing else', async () => {
        const [a, b, c, d] = [await inserted(), await inserted(), await inserted(), await inserted()]
        await store.end(a.id, endingAt(T))
        await store.writeClaims(b.id, { x: 1 }, T + 1)
        await store.reauthenticate(c.id, 0, T + 2, {
          expiresAt: T,
          absoluteExpiresAt: null,
          pruneAt: MIDNIGHT + 60 * DAY,
        })
        await store.writeData(d.id, 1, 'replace', null)
        await store.turn(turnTo(d, 'child'))
        expect(await store.changes(T, null, 100)).toStrictEqual([
          { id: a.id, version: 0, endReason: 'revoked', at: T },
          { id: b.id, version: 1, endReason: null, at: T + 1 },
          { id: c.id, version: 1, endReason: null, at: T + 2 },
        ])
      })

      it('returns only the last change of a session', async () => {
        const at = T + HOUR
        const row = await inserted()
        await store.writeClaims(row.id, { x: 1 }, at)
        await store.end(row.id, endingAt(at + 1, { reason: 'logout' }))
        expect(await store.changes(at, null, 100)).toStrictEqual([
          { id: row.id, version: 1, endReason: 'logout', at: at + 1 },
        ])
      })

      it('starts at `since`, inclusive', async () => {
        const at = T + 2 * HOUR
        const row = await ended()
        const change = await inserted()
        await store.end(change.id, endingAt(at))
        expect((await store.changes(at, null, 100)).map(({ id }) => id)).toStrictEqual([change.id])
        expect(await store.changes(at + 1, null, 100)).toStrictEqual([])
        expect((await store.changes(0, null, 1000)).map(({ id }) => id)).toContain(row.id)
      })

      it('returns pages without gaps, also within one millisecond', async () => {
        const at = T + 3 * HOUR
        const rows = await Promise.all(Array.from({ length: 11 }, () => inserted({ userId: 'pages' })))
        await store.endByUser('pages', endingAt(at), null, null, 100)
        const seen: string[] = []
        let after: Change | null = null
        for (let pages = 0; pages < 5; pages++) {
          const page: Change[] = await store.changes(at, after, 3)
          seen.push(...page.map(({ id }) => id))
          after = page.at(-1) ?? after
        }
        expect(seen).toStrictEqual(rows.map(({ id }) => id).sort())
      })
    })

    describe('signing keys', () => {
      const key = (epoch: number): KeyRow => ({
        epoch,
        kid: `kid${epoch}`,
        algorithm: 'HS256',
        wrappedKey: print(`key ${epoch}`),
        createdAt: NOON,
        signsFrom: NOON + epoch,
        verifiesUntil: null,
      })
      const epochs = async (): Promise<number[]> => (await store.keys()).map(({ epoch }) => epoch).sort()

      it('are stored by epoch, and the first of an epoch stays', async () => {
        await store.insertKey(key(1))
        await store.insertKey({ ...key(1), kid: 'second', wrappedKey: print('second') })
        await store.insertKey(key(2))
        const [first, second] = (await store.keys()).toSorted((a, b) => a.epoch - b.epoch)
        expect({ ...first!, wrappedKey: Buffer.from(first!.wrappedKey) }).toStrictEqual(key(1))
        expect(second).toMatchObject({ epoch: 2, kid: 'kid2' })
      })

      it('are retired once', async () => {
        await store.retireKey(1, NOON + HOUR)
        await store.retireKey(1, NOON + 9 * HOUR)
        await store.retireKey(99, NOON)
        expect((await store.keys()).find(({ epoch }) => epoch === 1)?.verifiesUntil).toBe(NOON + HOUR)
      })

      it('are deleted after they retire; `null` deletes all', async () => {
        await store.insertKey(key(3))
        expect(await store.deleteKeys(NOON + HOUR)).toBe(0)
        expect(await epochs()).toStrictEqual([1, 2, 3])
        expect(await store.deleteKeys(NOON + HOUR + 1)).toBe(1)
        expect(await epochs()).toStrictEqual([2, 3])
        expect(await store.deleteKeys(null)).toBe(2)
        expect(await epochs()).toStrictEqual([])
      })
    })

    describe('prune', () => {
      it('deletes at most `limit` due rows and their changes', async () => {
        const due = await Promise.all(
          [1, 2, 3].map((days) => inserted({ userId: 'due', pruneAt: MIDNIGHT - days * DAY })),
        )
        await store.end(due[0]!.id, endingAt(NOON + 2000 * DAY, { pruneAt: MIDNIGHT - DAY }))
        const kept = await inserted({ userId: 'due', pruneAt: MIDNIGHT + DAY })
        expect((await store.prune(MIDNIGHT - 1, 2)).deleted).toBe(2)
        expect((await store.prune(MIDNIGHT - 1, 2)).deleted).toBe(1)
        expect((await store.prune(MIDNIGHT - 1, 2)).deleted).toBe(0)
        expect((await store.listByUser('due', ALL)).map(({ id }) => id)).toStrictEqual([kept.id])
        expect(await store.changes(NOON + 2000 * DAY, null, 10)).toStrictEqual([])
      })

      it('deletes a row from the midnight after its `pruneAt`', async () => {
        const row = await inserted({ pruneAt: MIDNIGHT + 1 })
        expect((await store.prune(MIDNIGHT + DAY - 1, 100)).deleted).toBe(0)
        expect((await store.prune(MIDNIGHT + DAY, 100)).deleted).toBeGreaterThanOrEqual(1)
        expect(await store.read(row.id)).toBeNull()
      })

      it('keeps a session that has had a turn since it was due', async () => {
        const row = await inserted({ pruneAt: MIDNIGHT - 400 * DAY })
        await store.turn(turnTo(row, 'child', { pruneAt: MIDNIGHT + 61 * DAY }))
        expect((await store.prune(MIDNIGHT - 300 * DAY, 100)).deleted).toBe(0)
        expect(await store.read(row.id)).not.toBeNull()
      })
    })
  })
}
