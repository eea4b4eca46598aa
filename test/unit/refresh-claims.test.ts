import { describe, expect, it, vi } from 'vitest'
import type { ClaimsObject, ClaimsRefresh, Sessions, SessionsOptions, Store } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { decodeJwt } from '../support/jwt.ts'
import { schema } from '../support/schema.ts'
import { listen, openSessions, openWithClock } from '../support/sessions.ts'
import { storeKinds } from '../support/stores.ts'

const revoked = coded('ERR_SESSION_ENDED', { reason: 'revoked' }) as Error
const superseded = coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'superseded' }) as Error
const tryAgain = coded('ERR_TRY_AGAIN') as Error

/** The table of users: the role of `anna`; null once she is disabled. */
function openUsers(): {
  role: string | null
  refreshClaims: (session: ClaimsRefresh) => ClaimsObject | null
} {
  return {
    role: 'user',
    refreshClaims({ claims }) {
      return this.role === null ? null : { ...claims, role: this.role }
    },
  }
}

async function openSignedIn(options: Partial<SessionsOptions> = {}): Promise<{
  sessions: Sessions
  clock: FakeClock
  store: Store
  id: string
  access: string
  refresh: string
  users: ReturnType<typeof openUsers>
}> {
  const users = openUsers()
  const opened = await openWithClock({
    refreshClaims: (session) => users.refreshClaims(session),
    ...options,
  })
  const { session, accessToken, refreshToken } = await opened.sessions.create({
    userId: 'anna',
    claims: { role: 'user' },
  })
  const { sessionId: id } = session
  return { ...opened, id, access: accessToken.value, refresh: refreshToken.value, users }
}

/** A store that records the calls of its methods. */
function recorded(store: Store): { store: Store; calls: string[] } {
  const calls: string[] = []
  const proxy = new Proxy(store, {
    get(target, name: string) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...parameters: unknown[]) => {
        calls.push(name)
        return value.apply(target, parameters)
      }
    },
  })
  return { store: proxy, calls }
}

describe.each(await storeKinds())('refreshClaims, on $name,', ({ newPlace }) => {
  it('changes the claims at a refresh, for every process', async () => {
    const place = newPlace()
    const clock = createFakeClock()
    const { sessions, id, access, refresh, users } = await openSignedIn({
      store: place.open(),
      now: clock.now,
    })
    const other = await openSessions({
      store: place.open(),
      now: clock.now,
      revocation: { pollInterval: 0.1 },
    })
    expect(other.verify(access).claims).toStrictEqual({ role: 'user' })
    users.role = 'editor'
    const { session, accessToken } = await sessions.refresh(refresh)
    expect(session).toMatchObject({ claims: { role: 'editor' }, version: 1 })
    expect(sessions.verify(accessToken.value).claims).toStrictEqual({ role: 'editor' })
    expect(() => sessions.verify(access)).toThrow(superseded)
    expect(await other.get(id)).toMatchObject({ claims: { role: 'editor' }, version: 1 })
    await vi.waitFor(() => expect(() => other.verify(access)).toThrow(superseded), 10_000)
  })

  it('lets a `setClaims` at the same time win, and computes the claims anew from it', async () => {
    const store = newPlace().open()
    const seen: ClaimsObject[] = []
    const { sessions, id, refresh } = await openSignedIn({
      store,
      async refreshClaims({ sessionId, claims }) {
        seen.push(claims)
        if (seen.length === 3) await sessions.setClaims(sessionId, { role: 'user', plan: 'pro' })
        return seen.length > 2 ? { ...claims, role: 'editor' } : claims
      },
    })
    const { session, accessToken } = await sessions.refresh(refresh)
    expect(session).toMatchObject({ claims: { role: 'editor', plan: 'pro' }, version: 2 })
    expect(seen.slice(2)).toStrictEqual([{ role: 'user' }, { role: 'user', plan: 'pro' }])
    expect(sessions.verify(accessToken.value).claims).toStrictEqual({ role: 'editor', plan: 'pro' })
    expect((await sessions.get(id))!.version).toBe(2)
  })

  it('answers refreshes of several tabs at once, and writes once', async () => {
    const { sessions, refresh, users } = await openSignedIn({ store: newPlace().open() })
    users.role = 'editor'
    const answers = await Promise.all([1, 2, 3].map(() => sessions.refresh(refresh)))
    for (const { session, accessToken } of answers) {
      expect(session).toMatchObject({ claims: { role: 'editor' }, version: 1 })
      expect(sessions.verify(accessToken.value).claims).toStrictEqual({ role: 'editor' })
    }
  })

  it('closes the gap between a login and `setClaims` for all sessions of its user', async () => {
    const users = openUsers()
    const store = newPlace().open()
    const insert: Store['insert'] = async (row) => {
      // The login has read the old role. The row is not visible yet.
      users.role = 'editor'
      expect(await sessions.setClaims({ userId: 'anna' }, { role: 'editor' })).toBe(0)
      return store.insert(row)
    }
    const refreshClaims = (session: ClaimsRefresh): ClaimsObject | null => users.refreshClaims(session)
    const sessions = await openSessions({ store: { ...store, insert }, refreshClaims })
    const { session, accessToken, refreshToken } = await sessions.create({ userId: 'anna' })
    expect(session).toMatchObject({ claims: { role: 'editor' }, version: 1 })
    expect(sessions.verify(accessToken.value).claims).toStrictEqual({ role: 'editor' })
    expect(await sessions.get(session.sessionId)).toMatchObject({ claims: { role: 'editor' }, version: 1 })
    expect((await sessions.refresh(refreshToken.value)).session.version).toBe(1)
  })
})

