import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Sessions, Store } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { decodeJwt } from '../support/jwt.ts'
import { counter, role, schema } from '../support/schema.ts'
import { listen, openSessions, openWithClock } from '../support/sessions.ts'
import { storeKinds } from '../support/stores.ts'

const DAY = 86_400_000

/** All values of a row as text: bytes in hexadecimal, and as the text that they may be. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array)
    return ['hex' as const, 'latin1' as const].map((as) => Buffer.from(value).toString(as)).join(' ')
  return typeof value === 'object' && value !== null
    ? Object.values(value).map(textOf).join(' ')
    : String(value)
}

describe.each(await storeKinds())('create, on $name,', ({ newPlace }) => {
  it('puts fingerprints into the row, and no secret part of a token, also by a turn and a renewal', async () => {
    const store = newPlace().open()
    const sessions = await openSessions({ store })
    const login = await sessions.create({ userId: 'u' })
    const { sessionId } = login.session
    const child = await sessions.refresh(login.refreshToken.value)
    sessions.verify(child.accessToken.value)
    await sessions.flush()
    const renewed = await sessions.renew(sessionId)
    const row = textOf(await store.read(sessionId))
    const issued = [login, child, renewed].map(({ refreshToken, accessToken }) => ({
      refreshToken: Buffer.from(refreshToken!.value.slice('pawl_r1_'.length), 'base64url'),
      signature: Buffer.from(accessToken.value.split('.')[2]!, 'base64url'),
    }))
    // The current one, and its parent.
    for (const { refreshToken } of issued.slice(0, 2))
      expect(row).toContain(createHash('sha256').update(refreshToken).digest('hex').slice(0, 32))
    for (const { refreshToken, signature } of issued) {
      const [anchor, nonce, mac] = [44, 60, 76].map((at) => refreshToken.subarray(at, at + 16))
      for (const secret of [anchor!, nonce!, mac!, signature])
        for (const text of [secret.toString('hex'), secret.toString('base64url'), secret.toString('base64')])
          expect(row).not.toContain(text.replace(/=+$/, ''))
      // The three at the end of the token's own text.
      expect(row).not.toContain(refreshToken.toString('base64url').slice(-20))
    }
  })

  it('gives the session as the row has it', async () => {
    const clock = createFakeClock()
    const sessions = await openSessions({ store: newPlace().open(), now: clock.now })
    const now = new Date(clock.now())
    const { session, refreshToken } = await sessions.create({
      userId: 'user 42',
      claims: { role: 'admin' },
      data: { cart: [1] },
      ip: '::ffff:192.0.2.7',
      userAgent: 'Browser/1.0',
    })
    expect(session).toStrictEqual({
      sessionId: expect.stringMatching(
        /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      ),
      userId: 'user 42',
      claims: { role: 'admin' },
      data: { cart: [1] },
      dataVersion: 0,
      active: true,
      createdAt: now,
      authTime: now,
      lastSeenAt: now,
      expiresAt: new Date(clock.now() + 30 * DAY),
      absoluteExpiresAt: new Date(clock.now() + 365 * DAY),
      generation: 0,
      version: 0,
      persistent: true,
      ip: '192.0.2.7',
      userAgent: 'Browser/1.0',
      actor: null,
      device: null,
      parentId: null,
      endedAt: null,
      endReason: null,
      stale: false,
    })
    expect(refreshToken.expiresAt).toStrictEqual(session.expiresAt)
    expect(await sessions.get(session.sessionId)).toStrictEqual(session)
    expect(await sessions.list('user 42')).toStrictEqual([session])
  })

  it('takes clocks and persistence of its own', async () => {
    const clock = createFakeClock()
    const sessions = await openSessions({ store: newPlace().open(), now: clock.now })
    const { session, refreshToken } = await sessions.create({
      userId: 'u',
      persistent: false,
      idleTimeout: 1800.2,
      absoluteTimeout: null,
    })
    expect(session).toMatchObject({ persistent: false, absoluteExpiresAt: null })
    // Stored in whole seconds.
    expect(session.expiresAt.getTime()).toBe(clock.now() + 1_801_000)
    expect(refreshToken.expiresAt).toStrictEqual(session.expiresAt)
    expect(await sessions.get(session.sessionId)).toStrictEqual(session)
  })

  it('replaces an older session, which ends as `replaced`', async () => {
    const sessions = await openSessions({ store: newPlace().open() })
    const ended = listen(sessions, 'ended')
    const old = await sessions.create({ userId: 'u' })
    const { session } = await sessions.create({ userId: 'u', replaces: old.session.sessionId })
    expect(await sessions.get(old.session.sessionId)).toMatchObject({ active: false, endReason: 'replaced' })
    expect(session.active).toBe(true)
    expect(ended).toStrictEqual([{ sessionId: old.session.sessionId, userId: 'u', reason: 'replaced' }])
    const replaced = coded('ERR_SESSION_ENDED', { reason: 'replaced' }) as Error
    expect(() => sessions.verify(old.accessToken.value)).toThrow(replaced)
    await expect(sessions.refresh(old.refreshToken.value)).rejects.toThrow(replaced)
  })
})

describe('create', () => {
  it('ignores a replaced session that does not exist', async () => {
    const sessions = await openSessions()
    const created = await sessions.create({ userId: 'u', replaces: 'not an id' })
    expect(created.session.active).toBe(true)
  })

  it('makes random ids where the database shards by key range', async () => {
    const sessions = await openSessions({ store: { ...memory(), sessionIdVersion: 'v4' } })
    const { session } = await sessions.create({ userId: 'u' })
    expect(session.sessionId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/)
  })

  it('makes ids in the order of time otherwise', async () => {
    const { sessions, clock } = await openWithClock()
    const first = await sessions.create({ userId: 'u' })
    clock.advance(0.001)
    const second = await sessions.create({ userId: 'u' })
    expect(first.session.sessionId < second.session.sessionId).toBe(true)
  })

  it.each([
    { ip: 'localhost', userAgent: '' },
    { ip: '999.1.1.1', userAgent: undefined },
    { ip: `1.2.3.4${'0'.repeat(80)}`, userAgent: 7 as unknown as string },
  ])('records no address and no browser that make no sense: $ip', async (context) => {
    const sessions = await openSessions()
    const { session } = await sessions.create({ userId: 'u', ...context })
    expect(session).toMatchObject({ ip: null, userAgent: null })
  })

  it('bounds what a browser says about itself', async () => {
    const sessions = await openSessions()
    const { session } = await sessions.create({
      userId: 'u',
      ip: 'fe80::1%eth0',
      userAgent: 'x\0y'.repeat(500),
    })
    expect(session.ip).toBe('fe80::1')
    expect(session.userAgent).toMatch(/^[xy]{100,256}$/)
  })

  it.each([
    ['2001:0DB8:0:0::01', '2001:db8::1'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['fe80:0::1%eth0', 'fe80::1'],
  ])('records an address in one spelling, as PostgreSQL does: %s as %s', async (ip, recorded) => {
    const sessions = await openSessions()
    expect((await sessions.create({ userId: 'u', ip })).session.ip).toBe(recorded)
  })

  it('leaves no half of a character where it cuts what a browser says about itself', async () => {
    const sessions = await openSessions()
    const { session } = await sessions.create({ userId: 'u', userAgent: `x${'🙂'.repeat(128)}` })
    expect(session.userAgent).toBe(`x${'🙂'.repeat(127)}\ufffd`)
  })

  it.each([undefined, null, 'user', 42])('takes an object, not %s', async (input) => {
    const sessions = await openSessions()
    await expect(sessions.create(input as never)).rejects.toBeInstanceOf(TypeError)
  })

  it.each([{ idleTimeout: 0 }, { idleTimeout: Number.NaN }, { absoluteTimeout: -1 }, { absoluteTimeout: 0 }])(
    'refuses %j',
    async (clocks) => {
      const sessions = await openSessions()
      await expect(sessions.create({ userId: 'u', ...clocks })).rejects.toThrow(
        coded('ERR_INVALID_OPTIONS', { option: Object.keys(clocks)[0] }) as Error,
      )
    },
  )

  it.each(['sync', 'async'] as const)('validates and converts with a Standard Schema: %s', async (mode) => {
    const sessions = await openSessions({ claims: schema(role, mode), data: schema(counter, mode) })
    const { session, accessToken } = await sessions.create({
      userId: 'u',
      claims: { role: 'ADMIN' },
      data: {} as never,
    })
    expect(session).toMatchObject({ claims: { role: 'admin' }, data: { count: 0 } })
    expect(decodeJwt(accessToken.value).payload['role']).toBe('admin')
    const wrong = { userId: 'u', claims: { role: 1 as unknown as string }, data: { count: 0 } }
    await expect(sessions.create(wrong)).rejects.toMatchObject({
      name: 'TypeError',
      cause: [{ message: 'no', path: ['role'] }],
    })
    expect(await sessions.list('u')).toHaveLength(1)
  })
})

describe.each(await storeKinds())('a login whose session id is taken, on $name,', ({ newPlace }) => {
  /** The first `conflicts` logins meet a row of the victim with the id that they drew. */
  async function openWithConflicts(conflicts: number): Promise<{ sessions: Sessions; taken: string[] }> {
    const store = newPlace().open()
    const taken: string[] = []
    const insert: Store['insert'] = async (row) => {
      if (taken.length < conflicts) {
        taken.push(row.id)
        await store.insert({ ...row, userId: 'victim' })
      }
      return store.insert(row)
    }
    return { sessions: await openSessions({ store: { ...store, insert } }), taken }
  }

  it('gets another id, and never the session of somebody else', async () => {
    const { sessions, taken } = await openWithConflicts(2)
    const created = listen(sessions, 'created')
    const { session, accessToken, refreshToken } = await sessions.create({ userId: 'anna' })
    expect(taken).not.toContain(session.sessionId)
    expect(sessions.verify(accessToken.value)).toMatchObject({ sessionId: session.sessionId, userId: 'anna' })
    expect((await sessions.refresh(refreshToken.value)).session.userId).toBe('anna')
    expect(created).toMatchObject([{ sessionId: session.sessionId, userId: 'anna' }])
  })

  it('is refused after three of them', async () => {
    const { sessions, taken } = await openWithConflicts(Number.POSITIVE_INFINITY)
    await expect(sessions.create({ userId: 'anna' })).rejects.toThrow(
      coded('ERR_TRY_AGAIN', { retryAfter: 1 }) as Error,
    )
    expect(new Set(taken).size).toBe(3)
    expect(await sessions.list('anna')).toStrictEqual([])
  })
})
