import { createHash, createSecretKey, generateKeyPairSync } from 'node:crypto'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import {
  decodeGen,
  decodeJwt,
  encodePart,
  otherSpellings,
  signEncodedHs256,
  signHs256,
} from '../support/jwt.ts'
import { createBound, createDevice, sha256 } from '../support/proofs.ts'
import { openSessions } from '../support/sessions.ts'
import { counting } from '../support/stores.ts'

const INVALID = coded('ERR_ACCESS_TOKEN_INVALID')
const EXPIRED = coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'expired' })

const keyBytes = createHash('sha256').update('a key the test knows').digest()
const signingKeys = [{ kid: 'k1', algorithm: 'HS256' as const, key: createSecretKey(keyBytes) }]
const HEADER = { alg: 'HS256', kid: 'k1', typ: 'at+jwt' }

/** Sessions that sign with a key the test knows, so that it can forge any token. */
async function withKnownKey(
  options: Partial<SessionsOptions> = {},
): Promise<{ sessions: Sessions; clock: FakeClock; calls: string[] }> {
  const clock = createFakeClock()
  const { store, calls } = counting(memory())
  const sessions = await openSessions({ store, now: clock.now, keys: { provided: signingKeys }, ...options })
  return { sessions, clock, calls }
}

const shaOf = (refreshToken: string): string =>
  createHash('sha256')
    .update(Buffer.from(refreshToken.slice('pawl_r1_'.length), 'base64url'))
    .digest('hex')
    .slice(0, 32)

afterEach(() => vi.restoreAllMocks())

