import { describe, expect, it, vi } from 'vitest'
import { ENGINE } from '../../src/core/engine.ts'
import { startActing } from '../../src/core/operations/acting.ts'
import { createHandoff } from '../../src/core/operations/handoff.ts'
import type { HandoffOptions, Sessions, SessionsOptions, Store } from '../../src/index.ts'
import { coded } from '../support/errors.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createDevice, sha256 } from '../support/proofs.ts'
import { FOREIGN_SECRET, SECRET } from '../support/secrets.ts'
import { listen, openSessions } from '../support/sessions.ts'
import { counting, storeKinds } from '../support/stores.ts'

const ORIGIN = 'https://shop.example.com'
const HERE = { origin: ORIGIN }
const VERIFIER = 'v'.repeat(43)
const refused = (reason: string): Error => coded('ERR_HANDOFF_REFUSED', { reason }) as Error
const ENDED = coded('ERR_SESSION_ENDED') as Error
const SUPERSEDED = coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'superseded' }) as Error

/** What the background does. */
const IDLE = ['changes', 'keys', 'time', 'lostConnections']

vi.mock(import('../../src/core/time/delay.ts'), async (original) => {
  const { skipDelays } = await import('../support/skip-delays.ts')
  return skipDelays(await original())
})

type Login = Awaited<ReturnType<Sessions['create']>>

/** Uses a refresh token twice: the owner has gone on with newer ones. */
async function steal(sessions: Sessions, clock: FakeClock, copy: string): Promise<unknown> {
  let token = copy
  for (let turns = 0; turns < 2; turns++) {
    const { accessToken, refreshToken } = await sessions.refresh(token)
    sessions.verify(accessToken.value)
    await sessions.flush()
    clock.advance(120)
    token = refreshToken!.value
  }
  return sessions.refresh(copy)
}

