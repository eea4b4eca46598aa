import { describe, expect, it } from 'vitest'
import type { ClaimsObject } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { createBound, createDevice } from '../support/proofs.ts'
import { openSessions } from '../support/sessions.ts'
import { counting } from '../support/stores.ts'

const RESERVED = [
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'sid',
  'auth_time',
  'client_id',
  'cnf',
  'ver',
  'gen',
  'n',
]

describe('claims', () => {
  it.each(RESERVED)('cannot be named %s', async (name) => {
    const { store, calls } = counting(memory())
    const sessions = await openSessions({ store })
    calls.length = 0
    await expect(sessions.create({ userId: 'u', claims: { [name]: 1 } })).rejects.toBeInstanceOf(TypeError)
    expect(calls).toStrictEqual([])
  })

  it('cannot be named so by way of `toJSON` either', async () => {
    const sessions = await openSessions()
    const sly = { toJSON: () => ({ sub: 'admin' }) }
    await expect(sessions.create({ userId: 'u', claims: sly as never })).rejects.toBeInstanceOf(TypeError)
  })

  it('cannot be named `__proto__`', async () => {
    const sessions = await openSessions()
    const claims = JSON.parse('{"__proto__": {"admin": true}}') as ClaimsObject
    await expect(sessions.create({ userId: 'u', claims })).rejects.toBeInstanceOf(TypeError)
  })

  it.each([[null], [[]], ['text'], [1], [new Date(0)], [() => ({})]])(
    'are a JSON object, not %s',
    async (claims) => {
      const sessions = await openSessions()
      await expect(sessions.create({ userId: 'u', claims: claims as never })).rejects.toBeInstanceOf(
        TypeError,
      )
    },
  )

  it.each([['a\0b'], ['\ud800'], [{ deep: ['\udfff'] }], [{ '\0': 1 }], [1n]])(
    'hold nothing the database cannot store: %j'.replace('%j', '%#'),
    async (value) => {
      const sessions = await openSessions()
      await expect(
        sessions.create({ userId: 'u', claims: { value: value as never } }),
      ).rejects.toBeInstanceOf(TypeError)
      await expect(sessions.create({ userId: 'u', data: value as never })).rejects.toBeInstanceOf(TypeError)
    },
  )

  it('may hold a text that only looks like an escaped NUL', async () => {
    const sessions = await openSessions()
    const claims = { text: '\\u0000 \\\\ud800 😀' }
    const { accessToken } = await sessions.create({ userId: 'u', claims })
    expect(sessions.verify(accessToken.value).claims).toStrictEqual(claims)
  })

  it('come back as JSON has them', async () => {
    const sessions = await openSessions()
    const claims = { missing: undefined, list: [null], zero: -0 }
    const { session, accessToken } = await sessions.create({ userId: 'u', claims })
    const json = { list: [null], zero: 0 }
    expect(session.claims).toStrictEqual(json)
    expect(sessions.verify(accessToken.value).claims).toStrictEqual(json)
  })

  it('fit a cookie with every token the session can ever get, or are refused at creation', async () => {
    const { store, calls } = counting(memory())
    const sessions = await openSessions({ store })
    calls.length = 0
    const claims = (size: number): { pad: string } => ({ pad: 'é'.repeat(size) })
    let fits = 0
    for (let step = 2048; step >= 1; step /= 2) {
      const created = await sessions.create({ userId: 'u', claims: claims(fits + step) }).catch(() => null)
      if (created !== null) fits += step
    }
    const rows = calls.filter((name) => name === 'insert').length
    await expect(sessions.create({ userId: 'u', claims: claims(fits + 1) })).rejects.toBeInstanceOf(TypeError)
    expect(calls.filter((name) => name === 'insert')).toHaveLength(rows)
    const { refreshToken } = await sessions.create({ userId: 'u', claims: claims(fits) })
    const { accessToken } = await sessions.refresh(refreshToken.value)
    // 4096 bytes of name and value (RFC 6265bis section 5.6), less a name of 64.
    expect(accessToken.value.length).toBeLessThanOrEqual(4032)
    expect(accessToken.value.length).toBeGreaterThan(3920)
    const bound = await createBound(sessions, store, createDevice(), { userId: 'u', claims: claims(fits) })
    expect(bound.accessToken.length).toBeLessThanOrEqual(4032)
  })
})

describe('userId', () => {
  it.each(['', 'x'.repeat(256), 'a\0b', '\ud800', 1, null, undefined, {}])('is not %j', async (userId) => {
    const sessions = await openSessions()
    await expect(sessions.create({ userId: userId as string })).rejects.toBeInstanceOf(TypeError)
    await expect(sessions.list(userId as string)).rejects.toBeInstanceOf(TypeError)
    await expect(sessions.revokeUser(userId as string)).rejects.toBeInstanceOf(TypeError)
  })

  it.each(['0', 'x'.repeat(255), 'Zoë 💛', '{"i":1}'])('may be %j', async (userId) => {
    const sessions = await openSessions()
    const { accessToken } = await sessions.create({ userId })
    expect(sessions.verify(accessToken.value).userId).toBe(userId)
    expect(await sessions.list(userId)).toHaveLength(1)
  })
})
