import { createHash, createPrivateKey, createSecretKey, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ProvidedKey } from '../../src/index.ts'
import { createVerifier, type Verifier, type VerifierOptions } from '../../src/verify/index.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { encodePart, otherSpellings, signHs256 } from '../support/jwt.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'

const INVALID = coded('ERR_ACCESS_TOKEN_INVALID')
const EXPIRED = coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'expired' })
const ALGORITHMS = ['EdDSA', 'ES256'] as const
type Asymmetric = (typeof ALGORITHMS)[number]

const pairs = {
  EdDSA: generateKeyPairSync('ed25519'),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
}
const other = {
  EdDSA: generateKeyPairSync('ed25519'),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
}
const provided = (algorithm: Asymmetric): ProvidedKey => ({
  kid: 'k1',
  algorithm,
  key: pairs[algorithm].privateKey,
})
const jwkOf = (algorithm: Asymmetric, more: object = {}): object => ({
  ...pairs[algorithm].publicKey.export({ format: 'jwk' }),
  kid: 'k1',
  alg: algorithm,
  use: 'sig',
  ...more,
})

/** A JWT with any content. */
function signed(algorithm: Asymmetric, header: unknown, payload: unknown, pair = pairs[algorithm]): string {
  return signedText(algorithm, `${encodePart(header)}.${encodePart(payload)}`, pair)
}