describe('an access token', () => {
  it('of a login says exactly this, and nothing of a twin', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { sessions, clock } = await withKnownKey()
    const { accessToken, session } = await sessions.create({ userId: 'user 42', claims: { role: 'admin' } })
    const { header, payload } = decodeJwt(accessToken.value)
    const now = clock.now() / 1000
    expect(header).toStrictEqual(HEADER)
    expect(payload).toStrictEqual({
      sub: 'user 42',
      sid: Buffer.from(session.sessionId.replaceAll('-', ''), 'hex').toString('base64url'),
      iat: now,
      exp: now + 900,
      auth_time: now,
      ver: 0,
      role: 'admin',
    })
    expect(accessToken.expiresAt).toStrictEqual(new Date((now + 900) * 1000))
  })

  it('of a bound session names the key, and carries no twin', async () => {
    const clock = createFakeClock()
    const store = memory()
    const sessions = await openSessions({ store, now: clock.now })
    const device = createDevice()
    const { accessToken } = await createBound(sessions, store, device)
    const { payload } = decodeJwt(accessToken)
    expect(payload['cnf']).toStrictEqual({ jkt: device.thumbprint })
    expect(payload).not.toHaveProperty('gen')
    const verified = sessions.verify(accessToken)
    expect([verified.device, verified.claims]).toStrictEqual([device.thumbprint, {}])
  })

  it('lives up to 5 % shorter, so that a fleet does not expire together', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { sessions, clock } = await withKnownKey()
    const { accessToken } = await sessions.create({ userId: 'u' })
    expect(decodeJwt(accessToken.value).payload['exp']).toBe(clock.now() / 1000 + 855)
  })

  it('issued with a child carries the 42 bytes of its twin', async () => {
    const { sessions, clock } = await withKnownKey()
    const login = await sessions.create({ userId: 'u' })
    clock.advance(1)
    const { accessToken, refreshToken } = await sessions.refresh(login.refreshToken.value)
    const { payload } = decodeJwt(accessToken.value)
    expect(Buffer.from(payload['gen'] as string, 'base64url')).toHaveLength(42)
    expect(decodeGen(payload['gen'])).toStrictEqual({
      n: 1,
      f: shaOf(refreshToken!.value),
      p: shaOf(login.refreshToken.value),
      t: clock.now(),
    })
    expect(payload).not.toHaveProperty('n')
  })

  it('issued in the calm for the current token has its generation and no twin', async () => {
    const { sessions, clock } = await withKnownKey()
    const login = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(login.refreshToken.value)
    clock.advance(1)
    const steady = await sessions.refresh(child.refreshToken!.value)
    expect(steady.refreshToken).toBeNull()
    const { payload } = decodeJwt(steady.accessToken.value)
    expect(payload).toMatchObject({ n: 1 })
    expect(payload).not.toHaveProperty('gen')
  })

  it('issued in the calm for a sibling is the twin of that sibling', async () => {
    const { sessions, clock } = await withKnownKey()
    const login = await sessions.create({ userId: 'u' })
    const one = await sessions.refresh(login.refreshToken.value)
    const other = await sessions.refresh(login.refreshToken.value)
    await sessions.refresh(one.refreshToken!.value)
    clock.advance(1)
    const steady = await sessions.refresh(other.refreshToken!.value)
    expect(steady.refreshToken).toBeNull()
    const { payload } = decodeJwt(steady.accessToken.value)
    expect(decodeGen(payload['gen'])).toMatchObject({ n: 1, f: shaOf(other.refreshToken!.value) })
  })

  it('names issuer, audience and client, and then has an id of its own (RFC 9068)', async () => {
    const profile = { issuer: 'https://issuer.example', audience: 'https://api.example', clientId: 'web' }
    const { sessions } = await withKnownKey({ accessToken: profile })
    const ids = await Promise.all(
      [1, 2].map(async () => {
        const { accessToken } = await sessions.create({ userId: 'u' })
        const { payload } = decodeJwt(accessToken.value)
        expect(payload).toMatchObject({ iss: profile.issuer, aud: profile.audience, client_id: 'web' })
        expect(sessions.verify(accessToken.value).claims).toStrictEqual({})
        return payload['jti']
      }),
    )
    expect(ids).toStrictEqual([expect.stringMatching(/^[0-9a-z]+$/), expect.stringMatching(/^[0-9a-z]+$/)])
    expect(ids[0]).not.toBe(ids[1])
  })

  it('never outlives the session', async () => {
    const { sessions, clock } = await withKnownKey({ absoluteTimeout: 600 })
    const { accessToken } = await sessions.create({ userId: 'u' })
    expect(accessToken.expiresAt.getTime()).toBe(clock.now() + 600_000)
    const short = await sessions.create({ userId: 'u', absoluteTimeout: 60 })
    expect(short.accessToken.expiresAt.getTime()).toBe(clock.now() + 60_000)
  })

  it('lives a quarter of the idle timeout at most: whoever is active is seen to be in time', async () => {
    const { sessions, clock } = await withKnownKey()
    const { accessToken } = await sessions.create({ userId: 'u', idleTimeout: 900 })
    expect(accessToken.expiresAt.getTime()).toBe(clock.now() + 225_000)
  })
})

describe('verify', () => {
  it('says what the token says, frozen, without any call to the store', async () => {
    const { sessions, clock, calls } = await withKnownKey()
    const claims = { role: 'admin', tags: ['a'] }
    const { accessToken, session } = await sessions.create({ userId: 'u', claims })
    calls.length = 0
    const verified = sessions.verify(accessToken.value)
    expect(verified).toStrictEqual({
      sessionId: session.sessionId,
      userId: 'u',
      claims,
      issuedAt: new Date(clock.now()),
      expiresAt: accessToken.expiresAt,
      authTime: new Date(clock.now()),
      generation: 0,
      actor: null,
      device: null,
      parentId: null,
      stale: false,
    })
    expect(Object.isFrozen(verified) && Object.isFrozen(verified.claims['tags'])).toBe(true)
    expect(sessions.verify(accessToken.value)).toBe(verified)
    await sessions.flush()
    expect(calls).toStrictEqual([])
  })

  it('verifies the same without a token cache', async () => {
    const { sessions } = await withKnownKey({ accessToken: { cacheBytes: 0 } })
    const { accessToken } = await sessions.create({ userId: 'u' })
    expect(sessions.verify(accessToken.value)).toStrictEqual(sessions.verify(accessToken.value))
  })

  it('accepts until the second before `exp`; at `exp` the token has expired, seen before or not', async () => {
    const { sessions, clock } = await withKnownKey()
    const [seen, unseen] = await Promise.all([1, 2].map(() => sessions.create({ userId: 'u' })))
    const exp = Math.min(+seen!.accessToken.expiresAt, +unseen!.accessToken.expiresAt)
    clock.advance((exp - clock.now()) / 1000 - 0.001)
    expect(sessions.verify(seen!.accessToken.value).userId).toBe('u')
    clock.advance((+seen!.accessToken.expiresAt - clock.now()) / 1000)
    expect(() => sessions.verify(seen!.accessToken.value)).toThrow(EXPIRED)
    clock.advance(Math.max(0, (+unseen!.accessToken.expiresAt - clock.now()) / 1000))
    expect(() => sessions.verify(unseen!.accessToken.value)).toThrow(EXPIRED)
  })
})

