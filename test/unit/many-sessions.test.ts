import { describe, expect, it } from 'vitest'
import {
  type CreatedSession,
  type Session,
  type Sessions,
  type SessionsOptions,
  type Store,
  StoreUnavailableError,
} from '../../src/index.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { HOUR, NOON, sampleRow } from '../support/rows.ts'
import { listen, openSessions } from '../support/sessions.ts'
import { storeKinds } from '../support/stores.ts'

const ended = (reason: string): Error => coded('ERR_SESSION_ENDED', { reason }) as Error
const SUPERSEDED = coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'superseded' }) as Error

describe.each(await storeKinds())('on $name,', ({ newPlace }) => {
  async function open(): Promise<{ sessions: Sessions; clock: FakeClock }> {
    const clock = createFakeClock()
    const sessions = await openSessions({
      store: newPlace().open(),
      now: clock.now,
      privacy: { pruneInterval: null },
    })
    return { sessions, clock }
  }

  describe('expireAccessTokens', () => {
    it('has one session refresh, which stays signed in', async () => {
      const { sessions } = await open()
      const { session, accessToken, refreshToken } = await sessions.create({ userId: 'u' })
      const other = await sessions.create({ userId: 'u' })
      expect(await sessions.expireAccessTokens(session.sessionId)).toBe(1)
      expect(() => sessions.verify(accessToken.value)).toThrow(SUPERSEDED)
      expect(sessions.verify(other.accessToken.value).userId).toBe('u')
      const next = await sessions.refresh(refreshToken.value)
      expect(sessions.verify(next.accessToken.value).userId).toBe('u')
    })

    it('has all sessions of a user refresh, and of nobody else', async () => {
      const { sessions } = await open()
      const mine = [await sessions.create({ userId: 'u' }), await sessions.create({ userId: 'u' })]
      const other = await sessions.create({ userId: 'v' })
      await sessions.revoke(mine[0]!.session.sessionId)
      expect(await sessions.expireAccessTokens({ userId: 'u' })).toBe(1)
      expect(() => sessions.verify(mine[1]!.accessToken.value)).toThrow(SUPERSEDED)
      expect(sessions.verify(other.accessToken.value).userId).toBe('v')
    })

    it('finds nothing under an unknown id', async () => {
      const { sessions } = await open()
      expect(await sessions.expireAccessTokens('x')).toBe(0)
      expect(await sessions.expireAccessTokens('01a20a4c-4edb-71a0-8a4b-52da08d8c3c2')).toBe(0)
      expect(await sessions.expireAccessTokens({ userId: 'nobody' })).toBe(0)
      await expect(sessions.expireAccessTokens({} as never)).rejects.toBeInstanceOf(TypeError)
    })
  })

  describe('for a user with more sessions than one batch,', () => {
    const COUNT = 1100

    /** @param before runs before the second batch of `endByUser` */
    async function openCrowded(
      before: () => Promise<unknown> = async () => {},
      options: Partial<SessionsOptions> = {},
    ): Promise<{ sessions: Sessions; batches: number[] }> {
      const store = newPlace().open()
      const batches: number[] = []
      const watched: Store = Object.create(store)
      watched.endByUser = async (...args) => {
        if (batches.length === 1) await before()
        const batch = await store.endByUser(...args)
        batches.push(batch.ended.length)
        return batch
      }
      const clock = createFakeClock(NOON + HOUR)
      const sessions = await openSessions({ store: watched, now: clock.now, ...options })
      await Promise.all(Array.from({ length: COUNT }, () => store.insert(sampleRow({ userId: 'u' }))))
      return { sessions, batches }
    }
    const countActive = async (sessions: Sessions): Promise<number> => {
      const first = await sessions.list('u', { active: true, limit: 1000 })
      const second = await sessions.list('u', { active: true, limit: 1000, after: first.at(-1) })
      return first.length + second.length
    }

    it('revokeUser ends every session of an earlier login, and a login meanwhile stays', async () => {
      let login: CreatedSession<object, unknown> | undefined
      const { sessions, batches } = await openCrowded(async () => {
        login = await sessions.create({ userId: 'u' })
      })
      const heard = listen(sessions, 'ended')
      expect(await sessions.revokeUser('u')).toBe(COUNT)
      expect(batches).toStrictEqual([500, 500, 100])
      expect(heard).toHaveLength(COUNT)
      const active = await sessions.list('u', { active: true })
      expect(active.map(({ sessionId }) => sessionId)).toStrictEqual([login!.session.sessionId])
    })

    it('revokeUser continues where an interrupted call has stopped', async () => {
      let fails = true
      const { sessions } = await openCrowded(async () => {
        if (fails) throw new StoreUnavailableError('made by a test')
      })
      await expect(sessions.revokeUser('u')).rejects.toThrow(coded('ERR_STORE_UNAVAILABLE') as Error)
      expect(await countActive(sessions)).toBe(COUNT - 500)
      fails = false
      expect(await sessions.revokeUser('u')).toBe(COUNT - 500)
      expect(await countActive(sessions)).toBe(0)
    })

    it('deleteUser and expireAccessTokens reach all of them', async () => {
      const { sessions } = await openCrowded()
      expect(await sessions.expireAccessTokens({ userId: 'u' })).toBe(COUNT)
      expect(await sessions.deleteUser('u')).toBe(COUNT)
      expect(await sessions.list('u')).toStrictEqual([])
    })

    it('a login ends all that `limits.sessionsPerUser` does not allow', async () => {
      const { sessions } = await openCrowded(undefined, { limits: { sessionsPerUser: 3 } })
      const heard = listen(sessions, 'ended')
      const { session } = await sessions.create({ userId: 'u' })
      const active = await sessions.list('u', { active: true })
      expect(active.map(({ sessionId }) => sessionId)).toContain(session.sessionId)
      expect(active).toHaveLength(3)
      expect(heard).toHaveLength(COUNT - 2)
    })
  })

  describe('list', () => {
    it('returns 100 sessions unless told otherwise, and continues after the last one', async () => {
      const { sessions, clock } = await open()
      const ids: string[] = []
      for (let index = 0; index < 103; index++) {
        clock.advance(1)
        ids.unshift((await sessions.create({ userId: 'u' })).session.sessionId)
      }
      const listed = (page: Session[]): string[] => page.map(({ sessionId }) => sessionId)
      const first = await sessions.list('u')
      expect(listed(first)).toStrictEqual(ids.slice(0, 100))
      const { sessionId, lastSeenAt } = first.at(-1)!
      expect(listed(await sessions.list('u', { after: { sessionId, lastSeenAt } }))).toStrictEqual(
        ids.slice(100),
      )
      expect(listed(await sessions.list('u', { limit: 2 }))).toStrictEqual(ids.slice(0, 2))
      await sessions.revoke(ids[0]!)
      expect(listed(await sessions.list('u', { limit: 1, active: true }))).toStrictEqual([ids[1]])
    })

    it.each([
      { limit: 0 },
      { limit: 1001 },
      { limit: 1.5 },
      { limit: '10' },
      { active: 'yes' },
      { after: 'x' },
      { after: null },
      { after: { sessionId: 'x', lastSeenAt: new Date() } },
      { after: { sessionId: '01a20a4c-4edb-71a0-8a4b-52da08d8c3c2', lastSeenAt: new Date(8.64e15) } },
      { after: { sessionId: '01a20a4c-4edb-71a0-8a4b-52da08d8c3c2', lastSeenAt: new Date(Number.NaN) } },
      { offset: 1 },
    ])('refuses %j', async (page) => {
      const { sessions } = await open()
      await expect(sessions.list('u', page as never)).rejects.toBeInstanceOf(TypeError)
    })
  })

  describe('deleteUser', () => {
    it('ends all sessions, leaves nothing personal behind, and the rows go at the next pruning', async () => {
      const { sessions, clock } = await open()
      const personal = { claims: { name: 'Ada' }, data: { cart: [1] }, ip: '192.0.2.1', userAgent: 'a' }
      const live = await sessions.create({ userId: 'ada', ...personal })
      const over = await sessions.create({ userId: 'ada', ...personal })
      const other = await sessions.create({ userId: 'bob', ...personal })
      await sessions.revoke(over.session.sessionId)
      expect(await sessions.deleteUser('ada')).toBe(2)
      expect(() => sessions.verify(live.accessToken.value)).toThrow(ended('revoked'))
      await expect(sessions.refresh(live.refreshToken.value)).rejects.toThrow(ended('revoked'))
      expect(await sessions.list('ada')).toStrictEqual([])
      expect(await sessions.get(live.session.sessionId)).toMatchObject({
        userId: '',
        claims: {},
        data: null,
        ip: null,
        userAgent: null,
        active: false,
      })
      expect(await sessions.get(other.session.sessionId)).toMatchObject({ userId: 'bob', active: true })
      clock.advance(2 * 86_400)
      expect(await sessions.prune()).toBe(2)
      expect(await sessions.get(live.session.sessionId)).toBeNull()
      expect(await sessions.deleteUser('nobody')).toBe(0)
    })
  })

  describe('revokeAll', () => {
    it('ends every session, with one event each, and says how far it is', async () => {
      const { sessions } = await open()
      const heard = listen(sessions, 'ended')
      const created = []
      for (let index = 0; index < 7; index++) created.push(await sessions.create({ userId: `u${index}` }))
      await sessions.revoke(created[0]!.session.sessionId)
      const progress: number[] = []
      expect(await sessions.revokeAll({ onProgress: (done) => progress.push(done) })).toBe(6)
      expect(progress.at(-1)).toBe(6)
      expect(heard).toHaveLength(7)
      for (const { accessToken } of created)
        expect(() => sessions.verify(accessToken.value)).toThrow(coded('ERR_SESSION_ENDED') as Error)
      expect(await sessions.revokeAll()).toBe(0)
    })

    it('with `lastSeenBefore` spares who has been seen since: the way back from a restored backup', async () => {
      const { sessions, clock } = await open()
      const gone = await sessions.create({ userId: 'gone' })
      const here = await sessions.create({ userId: 'here' })
      clock.advance(3600)
      const restoredAt = new Date(clock.now())
      clock.advance(60)
      const child = await sessions.refresh(here.refreshToken.value)
      sessions.verify(child.accessToken.value)
      await sessions.flush()
      expect(await sessions.revokeAll({ lastSeenBefore: restoredAt })).toBe(1)
      await expect(sessions.refresh(gone.refreshToken.value)).rejects.toThrow(ended('revoked'))
      expect(sessions.verify(child.accessToken.value).userId).toBe('here')
    })

    it('refuses what is no date', async () => {
      const { sessions } = await open()
      for (const lastSeenBefore of ['2030-01-01', Number.NaN, new Date(Number.NaN)] as never[])
        await expect(sessions.revokeAll({ lastSeenBefore })).rejects.toBeInstanceOf(TypeError)
    })
  })

  describe('onEnded', () => {
    it('calls back once, with the reason, and not after it was taken back', async () => {
      const { sessions } = await open()
      const { session } = await sessions.create({ userId: 'u' })
      const heard: string[] = []
      sessions.onEnded(session.sessionId, (reason) => heard.push(reason))
      sessions.onEnded(session.sessionId, () => {
        throw new Error('in the listener')
      })
      const warnings = collectWarnings()
      sessions.onEnded(session.sessionId, (reason) => heard.push(`again ${reason}`))
      const remove = sessions.onEnded(session.sessionId, () => heard.push('removed'))
      remove()
      remove()
      await sessions.revoke(session.sessionId, 'logout')
      await sessions.revoke(session.sessionId, 'logout')
      expect(heard).toStrictEqual(['logout', 'again logout'])
      expect(warnings).toMatchObject([
        { name: 'PawlWarning', message: expect.stringContaining('in the listener') },
      ])
      sessions.onEnded(session.sessionId, (reason) => heard.push(`late ${reason}`))
      expect(heard.at(-1)).toBe('late logout')
    })
  })

  describe('revoke', () => {
    it('twice answers false the second time, with no second event', async () => {
      const { sessions } = await open()
      const heard = listen(sessions, 'ended')
      const { session } = await sessions.create({ userId: 'u' })
      expect([
        await sessions.revoke(session.sessionId),
        await sessions.revoke(session.sessionId),
      ]).toStrictEqual([true, false])
      expect(heard).toHaveLength(1)
    })
  })
})