/** A JWT over any text. */
function signedText(algorithm: Asymmetric, input: string, { privateKey } = pairs[algorithm]): string {
  const digest = algorithm === 'ES256' ? 'sha256' : null
  const signature = sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

interface Forge {
  readonly verifier: Verifier
  readonly clock: FakeClock
  readonly header: Record<string, unknown>
  readonly payload: Record<string, unknown>
  readonly genuine: string
  refused(tokens: readonly unknown[], as?: unknown): Promise<void>
  accepted(token: string): Promise<void>
}

async function forge(algorithm: Asymmetric, options: Partial<VerifierOptions> = {}): Promise<Forge> {
  const clock = createFakeClock()
  const { issuer, audience, clientId } = options
  const sessions = await openSessions({
    now: clock.now,
    keys: { provided: [provided(algorithm)] },
    accessToken: {
      ...(issuer !== undefined && { issuer }),
      ...(audience !== undefined && { audience }),
      ...(clientId !== undefined && { clientId }),
    },
  })
  const verifier = createVerifier({ jwks: sessions.keys.jwks(), now: clock.now, ...options })
  const { accessToken } = await sessions.create({ userId: 'u' })
  const iat = clock.now() / 1000
  return {
    verifier,
    clock,
    genuine: accessToken.value,
    header: { alg: algorithm, kid: 'k1', typ: 'at+jwt' },
    payload: {
      sub: 'u',
      sid: Buffer.alloc(16, 7).toString('base64url'),
      iat,
      exp: iat + 900,
      auth_time: iat,
      ver: 0,
    },
    accepted: async (token) => expect((await verifier.verify(token)).userId).toBe('u'),
    async refused(tokens, as = INVALID) {
      for (const token of tokens)
        await expect(verifier.verify(token as string), String(token).slice(0, 80)).rejects.toThrow(
          as as Error,
        )
    },
  }
}

describe.each(ALGORITHMS)('a verifier of %s tokens', (algorithm) => {
  it('returns the same frozen session as the application', async () => {
    const { sessions, clock } = await openWithClock({ keys: { algorithm } })
    const verifier = createVerifier({ jwks: sessions.keys.jwks(), now: clock.now })
    const claims = { role: 'admin', tags: ['ä', '💥'] }
    const login = await sessions.create({ userId: 'user 42', claims })
    clock.advance(1)
    const refreshed = await sessions.refresh(login.refreshToken.value)
    for (const { value } of [login.accessToken, refreshed.accessToken]) {
      const verified = await verifier.verify(value)
      expect(verified).toStrictEqual(sessions.verify(value))
      expect(Object.isFrozen(verified) && Object.isFrozen(verified.claims['tags'])).toBe(true)
      expect(await verifier.verify(value)).toBe(verified)
    }
  })

  it('verifies the same without a token cache', async () => {
    const { verifier, genuine } = await forge(algorithm, { cacheBytes: 0 })
    expect(await verifier.verify(genuine)).toStrictEqual(await verifier.verify(genuine))
  })

  it('accepts a token until `exp`, cached or not', async () => {
    const { verifier, clock, header, payload, accepted, refused } = await forge(algorithm)
    const exp = (payload['exp'] as number) * 1000
    const [seen, unseen] = [1, 2].map((n) => signed(algorithm, header, { ...payload, n }))
    clock.advance((exp - clock.now()) / 1000 - 0.001)
    await accepted(seen!)
    clock.advance(0.001)
    await refused([seen, unseen], EXPIRED)
    expect(verifier).toBeDefined()
  })

  it('refuses a token from further in the future than the clock tolerance', async () => {
    const { header, payload, accepted, refused } = await forge(algorithm)
    const from = (iat: number): string => signed(algorithm, header, { ...payload, iat, exp: iat + 900 })
    const now = payload['iat'] as number
    await accepted(from(now + 5))
    await refused([from(now + 6), signed(algorithm, header, { ...payload, nbf: now + 6 })])
  })

  it('refuses malformed tokens', async () => {
    const { genuine, refused } = await forge(algorithm)
    const [header, payload, signature] = genuine.split('.')
    await refused([
      undefined,
      null,
      42,
      {},
      [genuine],
      '',
      '.',
      '..',
      '...',
      '💥.💥.💥',
      header,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}..${signature}`,
      `.${payload}.${signature}`,
      `${genuine}.`,
      `.${genuine}`,
      `${genuine}.${signature}`,
    ])
  })

  it('refuses padding, whitespace and every other encoding', async () => {
    const { genuine, refused } = await forge(algorithm)
    const [header, payload, signature] = genuine.split('.') as [string, string, string]
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    // The last character of 64 encoded bytes has four unused bits.
    const last = alphabet.indexOf(signature.at(-1)!)
    await refused([
      `${genuine}=`,
      `${genuine}==`,
      `${header}=.${payload}.${signature}`,
      `${header}.${payload}=.${signature}`,
      ` ${genuine}`,
      `${genuine}\n`,
      `Bearer ${genuine}`,
      ...[1, 2, 4, 8].map((bit) => genuine.slice(0, -1) + alphabet[last ^ bit]),
      `${header}.${payload}.${signature.replaceAll('-', '+').replaceAll('_', '/')}=`,
      `${header}.${payload}.${Buffer.from(signature, 'base64url').toString('hex')}`,
      `${header}.${payload}.${signature.slice(0, 43)}`,
      `${header}.${payload}.${signature}${signature}`,
      `${header}.${payload}.${'A'.repeat(86)}`,
    ])
  })

  it('refuses every other spelling of a payload, even with a valid signature', async () => {
    const { header, payload, accepted, refused } = await forge(algorithm)
    const encoded = [0, 1, 2]
      .map((count) => encodePart({ ...payload, pad: 'x'.repeat(count) }))
      .filter((text) => text.length % 4 !== 0)
    expect(encoded).toHaveLength(2)
    for (const text of encoded) {
      await accepted(signedText(algorithm, `${encodePart(header)}.${text}`))
      await refused(
        otherSpellings(text).map((spelling) => signedText(algorithm, `${encodePart(header)}.${spelling}`)),
      )
    }
  })

  it('refuses a token of more than 4096 characters', async () => {
    const { header, payload, accepted, refused } = await forge(algorithm)
    const token = (pad: number): string => signed(algorithm, header, { ...payload, pad: 'x'.repeat(pad) })
    let pad = 2600
    while (token(pad).length < 4094) pad++
    await accepted(token(pad))
    expect(token(pad + 3).length).toBeGreaterThan(4096)
    await refused([token(pad + 3), 'x'.repeat(64 * 1024)])
  })

  it('refuses any other header, even with a valid signature', async () => {
    const { header, payload, accepted, refused } = await forge(algorithm)
    await accepted(signed(algorithm, header, payload))
    const pem = pairs[algorithm].publicKey.export({ type: 'spki', format: 'pem' })
    const der = pairs[algorithm].publicKey.export({ type: 'spki', format: 'der' })
    const wrong = algorithm === 'EdDSA' ? 'ES256' : 'EdDSA'
    await refused([
      `${encodePart({ ...header, alg: 'none' })}.${encodePart(payload)}.`,
      `${encodePart({ alg: 'none' })}.${encodePart(payload)}.`,
      signed(algorithm, { ...header, alg: 'none' }, payload),
      signed(algorithm, { ...header, alg: wrong }, payload),
      signed(wrong, { ...header, alg: wrong }, payload),
      signed(wrong, header, payload),
      signed(algorithm, { ...header, alg: 'Ed25519' }, payload),
      signHs256(Buffer.from(pem), { ...header, alg: 'HS256' }, payload),
      signHs256(der, { ...header, alg: 'HS256' }, payload),
      signHs256(createHash('sha256').update('x').digest(), { ...header, alg: 'HS256' }, payload),
      signed(algorithm, { ...header, typ: 'JWT' }, payload),
      signed(algorithm, { ...header, typ: 'application/at+jwt' }, payload),
      signed(algorithm, { alg: algorithm, kid: 'k1' }, payload),
      signed(algorithm, { ...header, kid: 'k2' }, payload),
      signed(algorithm, { ...header, kid: 1 }, payload),
      signed(algorithm, { ...header, crit: ['exp'] }, payload),
      signed(algorithm, { ...header, crit: [] }, payload),
      signed(algorithm, { ...header, b64: false }, payload),
      signed(algorithm, { ...header, jwk: jwkOf(algorithm) }, payload),
      signed(algorithm, { ...header, jku: 'https://evil.example/jwks.json' }, payload),
      signed(algorithm, { ...header, x5u: 'https://evil.example/key.pem' }, payload),
      signed(algorithm, { ...header, x5c: ['AAAA'] }, payload),
      signed(algorithm, { typ: 'at+jwt', kid: 'k1', alg: algorithm }, payload),
      signed(algorithm, '{"alg": "EdDSA","kid":"k1","typ":"at+jwt"}', payload),
      signed(algorithm, 'not JSON', payload),
    ])
  })

  it('refuses another key and a modified payload', async () => {
    const { header, payload, genuine, accepted, refused } = await forge(algorithm)
    await accepted(genuine)
    const [head, , signature] = genuine.split('.')
    await refused([
      signed(algorithm, header, payload, other[algorithm]),
      `${head}.${encodePart({ ...payload, sub: 'admin' })}.${signature}`,
      `${head}.${encodePart({ ...payload, exp: 9_999_999_999 })}.${signature}`,
    ])
  })

  it('refuses a payload with a missing member, a wrong type or invalid UTF-8', async () => {
    const { header, payload, refused } = await forge(algorithm)
    const broken: unknown[] = ['not JSON', 'null', '[]', '1', '"text"', '{}']
    for (const name of Object.keys(payload))
      for (const value of [undefined, null, '', {}, 1.5]) broken.push({ ...payload, [name]: value })
    broken.push({ ...payload, gen: 'AAAA' }, { ...payload, n: 'one' }, { ...payload, sid: '!'.repeat(22) })
    await refused(broken.map((content) => signed(algorithm, header, content)))
    const bytes = Buffer.from(JSON.stringify({ ...payload, sub: 'ä' }), 'latin1')
    const input = `${encodePart(header)}.${bytes.toString('base64url')}`
    const digest = algorithm === 'ES256' ? 'sha256' : null
    const key = createPrivateKey(pairs[algorithm].privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const signature = sign(digest, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
    await refused([`${input}.${signature.toString('base64url')}`])
  })

  it('refuses a missing or different issuer, audience or client', async () => {
    const profile = { issuer: 'me', audience: 'api', clientId: 'web' }
    const { header, payload, genuine, accepted, refused } = await forge(algorithm, profile)
    await accepted(genuine)
    const right = { ...payload, iss: 'me', aud: 'api', client_id: 'web' }
    await accepted(signed(algorithm, header, { ...right, aud: ['other', 'api'] }))
    const wrong = [
      payload,
      { ...right, iss: 'you' },
      { ...right, aud: 'apis' },
      { ...right, aud: [] },
      { ...right, client_id: 'mobile' },
    ]
    await refused(wrong.map((content) => signed(algorithm, header, content)))
  })
})

describe('the keys a verifier is given', () => {
  const clock = createFakeClock()
  const token = (algorithm: Asymmetric): string => {
    const iat = clock.now() / 1000
    const sid = Buffer.alloc(16, 7).toString('base64url')
    const payload = { sub: 'u', sid, iat, exp: iat + 900, auth_time: iat, ver: 0 }
    return signed(algorithm, { alg: algorithm, kid: 'k1', typ: 'at+jwt' }, payload)
  }
  const withKeys = (...keys: object[]): Verifier => createVerifier({ jwks: { keys }, now: clock.now })

  it('may have both algorithms', async () => {
    const verifier = withKeys(jwkOf('EdDSA'), jwkOf('ES256'))
    for (const algorithm of ALGORITHMS) expect((await verifier.verify(token(algorithm))).userId).toBe('u')
  })

  it('may list the operations that they are for (RFC 7517 section 4.3)', async () => {
    const verifier = withKeys(jwkOf('EdDSA', { use: undefined, key_ops: ['verify'] }))
    expect((await verifier.verify(token('EdDSA'))).userId).toBe('u')
  })

  it.each([
    ['another algorithm than its curve', { alg: 'ES256' }],
    ['no algorithm', { alg: undefined }],
    ['the algorithm of a secret', { alg: 'HS256' }],
    ['the algorithm `none`', { alg: 'none' }],
    ['the name of an inherited property', { alg: 'constructor' }],
    ['no `kid`', { kid: undefined }],
    ['an invalid `kid`', { kid: 'a b' }],
    ['another use', { use: 'enc' }],
    ['other operations', { key_ops: ['sign'] }],
    ['operations that are no list', { key_ops: 'verify' }],
    ['another type', { kty: 'EC' }],
    ['another curve', { crv: 'X25519' }],
  ])('are ignored with %s', async (_, more) => {
    const verifier = withKeys(jwkOf('EdDSA', more), jwkOf('ES256', { kid: 'k2' }))
    await expect(verifier.verify(token('EdDSA'))).rejects.toThrow(INVALID as Error)
    expect(() => withKeys(jwkOf('EdDSA', more))).toThrow(
      coded('ERR_INVALID_OPTIONS', { option: 'jwks' }) as Error,
    )
  })

  it('are ignored if this runtime cannot import them', async () => {
    const verifier = withKeys(jwkOf('EdDSA', { x: 'AAAA' }), jwkOf('ES256'))
    expect((await verifier.verify(token('ES256'))).userId).toBe('u')
    await expect(verifier.verify(token('EdDSA'))).rejects.toThrow(INVALID as Error)
    const none = withKeys(jwkOf('EdDSA', { x: 'AAAA' }))
    await expect(none.verify(token('EdDSA'))).rejects.toThrow(coded('ERR_STORE_UNAVAILABLE') as Error)
  })

  it('are empty with HS256, and the error names the algorithms', async () => {
    const key = createSecretKey(Buffer.alloc(32, 1))
    const sessions = await openSessions({ keys: { provided: [{ kid: 'k1', algorithm: 'HS256', key }] } })
    expect(() => createVerifier({ jwks: sessions.keys.jwks() })).toThrow(
      coded('ERR_INVALID_OPTIONS', { option: 'jwks', message: expect.stringContaining('EdDSA') }) as Error,
    )
  })
})