describe('refreshClaims', () => {
  it('gets the session, and runs no statement if the claims are the same', async () => {
    const { store, calls } = recorded(memory())
    const asked: ClaimsRefresh[] = []
    const { sessions, id, refresh } = await openSignedIn({
      store,
      refreshClaims: (session) => {
        asked.push(session)
        return { ...session.claims }
      },
    })
    calls.length = 0
    expect((await sessions.refresh(refresh)).session.version).toBe(0)
    expect(calls).toStrictEqual(['read'])
    const claims = { role: 'user' }
    expect(asked.at(-1)).toStrictEqual({ userId: 'anna', sessionId: id, claims, data: null, stale: false })
  })

  it('returns null to end the session', async () => {
    const { sessions, id, access, refresh, users } = await openSignedIn()
    const ended = listen(sessions, 'ended')
    users.role = null
    await expect(sessions.refresh(refresh)).rejects.toThrow(revoked)
    expect(() => sessions.verify(access)).toThrow(revoked)
    expect(ended).toStrictEqual([{ sessionId: id, userId: 'anna', reason: 'revoked' }])
  })

  it.each<[string, SessionsOptions['refreshClaims']]>([
    ['throws', () => Promise.reject(new Error('the users table is away'))],
    ['returns something else than claims', () => [] as never],
    ['returns a reserved name', () => ({ sub: 'somebody' })],
    ['returns what does not fit a cookie', () => ({ text: 'x'.repeat(4000) })],
  ])('keeps the claims if it %s, and reports it', async (_, refreshClaims) => {
    const { store, clock, refresh } = await openSignedIn()
    const sessions = await openSessions({
      store,
      now: clock.now,
      refreshClaims: refreshClaims as never,
    })
    const failed = listen(sessions, 'claimsRefreshFailed')
    expect((await sessions.refresh(refresh)).session).toMatchObject({ claims: { role: 'user' }, version: 0 })
    expect(failed).toMatchObject([{ userId: 'anna', error: expect.any(Error) }])
  })

  it('keeps the claims if it never answers, while the refresh is still in time', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
    try {
      let hangs = false
      const sessions = await openSessions({
        refreshClaims: ({ claims }) => (hangs ? new Promise<never>(() => {}) : claims),
      })
      const { refreshToken } = await sessions.create({ userId: 'u', claims: { role: 'user' } })
      hangs = true
      const refreshing = sessions.refresh(refreshToken.value)
      await vi.advanceTimersByTimeAsync(7500)
      expect((await refreshing).session.claims).toStrictEqual({ role: 'user' })
    } finally {
      vi.useRealTimers()
    }
  })

  it("ends the session if it fails and `onRefreshClaimsError` is 'end', but not for a schema", async () => {
    let fail = false
    const { sessions, id, refresh } = await openSignedIn({
      claims: schema((value) => {
        if (typeof (value as { role?: unknown }).role !== 'string') throw ['role']
        return value as ClaimsObject
      }),
      onRefreshClaimsError: 'end',
      refreshClaims: ({ claims }) => {
        if (fail) throw new Error('the users table is away')
        return claims['role'] === 'user' ? { role: 1 } : claims
      },
    })
    expect((await sessions.refresh(refresh)).session.claims).toStrictEqual({ role: 'user' })
    fail = true
    await expect(sessions.refresh(refresh)).rejects.toThrow(revoked)
    expect((await sessions.get(id))!.endReason).toBe('revoked')
  })

  it('is not called for a refresh that is refused, limited or forged', async () => {
    const refreshClaims = vi.fn(({ claims }: ClaimsRefresh) => claims)
    const limits = { refreshesPerMinute: 1 }
    const { sessions, refresh } = await openSignedIn({ refreshClaims, limits, rotation: { overlap: 0 } })
    const child = (await sessions.refresh(refresh)).refreshToken!
    refreshClaims.mockClear()
    await expect(sessions.refresh(refresh)).rejects.toThrow(tryAgain)
    await expect(sessions.refresh('pawl_r1_forged')).rejects.toThrow(
      coded('ERR_REFRESH_TOKEN_INVALID') as Error,
    )
    expect(refreshClaims).not.toHaveBeenCalled()
    await sessions.refresh(child.value)
    refreshClaims.mockClear()
    await expect(sessions.refresh(refresh)).rejects.toThrow(coded('ERR_REFRESH_TOKEN_REUSED') as Error)
    expect(refreshClaims).not.toHaveBeenCalled()
  })

  it('leaves the rotation as it is: the new access token proves that its refresh token arrived', async () => {
    const { sessions, id, refresh, users } = await openSignedIn()
    users.role = 'editor'
    const { accessToken, refreshToken } = await sessions.refresh(refresh)
    sessions.verify(accessToken.value)
    await sessions.flush()
    expect(await sessions.get(id)).toMatchObject({ generation: 1, version: 1 })
    users.role = 'admin'
    const kept = await sessions.refresh(refreshToken!.value)
    expect(kept).toMatchObject({ refreshToken: null, session: { claims: { role: 'admin' }, version: 2 } })
    expect(sessions.verify(kept.accessToken.value).claims).toStrictEqual({ role: 'admin' })
  })

  it('never gives the claims of a pending renewal to holders of older tokens', async () => {
    const { sessions, clock, id, refresh, users } = await openSignedIn()
    const renewed = await sessions.renew(id, { claims: { role: 'user', level: 2 } })
    users.role = 'editor'
    const raised = await sessions.refresh(renewed.refreshToken.value)
    expect(raised.session.claims).toStrictEqual({ role: 'editor', level: 2 })
    expect(sessions.verify(raised.accessToken.value).claims).toStrictEqual({ role: 'editor', level: 2 })
    expect((await sessions.refresh(refresh)).session.claims).toStrictEqual({ role: 'editor' })
    users.role = 'admin'
    expect((await sessions.refresh(refresh)).session.claims).toStrictEqual({ role: 'admin' })
    clock.advance(66)
    const confirmed = await sessions.refresh(renewed.refreshToken.value)
    expect(confirmed.session.claims).toStrictEqual({ role: 'admin', level: 2 })
    expect((await sessions.get(id))!.claims).toStrictEqual({ role: 'admin', level: 2 })
  })

  it('repairs claims that a new schema refuses, so that nobody has to sign in again', async () => {
    const { store, clock, refresh } = await openSignedIn()
    const stale: boolean[] = []
    const strict = (value: unknown): { role: string; tenant: string } => {
      const { role, tenant } = value as { role: string; tenant?: unknown }
      if (typeof tenant !== 'string') throw ['tenant']
      return { role, tenant }
    }
    const next = await openSessions({
      store,
      now: clock.now,
      claims: schema(strict),
      refreshClaims: (session) => {
        stale.push(session.stale)
        return { ...session.claims, tenant: 'main' }
      },
    })
    const { session } = await next.refresh(refresh)
    expect(session).toMatchObject({ claims: { role: 'user', tenant: 'main' }, stale: false, version: 1 })
    expect((await next.refresh(refresh)).session.version).toBe(1)
    expect(stale).toStrictEqual([true, false])
  })

  it('writes nothing for a default of the schema alone', async () => {
    const { store, clock, refresh } = await openSignedIn()
    const claims = schema((value) => ({ tenant: 'main', ...(value as { role: string }) }))
    const next = await openSessions({ store, now: clock.now, claims, refreshClaims: ({ claims }) => claims })
    const { session } = await next.refresh(refresh)
    expect(session).toMatchObject({ claims: { role: 'user', tenant: 'main' }, version: 0 })
  })
})