describe('the two kinds of tokens', () => {
  it('do not replace each other, and the attempt makes no call to the store', async () => {
    const { sessions, calls } = await withKnownKey()
    const { accessToken, refreshToken } = await sessions.create({ userId: 'u' })
    calls.length = 0
    expect(() => sessions.verify(refreshToken.value)).toThrow(INVALID as Error)
    await expect(sessions.refresh(accessToken.value)).rejects.toThrow(
      coded('ERR_REFRESH_TOKEN_INVALID') as Error,
    )
    expect(calls).toStrictEqual([])
  })
})

describe('a claim called `__proto__`, well signed by whoever shares the key,', () => {
  it('is no claim, and lends none', async () => {
    const { sessions, clock } = await withKnownKey()
    const iat = clock.now() / 1000
    const sid = Buffer.alloc(16, 7).toString('base64url')
    const payload = { sub: 'u', sid, iat, exp: iat + 900, auth_time: iat, ver: 0, role: 'user' }
    const hostile = JSON.parse(`{"__proto__":{"admin":true},${JSON.stringify(payload).slice(1)}`)
    const { claims } = sessions.verify(signHs256(keyBytes, HEADER, hostile))
    expect(claims).toStrictEqual({ role: 'user' })
    expect('admin' in claims).toBe(false)
  })
})