describe.each(await storeKinds())('a handoff, on $name,', ({ newPlace }) => {
  interface Opened {
    readonly sessions: Sessions
    readonly clock: FakeClock
    readonly store: Store
    /** The calls on the store since the last look, without those of the background. */
    called(): string[]
  }

  async function open(options: Partial<SessionsOptions> = {}): Promise<Opened> {
    const clock = createFakeClock()
    const { store, calls } = counting(newPlace().open())
    const sessions = await openSessions({
      store,
      now: clock.now,
      revocation: { pollInterval: 60 },
      ...options,
    })
    const called = (): string[] => calls.splice(0).filter((name) => !IDLE.includes(name))
    called()
    return { sessions, clock, store, called }
  }

  /** A signed-in user, and a code of that session. */
  async function openWithCode(
    handoff: Partial<HandoffOptions> = {},
    options: Partial<SessionsOptions> = {},
  ): Promise<Opened & { readonly parentId: string; readonly refreshToken: string; readonly code: string }> {
    const opened = await open(options)
    const login = { userId: 'anna', claims: { role: 'member' }, data: { cart: [1] } }
    const { session, refreshToken } = await opened.sessions.create(login)
    const { code } = await opened.sessions.handoff(session.sessionId, { origin: ORIGIN, ...handoff })
    opened.called()
    return { ...opened, parentId: session.sessionId, refreshToken: refreshToken.value, code }
  }

  it('creates a session with the claims, data and times of the one that hands off', async () => {
    const { sessions, clock } = await open()
    const login = {
      userId: 'anna',
      claims: { role: 'member' },
      data: { cart: [1] },
      persistent: false,
      idleTimeout: 7200,
      absoluteTimeout: 86_400,
    }
    const { session: parent } = await sessions.create(login)
    await sessions.setClaims(parent.sessionId, { role: 'editor' })
    clock.advance(600)
    const made = await sessions.handoff(parent.sessionId, HERE)
    expect(made).toStrictEqual({
      code: expect.stringMatching(/^pawl_h1_[\w-]{140}$/),
      expiresAt: new Date(clock.now() + 60_000),
    })
    // As of the redemption, not of the handoff.
    await sessions.setData(parent.sessionId, { cart: [1, 2] })
    clock.advance(30)
    const created = listen(sessions, 'created')
    const { session, accessToken, refreshToken } = await sessions.redeem(made.code, {
      ...HERE,
      ip: '192.0.2.9',
      userAgent: 'WebView/1.0',
    })
    const { sessionId } = session
    expect(sessionId).not.toBe(parent.sessionId)
    expect(await sessions.get(sessionId)).toStrictEqual({
      ...session,
      userId: 'anna',
      claims: { role: 'editor' },
      data: { cart: [1, 2] },
      version: 0,
      dataVersion: 0,
      generation: 0,
      active: true,
      createdAt: new Date(clock.now()),
      authTime: parent.authTime,
      expiresAt: new Date(clock.now() + 7_200_000),
      absoluteExpiresAt: parent.absoluteExpiresAt,
      persistent: false,
      ip: '192.0.2.9',
      userAgent: 'WebView/1.0',
      parentId: parent.sessionId,
      actor: null,
      device: null,
      stale: false,
    })
    expect(sessions.verify(accessToken.value)).toMatchObject({
      sessionId,
      claims: { role: 'editor' },
      authTime: parent.authTime,
      parentId: parent.sessionId,
    })
    expect(created).toStrictEqual([{ sessionId, userId: 'anna', ip: '192.0.2.9', userAgent: 'WebView/1.0' }])
    expect((await sessions.refresh(refreshToken.value)).session.sessionId).toBe(sessionId)
    // The parent does not end with it.
    await sessions.revoke(sessionId)
    expect(await sessions.get(parent.sessionId)).toMatchObject({ active: true })
  })

  it('reads one row to make a code, and one before and after the insert to redeem it', async () => {
    const { sessions, called, parentId, code } = await openWithCode()
    await sessions.handoff(parentId, HERE)
    expect(called()).toStrictEqual(['read'])
    await sessions.redeem(code, HERE)
    expect(called()).toStrictEqual(['read', 'insert', 'read'])
  })

  it('works once, also after the session that it created has ended, whatever is pruned', async () => {
    const { sessions, clock, store, parentId } = await openWithCode(
      {},
      { privacy: { keepEnded: 0 }, accessToken: { lifetime: 5 } },
    )
    // Rows are pruned by the day.
    clock.advance((Date.UTC(2030, 0, 1, 23, 59, 50) - clock.now()) / 1000)
    const { code } = await sessions.handoff(parentId, HERE)
    const { session } = await sessions.redeem(code, HERE)
    await expect(sessions.redeem(code, HERE)).rejects.toThrow(refused('used'))
    await sessions.revoke(session.sessionId)
    await expect(sessions.redeem(code, HERE)).rejects.toThrow(refused('used'))
    clock.advance(64)
    await sessions.prune()
    expect(await store.read(session.sessionId)).not.toBeNull()
    await expect(sessions.redeem(code, HERE)).rejects.toThrow(refused('used'))
    expect(await sessions.list('anna', { active: true })).toHaveLength(1)
  })

  it('of eight redemptions at once one succeeds', async () => {
    const { sessions, code } = await openWithCode()
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => sessions.redeem(code, HERE)))
    const won = results.filter(({ status }) => status === 'fulfilled')
    const lost = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.reason] : []))
    expect([won.length, lost]).toStrictEqual([1, Array.from({ length: 7 }, () => 'used')])
    expect(await sessions.list('anna')).toHaveLength(2)
  })

  it.each<[string, (opened: Awaited<ReturnType<typeof openWithCode>>) => Promise<unknown>]>([
    ['revoke', ({ sessions, parentId }) => sessions.revoke(parentId)],
    ['revokeUser', ({ sessions }) => sessions.revokeUser('anna')],
    ['deleteUser', ({ sessions }) => sessions.deleteUser('anna')],
    ['reauthenticate', ({ sessions, parentId }) => sessions.reauthenticate(parentId)],
    [
      'a renewal that is pending',
      ({ sessions, parentId }) => sessions.renew(parentId, { reauthenticated: true }),
    ],
  ])('is refused after %s', async (_, change) => {
    const opened = await openWithCode()
    opened.clock.advance(1)
    await change(opened)
    opened.clock.advance(1)
    await expect(opened.sessions.redeem(opened.code, HERE)).rejects.toThrow(refused('ended'))
    expect((await opened.sessions.list('anna')).length).toBeLessThanOrEqual(1)
  })

  it.each<[string, number, Partial<HandoffOptions>, object, string]>([
    ['late', 66, {}, HERE, 'expired'],
    ['from the future', -6, {}, HERE, 'invalid'],
    ['at another origin', 0, {}, { origin: 'https://evil.example.com' }, 'origin'],
    ['at the same host with another scheme', 0, {}, { origin: 'http://shop.example.com' }, 'origin'],
    ['at another port', 0, {}, { origin: 'https://shop.example.com:8443' }, 'origin'],
    ['at no origin', 0, {}, { origin: [] }, 'origin'],
    ['without its verifier', 0, { challenge: sha256(VERIFIER) }, HERE, 'challenge'],
    [
      'with another verifier',
      0,
      { challenge: sha256(VERIFIER) },
      { ...HERE, verifier: 'w'.repeat(43) },
      'challenge',
    ],
    ['with a verifier although it has no challenge', 0, {}, { ...HERE, verifier: VERIFIER }, 'challenge'],
  ])('is refused without a call on the store: %s', async (_, seconds, handoff, at, reason) => {
    const { sessions, clock, called, code } = await openWithCode(handoff)
    clock.advance(seconds)
    await expect(sessions.redeem(code, at as typeof HERE)).rejects.toThrow(refused(reason))
    expect(called()).toStrictEqual([])
    clock.advance(-seconds)
    const verifier = handoff.challenge === undefined ? undefined : VERIFIER
    expect((await sessions.redeem(code, { ...HERE, verifier })).session.userId).toBe('anna')
  })

  it.each([0, 65])(
    'is accepted %i seconds after it was made, at any of the origins given',
    async (seconds) => {
      const { sessions, clock, code } = await openWithCode()
      clock.advance(seconds)
      const at = { origin: ['http://shop.example.com', ORIGIN] }
      expect((await sessions.redeem(code, at)).session.userId).toBe('anna')
    },
  )

  it('of a secret that this process does not have is for another process, and reported', async () => {
    const { sessions, code } = await openWithCode()
    const other = await open({ secret: FOREIGN_SECRET })
    const unknown = listen(other.sessions, 'secretUnknown')
    await expect(other.sessions.redeem(code, HERE)).rejects.toThrow(coded('ERR_SECRET_UNKNOWN') as Error)
    expect([other.called(), unknown]).toStrictEqual([[], [{}]])
    expect((await sessions.redeem(code, HERE)).session.userId).toBe('anna')
  })

  it('is redeemed once by processes with the secrets in another order', async () => {
    const place = newPlace()
    const clock = createFakeClock()
    const common = { now: clock.now, revocation: { pollInterval: 60 } }
    const one = await openSessions({ ...common, store: place.open(), secret: [SECRET, FOREIGN_SECRET] })
    const two = await openSessions({ ...common, store: place.open(), secret: [FOREIGN_SECRET, SECRET] })
    const { sessionId } = (await one.create({ userId: 'anna' })).session
    const { code } = await one.handoff(sessionId, HERE)
    await two.redeem(code, HERE)
    await expect(one.redeem(code, HERE)).rejects.toThrow(refused('used'))
  })

  it('is used up by a redemption that fails for the limit, and not by one that fails before', async () => {
    const refuse = vi.fn(() => null as { role: string } | null)
    const { sessions, parentId, code } = await openWithCode(
      { endsWithParent: false },
      { limits: { sessionsPerUser: 1, onSessionLimit: 'reject' } },
    )
    await expect(sessions.redeem(code, HERE)).rejects.toThrow(coded('ERR_SESSION_LIMIT') as Error)
    await expect(sessions.redeem(code, HERE)).rejects.toThrow(refused('used'))
    expect(await sessions.list('anna', { active: true })).toMatchObject([{ sessionId: parentId }])

    const asking = await open({ refreshClaims: () => refuse() } as Partial<SessionsOptions>)
    refuse.mockReturnValue({ role: 'member' })
    const { sessionId } = (await asking.sessions.create({ userId: 'ben' })).session
    const made = await asking.sessions.handoff(sessionId, HERE)
    refuse.mockReturnValue(null)
    await expect(asking.sessions.redeem(made.code, HERE)).rejects.toThrow(ENDED)
    refuse.mockReturnValue({ role: 'editor' })
    const { session } = await asking.sessions.redeem(made.code, HERE)
    expect(session.claims).toStrictEqual({ role: 'editor' })
  })

  it('does not count for the limit if it ends with its parent, and counts otherwise', async () => {
    const limits = { sessionsPerUser: 1 } as const
    const bound = await openWithCode({}, { limits })
    await bound.sessions.redeem(bound.code, HERE)
    expect(await bound.sessions.list('anna', { active: true })).toHaveLength(2)
    const free = await openWithCode({ endsWithParent: false }, { limits })
    const { session } = await free.sessions.redeem(free.code, HERE)
    expect(await free.sessions.list('anna', { active: true })).toMatchObject([
      { sessionId: session.sessionId },
    ])
  })

  it('that ends with its parent is no login for a limit that has become lower', async () => {
    const place = newPlace()
    const clock = createFakeClock()
    const common = { now: clock.now, revocation: { pollInterval: 60 } }
    const before = await openSessions({ ...common, store: place.open() })
    const { sessionId } = (await before.create({ userId: 'anna' })).session
    await before.create({ userId: 'anna' })
    const { code } = await before.handoff(sessionId, { ...HERE, endsWithParent: true })
    const limits = { sessionsPerUser: 1, onSessionLimit: 'reject' } as const
    const now = await openSessions({ ...common, store: place.open(), limits })
    expect((await now.redeem(code, HERE)).session.parentId).toBe(sessionId)
    expect(await now.list('anna', { active: true })).toHaveLength(3)
  })

  it('right after a login works in a process whose clock is behind', async () => {
    const place = newPlace()
    const clock = createFakeClock()
    const common = { revocation: { pollInterval: 60 } }
    const ahead = await openSessions({ ...common, now: () => clock.now() + 2000, store: place.open() })
    const behind = await openSessions({ ...common, now: clock.now, store: place.open() })
    const { sessionId } = (await ahead.create({ userId: 'anna' })).session
    const { code } = await behind.handoff(sessionId, HERE)
    expect((await behind.redeem(code, HERE)).session.userId).toBe('anna')
  })

  it('replaces the sessions that it is given, but not the one that it ends with', async () => {
    const { sessions, parentId, code } = await openWithCode()
    const old = (await sessions.create({ userId: 'ben' })).session.sessionId
    const { session } = await sessions.redeem(code, { ...HERE, replaces: [old, parentId] })
    expect(await sessions.get(old)).toMatchObject({ active: false, endReason: 'replaced' })
    expect(await sessions.get(parentId)).toMatchObject({ active: true })
    expect(session).toMatchObject({ parentId })
    const other = await openWithCode({ endsWithParent: false })
    await other.sessions.redeem(other.code, { ...HERE, replaces: other.parentId })
    expect(await other.sessions.get(other.parentId)).toMatchObject({ active: false, endReason: 'replaced' })
  })

  it('keeps the absolute end and the time of authentication over any number of handoffs', async () => {
    const { sessions, clock, parentId } = await openWithCode()
    const parent = await sessions.get(parentId)
    let id = parentId
    for (let round = 0; round < 3; round++) {
      clock.advance(3600)
      const { code } = await sessions.handoff(id, HERE)
      const { session } = await sessions.redeem(code, HERE)
      id = session.sessionId
      expect(session).toMatchObject({
        authTime: parent!.authTime,
        absoluteExpiresAt: parent!.absoluteExpiresAt,
      })
    }
  })

  it('reveals its code in no event and no log line', async () => {
    const lines: unknown[] = []
    const log = (...line: unknown[]): void => void lines.push(line)
    const logger = { trace: log, debug: log, info: log, warn: log, error: log }
    const { sessions, parentId, code } = await openWithCode({}, { logger })
    await sessions.redeem(code, HERE)
    const error = await sessions.redeem(code, HERE).catch((thrown: Error) => thrown)
    const { code: next } = await sessions.handoff(parentId, HERE)
    const text = JSON.stringify([lines, String(error), (error as Error).stack])
    expect(text).toContain('anna')
    expect([text.includes(code), text.includes(next), text.includes('pawl_h1_')]).toStrictEqual([
      false,
      false,
      false,
    ])
  })

  describe('that ends with its parent', () => {
    it('ends at once in the process that knows, and at its refresh anywhere', async () => {
      const { sessions, store, parentId, code } = await openWithCode()
      const { session, accessToken, refreshToken } = await sessions.redeem(code, HERE)
      expect(session).toMatchObject({ parentId, active: true })
      expect(sessions.verify(accessToken.value)).toMatchObject({ parentId })
      await sessions.revoke(parentId, 'logout')
      const { sessionId } = session
      const ended = coded('ERR_SESSION_ENDED', { sessionId, reason: 'revoked' }) as Error
      expect(() => sessions.verify(accessToken.value)).toThrow(SUPERSEDED)
      await expect(sessions.check(accessToken.value)).rejects.toThrow(SUPERSEDED)
      const events = listen(sessions, 'ended')
      await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(ended)
      expect(events).toStrictEqual([{ sessionId, userId: 'anna', reason: 'revoked' }])
      expect(await store.read(sessionId)).toMatchObject({ endReason: 'revoked' })
    })

    it('is found to have ended by a process that learns of the end only from the row', async () => {
      const place = newPlace()
      const clock = createFakeClock()
      const common = { now: clock.now, revocation: { mode: 'expiry' } as const }
      const one = await openSessions({ ...common, store: place.open() })
      const two = await openSessions({ ...common, store: place.open() })
      const { sessionId } = (await one.create({ userId: 'anna' })).session
      const { code } = await one.handoff(sessionId, HERE)
      const { accessToken, refreshToken } = await two.redeem(code, HERE)
      await one.revoke(sessionId)
      expect(two.verify(accessToken.value)).toMatchObject({ parentId: sessionId })
      await expect(two.check(accessToken.value)).rejects.toThrow(SUPERSEDED)
      await expect(two.refresh(refreshToken.value)).rejects.toThrow(ENDED)
    })

    it('survives turns, new claims, a reauthentication and the idle expiry of its parent, and not its absolute expiry', async () => {
      const { sessions, clock, parentId, refreshToken, code } = await openWithCode(
        {},
        { idleTimeout: 3600, absoluteTimeout: 7200 },
      )
      const { session, ...tokens } = await sessions.redeem(code, HERE)
      let child = tokens.refreshToken.value
      const refreshChild = async (): Promise<void> => {
        const answer = await sessions.refresh(child)
        sessions.verify(answer.accessToken.value)
        await sessions.flush()
        child = answer.refreshToken?.value ?? child
        expect(answer.accessToken.expiresAt.getTime()).toBeLessThanOrEqual(
          session.absoluteExpiresAt!.getTime(),
        )
      }
      const parent = await sessions.refresh(refreshToken)
      sessions.verify(parent.accessToken.value)
      await sessions.flush()
      await sessions.setClaims(parentId, { role: 'other' })
      await refreshChild()
      for (let quarters = 0; quarters < 7; quarters++) {
        clock.advance(900)
        await refreshChild()
      }
      expect(await sessions.get(parentId)).toMatchObject({ active: false, endReason: 'idle' })
      clock.advance(900)
      await expect(sessions.refresh(child)).rejects.toThrow(ENDED)
    })

    it('ends with its parent also after it has extended its own life', async () => {
      const { sessions, clock, code } = await openWithCode({}, { idleTimeout: 7200, absoluteTimeout: 7200 })
      const { session, refreshToken } = await sessions.redeem(code, HERE)
      clock.advance(3600)
      await sessions.reauthenticate(session.sessionId)
      clock.advance(3500)
      const until = session.absoluteExpiresAt!.getTime()
      const answer = await sessions.refresh(refreshToken.value)
      expect(answer.accessToken.expiresAt.getTime()).toBeLessThanOrEqual(until)
      clock.advance(200)
      await expect(sessions.refresh(answer.refreshToken!.value)).rejects.toThrow(ENDED)
    })

    it('is refused but not ended while the row of its parent is missing', async () => {
      const { sessions, store, code, parentId } = await openWithCode()
      const { session, refreshToken } = await sessions.redeem(code, HERE)
      const { read } = store
      store.read = async (id) => (id === parentId ? null : read(id))
      const unknown = coded('ERR_SESSION_ENDED', { reason: 'unknown' }) as Error
      await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(unknown)
      store.read = read
      expect((await sessions.refresh(refreshToken.value)).session.sessionId).toBe(session.sessionId)
    })

    /** Sessions that have handed off one to the next: five of them. */
    async function openChain(
      options: Partial<SessionsOptions> = {},
    ): Promise<Opened & { readonly chain: Login[] }> {
      const opened = await open(options)
      const { sessions } = opened
      const chain: Login[] = [await sessions.create({ userId: 'anna' })]
      while (chain.length < 5) {
        const { code } = await sessions.handoff(chain.at(-1)!.session.sessionId, HERE)
        chain.push(await sessions.redeem(code, HERE))
      }
      opened.called()
      return { ...opened, chain }
    }

    it.each([0, 1, 2, 3])('ends with each of the four sessions before it: number %i', async (index) => {
      const { sessions, chain } = await openChain()
      const { session, accessToken, refreshToken } = chain[4]!
      expect(chain.map((login) => login.session.parentId)).toStrictEqual([
        null,
        ...chain.slice(0, 4).map((login) => login.session.sessionId),
      ])
      const late = await sessions.handoff(chain[3]!.session.sessionId, HERE)
      await sessions.revoke(chain[index]!.session.sessionId, 'logout')
      expect(() => sessions.verify(accessToken.value)).toThrow(SUPERSEDED)
      await expect(sessions.redeem(late.code, HERE)).rejects.toThrow(refused('ended'))
      await expect(sessions.handoff(session.sessionId, HERE)).rejects.toThrow(ENDED)
      await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(
        coded('ERR_SESSION_ENDED', { sessionId: session.sessionId, reason: 'revoked' }) as Error,
      )
      expect(await sessions.get(session.sessionId)).toMatchObject({ endReason: 'revoked' })
      // Those before it go on.
      for (const before of chain.slice(0, index))
        expect((await sessions.get(before.session.sessionId))!.active).toBe(true)
    })

    it('reads one row more for each of them to refresh and to check, and none to verify', async () => {
      const { sessions, called, chain } = await openChain()
      for (const [before, { accessToken, refreshToken }] of chain.entries()) {
        const ancestors = Array.from({ length: before }, () => 'read')
        sessions.verify(accessToken.value)
        expect(called()).toStrictEqual([])
        await sessions.check(accessToken.value)
        expect(called()).toStrictEqual(['read', ...ancestors])
        await sessions.refresh(refreshToken.value)
        expect(called()).toStrictEqual(['read', ...ancestors])
      }
    })

    it('hands off no further than that', async () => {
      const { sessions, chain } = await openChain()
      const last = chain[4]!.session.sessionId
      await expect(sessions.handoff(last, HERE)).rejects.toThrow(refused('depth'))
      const { code } = await sessions.handoff(last, { ...HERE, endsWithParent: false })
      expect((await sessions.redeem(code, HERE)).session.parentId).toBeNull()
    })

    it('keeps the names of all of them in renewed tokens', async () => {
      const { sessions, chain } = await openChain()
      const { session } = chain[4]!
      const renewed = await sessions.renew(session.sessionId, { reauthenticated: true })
      const refreshed = await sessions.refresh(renewed.refreshToken.value)
      await sessions.revoke(chain[0]!.session.sessionId)
      for (const { accessToken } of [renewed, refreshed])
        expect(() => sessions.verify(accessToken.value)).toThrow(SUPERSEDED)
      await expect(sessions.renew(session.sessionId)).rejects.toThrow(ENDED)
    })

    it.each([0, 1])(
      'ends after the theft of session %i before it, also if that was pruned meanwhile',
      async (index) => {
        const { sessions, clock, store, chain } = await openChain({ privacy: { keepEnded: 0 } })
        const stolen = chain[index]!
        await expect(steal(sessions, clock, stolen.refreshToken.value)).rejects.toThrow(
          coded('ERR_REFRESH_TOKEN_REUSED') as Error,
        )
        await expect(sessions.refresh(chain[2]!.refreshToken.value)).rejects.toThrow(
          coded('ERR_SESSION_ENDED', { reason: 'revoked' }) as Error,
        )
        clock.advance(29 * 86_400)
        await sessions.prune()
        expect(await store.read(stolen.session.sessionId)).toBeNull()
        await expect(sessions.refresh(chain[3]!.refreshToken.value)).rejects.toThrow(ENDED)
        expect((await sessions.list('anna', { active: true })).length).toBeLessThanOrEqual(index + 2)
      },
    )

    it('stays if it ends all others, with tokens that name none of them', async () => {
      const { sessions, chain } = await openChain()
      const { session, accessToken, refreshToken } = chain[2]!
      const { sessionId } = session
      expect(await sessions.revokeUser('anna', { except: sessionId })).toBe(4)
      expect(() => sessions.verify(accessToken.value)).toThrow(SUPERSEDED)
      await expect(sessions.check(accessToken.value)).rejects.toThrow(SUPERSEDED)
      const answer = await sessions.refresh(refreshToken.value)
      expect(answer.session).toMatchObject({ sessionId, parentId: null })
      expect(sessions.verify(answer.accessToken.value)).toMatchObject({ sessionId, parentId: null })
      expect(await sessions.list('anna', { active: true })).toMatchObject([{ sessionId }])
      await expect(sessions.refresh(chain[3]!.refreshToken.value)).rejects.toThrow(ENDED)
    })

    it('stays linked if another user is meant', async () => {
      const { sessions, parentId, code } = await openWithCode()
      const { session } = await sessions.redeem(code, HERE)
      await sessions.revokeUser('ben', { except: session.sessionId })
      expect(await sessions.get(session.sessionId)).toMatchObject({ parentId, active: true })
    })

    it('tries its refresh again if it was kept in the middle of that', async () => {
      const { sessions, store, parentId, code } = await openWithCode()
      const { session, refreshToken } = await sessions.redeem(code, HERE)
      const { read } = store
      store.read = async (id) => {
        if (id === parentId) {
          store.read = read
          await sessions.revokeUser('anna', { except: session.sessionId })
        }
        return read(id)
      }
      await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(coded('ERR_TRY_AGAIN') as Error)
      expect((await sessions.refresh(refreshToken.value)).session.parentId).toBeNull()
    })

    it('takes the acting with it that an administrator has started there', async () => {
      const { sessions, clock, parentId, code } = await openWithCode()
      const { session } = await sessions.redeem(code, HERE)
      const now = clock.now()
      const administrator = { sessionId: session.sessionId, version: 0, authTime: now }
      const acting = await startActing(
        sessions[ENGINE],
        { ...administrator, expiresAt: now + 60_000, canContinue: true },
        { userId: 'ben' },
      )
      expect(sessions.verify(acting.accessToken.value)).toMatchObject({ userId: 'ben', parentId })
      await sessions.revoke(parentId)
      expect(() => sessions.verify(acting.accessToken.value)).toThrow(
        coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'superseded' }) as Error,
      )
      await expect(sessions.handoff(acting.row.id, HERE)).rejects.toThrow(
        coded('ERR_ACTING_REFUSED') as Error,
      )
    })
  })

  describe('that does not end with its parent', () => {
    const ALONE = { ...HERE, endsWithParent: false } as const
    const RECENT = coded('ERR_RECENT_AUTH_REQUIRED', { maxAge: 300 }) as Error

    it('goes on after the end of the session that made it', async () => {
      const { sessions, parentId, code } = await openWithCode({ endsWithParent: false })
      const { session, accessToken, refreshToken } = await sessions.redeem(code, HERE)
      expect(session.parentId).toBeNull()
      await sessions.revoke(parentId)
      expect(sessions.verify(accessToken.value)).toMatchObject({ parentId: null })
      expect((await sessions.refresh(refreshToken.value)).session.sessionId).toBe(session.sessionId)
    })

    it('needs an authentication within the last five minutes', async () => {
      const { sessions, clock, parentId } = await openWithCode()
      clock.advance(300)
      expect((await sessions.handoff(parentId, ALONE)).code).toMatch(/^pawl_h1_/)
      clock.advance(1)
      await expect(sessions.handoff(parentId, ALONE)).rejects.toThrow(RECENT)
      const child = await sessions.redeem((await sessions.handoff(parentId, HERE)).code, HERE)
      await expect(sessions.handoff(child.session.sessionId, ALONE)).rejects.toThrow(RECENT)
      await sessions.reauthenticate(parentId)
      expect((await sessions.handoff(parentId, ALONE)).code).toMatch(/^pawl_h1_/)
    })

    it('needs it of the token that asks, whatever the row says', async () => {
      const { sessions, clock, parentId } = await openWithCode()
      const scope = { engine: sessions[ENGINE], writes: sessions[ENGINE].store, autocommit: true }
      const ask = (authTime: number): Promise<unknown> =>
        createHandoff(scope, parentId, ALONE, { authTime, issuedAt: clock.now() })
      const old = clock.now()
      clock.advance(301)
      await sessions.renew(parentId, { reauthenticated: true })
      expect(await ask(clock.now())).toMatchObject({ code: expect.any(String) })
      await sessions.reauthenticate(parentId)
      clock.advance(133)
      await expect(ask(old)).rejects.toThrow(RECENT)
    })
  })

  it.each([
    [true, 1],
    [true, 2],
    [false, 1],
    [false, 2],
  ])(
    'leaves no session behind if the user is revoked in the middle (endsWithParent: %s, call %i)',
    async (endsWithParent, call) => {
      let calls = Number.NaN
      const opened: Opened = await open({
        async refreshClaims({ claims }) {
          if (++calls === call) await opened.sessions.revokeUser('anna')
          return claims
        },
      })
      const { sessions } = opened
      const { sessionId } = (await sessions.create({ userId: 'anna' })).session
      const { code } = await sessions.handoff(sessionId, { ...HERE, endsWithParent })
      calls = 0
      const ended = listen(sessions, 'ended')
      const outcome = sessions.redeem(code, HERE)
      // The second call comes after the insert, so `revokeUser` meets the new session.
      if (call === 1) await expect(outcome).rejects.toThrow(refused('ended'))
      else await outcome
      expect(ended.map(({ reason }) => reason)).toStrictEqual(['revoked', 'revoked'])
      expect(await sessions.list('anna', { active: true })).toStrictEqual([])
    },
  )

  it.each([
    ['`revokeOthers`', {}],
    ['`setClaims` with `renew`', { claims: { role: 'editor' } }],
    ['`reauthenticate`', { reauthenticated: true }],
  ])('comes from no copy of a token that %s is replacing', async (_, renewal) => {
    const { sessions, clock, parentId, code } = await openWithCode()
    const scope = { engine: sessions[ENGINE], writes: sessions[ENGINE].store, autocommit: true }
    const ask = (token: string): Promise<{ readonly code: string }> => {
      const { authTime, issuedAt } = sessions.verify(token)
      return createHandoff(scope, parentId, HERE, {
        authTime: authTime.getTime(),
        issuedAt: issuedAt.getTime(),
      })
    }
    const copy = (await sessions.create({ userId: 'ben' })).accessToken.value
    clock.advance(1)
    const { accessToken } = await sessions.renew(parentId, renewal)
    clock.advance(1)
    await expect(sessions.redeem(code, HERE)).rejects.toThrow(refused('ended'))
    await expect(ask(copy)).rejects.toThrow(SUPERSEDED)
    const made = await ask(accessToken.value)
    expect((await sessions.redeem(made.code, HERE)).session.parentId).toBe(parentId)
  })

  it('made in the millisecond of a renewal is a code of the renewed session', async () => {
    const { sessions, clock, parentId } = await openWithCode()
    const { code } = await sessions.handoff(parentId, HERE)
    await sessions.renew(parentId)
    await expect(sessions.redeem(code, HERE)).rejects.toThrow(refused('ended'))
    const made = await sessions.handoff(parentId, HERE)
    expect(made.expiresAt.getTime()).toBe(clock.now() + 60_001)
    expect((await sessions.redeem(made.code, HERE)).session.parentId).toBe(parentId)
  })

  it('of a bound session needs a proof that somebody else has checked', async () => {
    const { sessions, store, parentId } = await openWithCode({}, { deviceBinding: 'offer' })
    await store.bindDevice(parentId, { key: createDevice().key, kind: 'native' })
    await expect(sessions.handoff(parentId, HERE)).rejects.toThrow(
      coded('ERR_DEVICE_PROOF_REQUIRED', { requiredFor: 'request', kind: 'native' }) as Error,
    )
    const { code } = await sessions.handoff(parentId, { ...HERE, proven: true })
    expect((await sessions.redeem(code, HERE)).session.device).toBeNull()
  })

  it('waits while a reauthentication is pending, since older copies of the tokens are still valid', async () => {
    const { sessions, clock, parentId } = await openWithCode()
    await sessions.renew(parentId, { reauthenticated: true })
    await expect(sessions.handoff(parentId, HERE)).rejects.toThrow(coded('ERR_TRY_AGAIN') as Error)
    clock.advance(133)
    expect((await sessions.handoff(parentId, HERE)).code).toMatch(/^pawl_h1_/)
  })

  it('is refused past the absolute expiry in the row, although a pending reauthentication has put it off', async () => {
    const { sessions, clock, parentId } = await openWithCode({}, { idleTimeout: 7200, absoluteTimeout: 3600 })
    clock.advance(3590)
    await sessions.renew(parentId, { reauthenticated: true })
    const scope = { engine: sessions[ENGINE], writes: sessions[ENGINE].store, autocommit: true }
    const { code } = await createHandoff(scope, parentId, HERE, {
      authTime: clock.now(),
      issuedAt: clock.now(),
    })
    clock.advance(20)
    await expect(sessions.redeem(code, HERE)).rejects.toThrow(refused('ended'))
  })

  it('carries over values that the schema refuses as stale ones, or not at all', async () => {
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) =>
          (value as { tenant?: string }).tenant === undefined
            ? { issues: [{ message: 'no tenant', path: ['tenant'] }] }
            : { value },
      },
    }
    const place = newPlace()
    const clock = createFakeClock()
    const common = { now: clock.now, revocation: { pollInterval: 60 } }
    const before = await openSessions({ ...common, store: place.open() })
    const { sessionId } = (await before.create({ userId: 'anna', claims: { role: 'member' } })).session
    const { code } = await before.handoff(sessionId, HERE)
    const strict = await openSessions({ ...common, store: place.open(), claims: schema } as never)
    await expect(strict.redeem(code, HERE)).rejects.toThrow(coded('ERR_SESSION_OUTDATED') as Error)
    const lenient = await openSessions({
      ...common,
      store: place.open(),
      claims: schema,
      onSchemaMismatch: 'stale',
    } as never)
    expect((await lenient.redeem(code, HERE)).session).toMatchObject({
      claims: { role: 'member' },
      stale: true,
    })
  })

  it.each<[string, unknown]>([
    ['no options', undefined],
    ['no origin', {}],
    ['a path', { origin: `${ORIGIN}/` }],
    ['another spelling', { origin: 'https://SHOP.example.com' }],
    ['a default port', { origin: 'https://shop.example.com:443' }],
    ['the scheme of an app', { origin: 'capacitor://localhost' }],
    ['a name', { origin: 'shop.example.com' }],
    ['null', { origin: 'null' }],
    ['an unknown option', { origin: ORIGIN, endsWithPaernt: true }],
    ['a text for endsWithParent', { origin: ORIGIN, endsWithParent: 'yes' }],
    ['a text for proven', { origin: ORIGIN, proven: 'yes' }],
  ])('takes no wrong options: %s', async (_, options) => {
    const { sessions, called, parentId } = await openWithCode()
    await expect(sessions.handoff(parentId, options as HandoffOptions)).rejects.toThrow(TypeError)
    expect(called()).toStrictEqual([])
  })

  it('takes no redemption without an origin, and no challenge that is none', async () => {
    const { sessions, called, parentId, code } = await openWithCode()
    for (const wrong of [undefined, {}, { origin: ORIGIN, verifer: VERIFIER }])
      await expect(sessions.redeem(code, wrong as never)).rejects.toThrow(TypeError)
    await expect(sessions.handoff(parentId, { ...HERE, challenge: 'short' })).rejects.toThrow(
      refused('challenge'),
    )
    expect(called()).toStrictEqual([])
  })

  it('of a session that has ended or never was is an error of that session', async () => {
    const { sessions, parentId } = await openWithCode()
    await sessions.revoke(parentId)
    for (const id of [parentId, 'nonsense']) await expect(sessions.handoff(id, HERE)).rejects.toThrow(ENDED)
  })
})