describe('refreshClaims at a login', () => {
  it('is called before the row is written and once it is visible, with the claims of `create`', async () => {
    const asked: object[] = []
    const { store, calls } = recorded(memory())
    const sessions = await openSessions({
      store,
      refreshClaims: (session) => {
        calls.push('refreshClaims')
        asked.push({ claims: session.claims, data: session.data })
        return { ...session.claims, role: 'editor' }
      },
    })
    calls.length = 0
    const { session, accessToken } = await sessions.create({ userId: 'u', claims: { plan: 'pro' }, data: 1 })
    expect(calls).toStrictEqual(['refreshClaims', 'insert', 'refreshClaims'])
    expect(asked).toStrictEqual([
      { claims: { plan: 'pro' }, data: 1 },
      { claims: { plan: 'pro', role: 'editor' }, data: 1 },
    ])
    expect(session).toMatchObject({ claims: { plan: 'pro', role: 'editor' }, version: 0 })
    expect(decodeJwt(accessToken.value).payload['role']).toBe('editor')
  })

  it.each([1, 2])('refuses the login if call %i returns null', async (call) => {
    let calls = 0
    const sessions = await openSessions({
      refreshClaims: ({ claims }) => (++calls === call ? null : claims),
    })
    await expect(sessions.create({ userId: 'u' })).rejects.toThrow(revoked)
    expect((await sessions.list('u')).map(({ endReason }) => endReason)).toStrictEqual(
      call === 1 ? [] : ['revoked'],
    )
  })

  it('leaves the sessions that a login replaces, if it fails once the row is visible', async () => {
    let calls = 0
    const sessions = await openSessions({
      onRefreshClaimsError: 'end',
      refreshClaims({ claims }) {
        if (++calls === 4) throw new Error('made by a test')
        return claims
      },
    })
    const { sessionId } = (await sessions.create({ userId: 'u' })).session
    await expect(sessions.create({ userId: 'u', replaces: sessionId })).rejects.toThrow(tryAgain)
    expect(await sessions.list('u', { active: true })).toMatchObject([{ sessionId }])
  })

  it("keeps the claims of `create` if it fails; with `onRefreshClaimsError: 'end'` the login must be tried again", async () => {
    const refreshClaims = (): never => {
      throw new Error('the users table is away')
    }
    const keeping = await openSessions({ refreshClaims })
    const created = await keeping.create({ userId: 'u', claims: { role: 'user' } })
    expect(created.session.claims).toStrictEqual({ role: 'user' })
    const ending = await openSessions({ refreshClaims, onRefreshClaimsError: 'end' })
    await expect(ending.create({ userId: 'u' })).rejects.toThrow(tryAgain)
    expect(await ending.list('u')).toStrictEqual([])
  })

  it('is called once in a transaction of the application, where nobody sees the row yet', async () => {
    const refreshClaims = vi.fn(({ claims }: ClaimsRefresh) => claims)
    const sessions = await openSessions({ refreshClaims })
    await sessions.using({}).create({ userId: 'u' })
    expect(refreshClaims).toHaveBeenCalledTimes(1)
  })

  it('leaves the claims of a `setClaims` that comes between the second call and its write', async () => {
    const store = memory()
    let calls = 0
    const sessions = await openSessions({
      store,
      refreshClaims: async ({ sessionId, claims }) => {
        if (++calls !== 2) return claims
        await sessions.setClaims(sessionId, { role: 'admin' })
        return { role: 'editor' }
      },
    })
    const { session, refreshToken } = await sessions.create({ userId: 'u', claims: { role: 'user' } })
    expect((await sessions.get(session.sessionId))!.claims).toStrictEqual({ role: 'admin' })
    expect((await sessions.refresh(refreshToken.value)).session.claims).toStrictEqual({ role: 'admin' })
  })
})
