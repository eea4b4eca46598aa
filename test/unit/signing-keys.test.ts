import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type JsonWebKey,
  sign,
} from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ProvidedKey } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { decodeJwt } from '../support/jwt.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'

const INVALID = coded('ERR_ACCESS_TOKEN_INVALID') as Error

/** RFC 7638: SHA-256 over the required members in their order. */
const thumbprint = (jwk: JsonWebKey, members: readonly (keyof JsonWebKey)[]): string =>
  createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members.map((name) => [name, jwk[name]]))))
    .digest('base64url')

describe('the algorithm of access tokens', () => {
  it('HS256 has no public key to publish', async () => {
    const sessions = await openSessions()
    expect(sessions.keys.jwks()).toStrictEqual({ keys: [] })
  })

  it.each(['EdDSA', 'ES256'] as const)(
    '%s: what we sign we verify, and no other signature',
    async (algorithm) => {
      const sessions = await openSessions({ keys: { algorithm } })
      const { accessToken } = await sessions.create({ userId: 'u', claims: { role: 'admin' } })
      expect(decodeJwt(accessToken.value).header).toStrictEqual({
        alg: algorithm,
        kid: sessions.keys.list()[0]!.kid,
        typ: 'at+jwt',
      })
      expect(sessions.verify(accessToken.value).claims).toStrictEqual({ role: 'admin' })

      const [header, payload, signature] = decodeJwt(accessToken.value).parts
      const bytes = Buffer.from(signature, 'base64url')
      expect(bytes).toHaveLength(64)
      for (const index of [0, 31, 32, 63]) {
        const forged = Buffer.from(bytes)
        forged[index]! ^= 1
        expect(() => sessions.verify(`${header}.${payload}.${forged.toString('base64url')}`)).toThrow(INVALID)
      }
      for (const other of [
        '',
        signature.slice(2),
        `${signature}AA`,
        'é'.repeat(86),
        Buffer.alloc(64).toString('base64url'),
      ]) {
        expect(() => sessions.verify(`${header}.${payload}.${other}`)).toThrow(INVALID)
      }
    },
  )

  it('EdDSA publishes an OKP key (RFC 8037) and nothing private', async () => {
    const sessions = await openSessions({ keys: { algorithm: 'EdDSA' } })
    const { accessToken } = await sessions.create({ userId: 'u' })
    const [key] = sessions.keys.jwks().keys
    expect(key).toStrictEqual({
      kty: 'OKP',
      crv: 'Ed25519',
      x: expect.stringMatching(/^[\w-]{43}$/),
      kid: decodeJwt(accessToken.value).header['kid'],
      alg: 'EdDSA',
      use: 'sig',
    })
    expect(thumbprint(key!, ['crv', 'kty', 'x'])).toHaveLength(43)
    expect(createPublicKey({ key: key!, format: 'jwk' }).asymmetricKeyType).toBe('ed25519')
  })

  it('ES256 publishes a P-256 key (RFC 7518) and nothing private', async () => {
    const sessions = await openSessions({ keys: { algorithm: 'ES256' } })
    const [key] = sessions.keys.jwks().keys
    expect(key).toStrictEqual({
      kty: 'EC',
      crv: 'P-256',
      x: expect.stringMatching(/^[\w-]{43}$/),
      y: expect.stringMatching(/^[\w-]{43}$/),
      kid: sessions.keys.list()[0]!.kid,
      alg: 'ES256',
      use: 'sig',
    })
    expect(createPublicKey({ key: key!, format: 'jwk' }).asymmetricKeyDetails).toMatchObject({
      namedCurve: 'prime256v1',
    })
  })

  it.each([
    ['EdDSA', { name: 'Ed25519' }],
    ['ES256', { name: 'ECDSA', namedCurve: 'P-256' }],
  ] as const)('%s publishes keys that can be imported to verify, and not to sign', async (algorithm, key) => {
    const sessions = await openSessions({ keys: { algorithm } })
    const [jwk] = sessions.keys.jwks().keys
    const importFor = (use: 'sign' | 'verify') =>
      crypto.subtle.importKey('jwk', jwk as JsonWebKey, key, false, [use])
    expect((await importFor('verify')).usages).toStrictEqual(['verify'])
    await expect(importFor('sign')).rejects.toThrow(DOMException)
    expect(() => createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' })).toThrow()
  })

  it('publishes the next key before it signs, and removes retired ones', async () => {
    const { sessions, clock } = await openWithClock({ keys: { algorithm: 'EdDSA' } })
    const next = await sessions.keys.rotate()
    const kids = (): unknown[] => sessions.keys.jwks().keys.map((key) => key['kid'])
    expect(kids()).toStrictEqual([sessions.keys.list()[0]!.kid, next.kid])
    clock.advance((10 + 15 + 1) * 60)
    expect(kids()).toStrictEqual([next.kid])
  })

  it('refuses tokens of deleted keys, also cached ones', async () => {
    const { sessions, clock, store } = await openWithClock()
    const { accessToken } = await sessions.create({ userId: 'u' })
    expect(sessions.verify(accessToken.value).userId).toBe('u')
    await store.deleteKeys(null)
    clock.advance(301)
    const next = await sessions.create({ userId: 'u' })
    expect(() => sessions.verify(accessToken.value)).toThrow(INVALID)
    expect(sessions.verify(next.accessToken.value).userId).toBe('u')
  })

  it('refuses tokens of retired keys, also cached ones', async () => {
    const { sessions, clock, store } = await openWithClock()
    const { accessToken } = await sessions.create({ userId: 'u' })
    expect(sessions.verify(accessToken.value).userId).toBe('u')
    await store.retireKey(1, clock.now() + 400_000)
    clock.advance(301)
    await sessions.create({ userId: 'u' })
    expect(sessions.verify(accessToken.value).userId).toBe('u')
    clock.advance(98)
    expect(sessions.verify(accessToken.value).userId).toBe('u')
    clock.advance(1)
    expect(() => sessions.verify(accessToken.value)).toThrow(INVALID)
  })

  it('changes at a restart; tokens of both algorithms verify', async () => {
    const { sessions, clock, store } = await openWithClock()
    const before = await sessions.create({ userId: 'u' })
    const restarted = await openSessions({ store, now: clock.now, keys: { algorithm: 'ES256' } })
    expect(restarted.keys.jwks().keys).toHaveLength(1)
    clock.advance(10 * 60)
    const after = await restarted.create({ userId: 'u' })
    expect(decodeJwt(after.accessToken.value).header['alg']).toBe('ES256')
    expect(restarted.verify(before.accessToken.value).userId).toBe('u')
    expect(restarted.verify(after.accessToken.value).userId).toBe('u')
  })
})

describe('keys of the option `keys.provided`', () => {
  const ed = generateKeyPairSync('ed25519')
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const hs256: ProvidedKey = { kid: 'mine', algorithm: 'HS256', key: createSecretKey(Buffer.alloc(32, 'k')) }
  const eddsa: ProvidedKey = { kid: 'ed', algorithm: 'EdDSA', key: ed.privateKey }
  /** Like a KMS: asynchronous, and only the signature. */
  const remote: ProvidedKey = {
    kid: 'kms',
    algorithm: 'ES256',
    publicKey: ec.publicKey,
    sign: async (input) => sign('sha256', input, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
  }

  it('sign with the first and verify with all', async () => {
    const store = memory()
    const old = await openSessions({ store, keys: { provided: [hs256] } })
    const { accessToken } = await old.create({ userId: 'u' })
    const sessions = await openSessions({ store, keys: { provided: [eddsa, hs256] } })
    expect(sessions.verify(accessToken.value).userId).toBe('u')
    const next = await sessions.create({ userId: 'u' })
    expect(decodeJwt(next.accessToken.value).header).toMatchObject({ alg: 'EdDSA', kid: 'ed' })
    expect(() => old.verify(next.accessToken.value)).toThrow(INVALID)
  })

  it('may be held in a KMS that signs asynchronously', async () => {
    const sessions = await openSessions({ keys: { provided: [remote] } })
    const { accessToken, refreshToken } = await sessions.create({ userId: 'u' })
    expect(sessions.verify(accessToken.value).userId).toBe('u')
    const child = await sessions.refresh(refreshToken.value)
    expect(sessions.verify(child.accessToken.value).generation).toBe(1)
  })

  it('publish only their public keys', async () => {
    const sessions = await openSessions({ keys: { provided: [remote, eddsa, hs256] } })
    const { keys } = sessions.keys.jwks()
    expect(keys.map((key) => Object.keys(key).sort())).toStrictEqual([
      ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
      ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
    ])
    expect(keys[0]).toMatchObject({ kid: 'kms', ...ec.publicKey.export({ format: 'jwk' }) })
  })

  it('never use the key table, and cannot be rotated', async () => {
    const store = memory()
    const sessions = await openSessions({ store, keys: { provided: [hs256] } })
    expect(sessions.keys.list()).toStrictEqual([])
    expect(await store.keys()).toStrictEqual([])
    await expect(sessions.keys.rotate()).rejects.toBeInstanceOf(TypeError)
  })
})
