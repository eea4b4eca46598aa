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

/** What the background does. */
const IDLE = ['changes', 'keys', 'time', 'prune', 'lostConnections']

vi.mock(import('../../src/core/time/delay.ts'), async (original) => {
  const { skipDelays } = await import('../support/skip-delays.ts')
  return skipDelays(await original())
})

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
      parentId: null,
      actor: null,
      device: null,
      stale: false,
    })
    expect(sessions.verify(accessToken.value)).toMatchObject({
      sessionId,
      claims: { role: 'editor' },
      authTime: parent.authTime,
      parentId: null,
    })
    expect(created).toStrictEqual([{ sessionId, userId: 'anna', ip: '192.0.2.9', userAgent: 'WebView/1.0' }])
    expect((await sessions.refresh(refreshToken.value)).session.sessionId).toBe(sessionId)
    // Neither depends on the other.
    await sessions.revoke(parent.sessionId)
    expect((await sessions.refresh(refreshToken.value)).session.sessionId).toBe(sessionId)
  })

  it('reads one row to make a code, and one to redeem it', async () => {
    const { sessions, called, parentId, code } = await openWithCode()
    await sessions.handoff(parentId, HERE)
    expect(called()).toStrictEqual(['read'])
    await sessions.redeem(code, HERE)
    expect(called()).toStrictEqual(['read', 'insert'])
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
      {},
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
    const bound = await openWithCode({ endsWithParent: true }, { limits })
    await bound.sessions.redeem(bound.code, HERE)
    expect(await bound.sessions.list('anna', { active: true })).toHaveLength(2)
    const free = await openWithCode({}, { limits })
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
    const { sessions, parentId, code } = await openWithCode({ endsWithParent: true })
    const old = (await sessions.create({ userId: 'ben' })).session.sessionId
    const { session } = await sessions.redeem(code, { ...HERE, replaces: [old, parentId] })
    expect(await sessions.get(old)).toMatchObject({ active: false, endReason: 'replaced' })
    expect(await sessions.get(parentId)).toMatchObject({ active: true })
    expect(session).toMatchObject({ parentId })
    const other = await openWithCode()
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
      const { sessions, store, parentId, code } = await openWithCode({ endsWithParent: true })
      const { session, accessToken, refreshToken } = await sessions.redeem(code, HERE)
      expect(session).toMatchObject({ parentId, active: true })
      expect(sessions.verify(accessToken.value)).toMatchObject({ parentId })
      await sessions.revoke(parentId, 'logout')
      const { sessionId } = session
      const ended = coded('ERR_SESSION_ENDED', { sessionId, reason: 'revoked' }) as Error
      expect(() => sessions.verify(accessToken.value)).toThrow(ended)
      await expect(sessions.check(accessToken.value)).rejects.toThrow(ended)
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
      const { code } = await one.handoff(sessionId, { ...HERE, endsWithParent: true })
      const { accessToken, refreshToken } = await two.redeem(code, HERE)
      await one.revoke(sessionId)
      expect(two.verify(accessToken.value)).toMatchObject({ parentId: sessionId })
      await expect(two.check(accessToken.value)).rejects.toThrow(ENDED)
      await expect(two.refresh(refreshToken.value)).rejects.toThrow(ENDED)
    })

    it('survives turns, new claims, a reauthentication and the idle expiry of its parent, and not its absolute expiry', async () => {
      const { sessions, clock, parentId, refreshToken, code } = await openWithCode(
        { endsWithParent: true },
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
      const { sessions, clock, code } = await openWithCode(
        { endsWithParent: true },
        { idleTimeout: 7200, absoluteTimeout: 7200 },
      )
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
      const { sessions, store, code, parentId } = await openWithCode({ endsWithParent: true })
      const { session, refreshToken } = await sessions.redeem(code, HERE)
      const { read } = store
      store.read = async (id) => (id === parentId ? null : read(id))
      const unknown = coded('ERR_SESSION_ENDED', { reason: 'unknown' }) as Error
      await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(unknown)
      store.read = read
      expect((await sessions.refresh(refreshToken.value)).session.sessionId).toBe(session.sessionId)
    })

    it('passes its parent on to every session that it hands off to', async () => {
      const { sessions, parentId, code } = await openWithCode({ endsWithParent: true })
      const child = await sessions.redeem(code, HERE)
      const next = await sessions.handoff(child.session.sessionId, HERE)
      const late = await sessions.handoff(child.session.sessionId, HERE)
      const grandchild = await sessions.redeem(next.code, HERE)
      expect(grandchild.session.parentId).toBe(parentId)
      await sessions.revoke(parentId)
      expect(() => sessions.verify(grandchild.accessToken.value)).toThrow(ENDED)
      await expect(sessions.redeem(late.code, HERE)).rejects.toThrow(refused('ended'))
    })

    it('takes the acting with it that an administrator has started there', async () => {
      const { sessions, clock, parentId, code } = await openWithCode({ endsWithParent: true })
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