describe('verify refuses, without any call to the store,', () => {
  const sid = Buffer.alloc(16, 7).toString('base64url')

  async function forge(options: Partial<SessionsOptions> = {}): Promise<{
    refused(tokens: readonly unknown[], as?: unknown): Promise<void>
    accepted(token: string): void
    payload: Record<string, unknown>
    genuine: string
  }> {
    const { sessions, clock, calls } = await withKnownKey(options)
    const { accessToken } = await sessions.create({ userId: 'u' })
    calls.length = 0
    const iat = clock.now() / 1000
    return {
      genuine: accessToken.value,
      payload: { sub: 'u', sid, iat, exp: iat + 900, auth_time: iat, ver: 0 },
      accepted: (token) => expect(sessions.verify(token).userId).toBe('u'),
      async refused(tokens, as = INVALID) {
        for (const token of tokens) {
          expect(() => sessions.verify(token as string), String(token).slice(0, 80)).toThrow(as as Error)
        }
        await sessions.flush()
        expect(calls).toStrictEqual([])
      },
    }
  }

  it('what is no token at all', async () => {
    const { refused, genuine } = await forge()
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
      'x',
      '💥.💥.💥',
      header,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}..${signature}`,
      `.${payload}.${signature}`,
      `${genuine}.`,
      `.${genuine}`,
      `${genuine}.${signature}`,
      `${header}.${payload}.${signature}.x.y`,
    ])
  })

  it('a confirmation that is no thumbprint: the token would count as not bound', async () => {
    const { refused, accepted, payload } = await forge()
    const jkt = sha256('a key')
    accepted(signHs256(keyBytes, HEADER, { ...payload, cnf: { jkt } }))
    const wrong = [null, 1, 'x', [], {}, { 'x5t#S256': jkt }, { jkt: null }, { jkt: `${jkt}A` }, jkt]
    await refused(wrong.map((cnf) => signHs256(keyBytes, HEADER, { ...payload, cnf })))
  })

  it('padding, whitespace and every other spelling', async () => {
    const { refused, genuine } = await forge()
    const [header, payload, signature] = genuine.split('.')
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    await refused([
      `${genuine}=`,
      `${header}=.${payload}.${signature}`,
      `${header}.${payload}=.${signature}`,
      ` ${genuine}`,
      `${genuine} `,
      `${genuine}\n`,
      `${header}.${payload} .${signature}`,
      `Bearer ${genuine}`,
      genuine.slice(0, -1) + alphabet[alphabet.indexOf(genuine.at(-1)!) + 1],
      `${header}.${payload}.${'é'.repeat(43)}`,
      `${header}.${payload}.${'\u0142'.repeat(43)}`,
      `${header}.${payload}.${signature!.slice(0, -1)}é`,
    ])
  })

  it('every other spelling of a payload, however well it is signed', async () => {
    const { refused, accepted, payload } = await forge()
    const header = encodePart(HEADER)
    // Padded to a length that leaves unused bits in the last character.
    const encoded = [0, 1, 2]
      .map((count) => encodePart({ ...payload, pad: 'x'.repeat(count) }))
      .filter((text) => text.length % 4 !== 0)
    expect(encoded).toHaveLength(2)
    for (const text of encoded) {
      accepted(signEncodedHs256(keyBytes, `${header}.${text}`))
      await refused(
        otherSpellings(text).map((spelling) => signEncodedHs256(keyBytes, `${header}.${spelling}`)),
      )
    }
  })

  it('more than 4096 characters, before any work', async () => {
    const { refused, accepted, payload } = await forge()
    const token = (pad: number): string => signHs256(keyBytes, HEADER, { ...payload, pad: 'x'.repeat(pad) })
    let pad = 2700
    while (token(pad).length < 4094) pad++
    accepted(token(pad))
    expect(token(pad + 3).length).toBeGreaterThan(4096)
    await refused([token(pad + 3), 'x'.repeat(64 * 1024), `${'a'.repeat(30_000)}.${'b'.repeat(30_000)}.c`])
  })

  it('a header that says anything else, however well it is signed', async () => {
    const { refused, accepted, payload } = await forge()
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }))
    accepted(signHs256(keyBytes, HEADER, payload))
    const unsigned = `${encodePart({ ...HEADER, alg: 'none' })}.${encodePart(payload)}.`
    await refused([
      unsigned,
      `${encodePart({ alg: 'none' })}.${encodePart(payload)}.`,
      signHs256(keyBytes, { ...HEADER, alg: 'none' }, payload),
      signHs256(keyBytes, { ...HEADER, alg: 'hs256' }, payload),
      signHs256(keyBytes, { ...HEADER, alg: 'RS256' }, payload),
      signHs256(keyBytes, { ...HEADER, alg: 'ES256' }, payload),
      signHs256(pem, { ...HEADER, alg: 'HS256' }, payload),
      signHs256(keyBytes, { ...HEADER, typ: 'JWT' }, payload),
      signHs256(keyBytes, { ...HEADER, typ: 'application/at+jwt' }, payload),
      signHs256(keyBytes, { alg: 'HS256', kid: 'k1' }, payload),
      signHs256(keyBytes, { ...HEADER, kid: 'k2' }, payload),
      signHs256(keyBytes, { ...HEADER, crit: ['exp'] }, payload),
      signHs256(keyBytes, { ...HEADER, jwk: { kty: 'oct', k: 'AAAA' } }, payload),
      signHs256(keyBytes, { ...HEADER, jku: 'https://evil.example/jwks.json' }, payload),
      signHs256(keyBytes, { ...HEADER, x5u: 'https://evil.example/key.pem' }, payload),
      signHs256(keyBytes, { ...HEADER, x5c: ['AAAA'] }, payload),
      signHs256(keyBytes, { typ: 'at+jwt', kid: 'k1', alg: 'HS256' }, payload),
      signHs256(keyBytes, '{"alg": "HS256","kid":"k1","typ":"at+jwt"}', payload),
      signHs256(keyBytes, 'not JSON', payload),
    ])
  })

  it('another key, and a payload that was touched', async () => {
    const { refused, genuine, payload } = await forge()
    const [header, , signature] = genuine.split('.')
    const foreign = createHash('sha256').update('a key of somebody else').digest()
    await refused([
      signHs256(foreign, HEADER, payload),
      signHs256(Buffer.alloc(32), HEADER, payload),
      `${header}.${encodePart({ ...payload, sub: 'admin' })}.${signature}`,
      `${header}.${encodePart({ ...payload, exp: 9_999_999_999 })}.${signature}`,
    ])
  })

  it('a token seen before whose payload was swapped under the same signature', async () => {
    const { refused, accepted, genuine, payload } = await forge()
    accepted(genuine)
    const [header, , signature] = genuine.split('.')
    await refused([`${header}.${encodePart({ ...payload, sub: 'admin' })}.${signature}`])
  })

  it('a payload that lacks something or has it in another type', async () => {
    const { refused, payload } = await forge()
    const broken: unknown[] = ['not JSON', 'null', '[]', '1', '"text"', '{}']
    for (const name of Object.keys(payload)) {
      for (const value of [undefined, null, '', {}, 1.5]) broken.push({ ...payload, [name]: value })
    }
    broken.push(
      { ...payload, sid: 'short' },
      { ...payload, sid: `${sid.slice(0, -1)}=` },
      { ...payload, sid: '!'.repeat(22) },
      { ...payload, exp: 1e300 },
      { ...payload, gen: 'AAAA' },
      { ...payload, gen: Buffer.alloc(43).toString('base64url') },
      { ...payload, gen: 42 },
      { ...payload, gen: null },
      { ...payload, n: 'one' },
      { ...payload, nbf: 'now' },
    )
    await refused(broken.map((content) => signHs256(keyBytes, HEADER, content)))
  })

  it('another issuer, audience or client than configured, or none', async () => {
    const profile = { issuer: 'me', audience: 'api', clientId: 'web' }
    const { refused, accepted, payload } = await forge({ accessToken: profile })
    const right = { ...payload, iss: 'me', aud: 'api', client_id: 'web' }
    accepted(signHs256(keyBytes, HEADER, right))
    accepted(signHs256(keyBytes, HEADER, { ...right, aud: ['other', 'api'] }))
    const wrong = [
      payload,
      { ...right, iss: 'you' },
      { ...right, iss: ['me'] },
      { ...right, aud: 'apis' },
      { ...right, aud: ['other'] },
      { ...right, aud: [] },
      { ...right, aud: { api: true } },
      { ...right, client_id: 'mobile' },
    ]
    await refused(wrong.map((content) => signHs256(keyBytes, HEADER, content)))
  })

  it('a token from the future, beyond the clock tolerance of 5 s', async () => {
    const { refused, accepted, payload } = await forge()
    const iat = payload['iat'] as number
    accepted(signHs256(keyBytes, HEADER, { ...payload, iat: iat + 5 }))
    accepted(signHs256(keyBytes, HEADER, { ...payload, nbf: iat + 5 }))
    await refused([
      signHs256(keyBytes, HEADER, { ...payload, iat: iat + 6 }),
      signHs256(keyBytes, HEADER, { ...payload, nbf: iat + 6 }),
      signHs256(keyBytes, HEADER, { ...payload, nbf: iat + 5.001 }),
    ])
  })

  it('a token past its time, whatever its own `exp` says', async () => {
    const { refused, accepted, payload } = await forge()
    const iat = payload['iat'] as number
    accepted(signHs256(keyBytes, HEADER, { ...payload, exp: iat + 1 }))
    accepted(signHs256(keyBytes, HEADER, { ...payload, iat: iat - 904, exp: iat + 9000 }))
    await refused(
      [
        signHs256(keyBytes, HEADER, { ...payload, exp: iat }),
        signHs256(keyBytes, HEADER, { ...payload, exp: iat - 1 }),
        signHs256(keyBytes, HEADER, { ...payload, iat: iat - 905, exp: iat + 9000 }),
      ],
      EXPIRED,
    )
  })
})
