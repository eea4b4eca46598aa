import { describe, expect, it } from 'vitest'
import { keyOf, thumbprintOf, verifySignature } from '../../src/core/device/device-key.ts'
import {
  matchesTarget,
  type Proof,
  type PublicJwk,
  parseProof,
  provesRequest,
  thumbprintInput,
  unquote,
} from '../../src/portable/proof.ts'
import { decodeJwt, encodePart, otherSpellings } from '../support/jwt.ts'
import { createDevice, sha256 } from '../support/proofs.ts'

/** The examples of RFC 9449. Its header is the same everywhere. */
const RFC_HEADER =
  'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19'
const RFC_PROOFS = {
  'section 4.1': `${RFC_HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg`,
  'section 5': `${RFC_HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjY1Mjk2fQ.pAqut2IRDm_De6PR93SYmGBPXpwrAk90e8cP2hjiaG5QsGSuKDYW7_X620BxqhvYC8ynrrvZLTk41mSRroapUA`,
  'section 7.1': `${RFC_HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA`,
}
const RFC_TOKEN = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'
const RFC_JKT = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'

const device = createDevice()
const { jwk } = device
const HEADER = { typ: 'dpop+jwt', alg: 'ES256', jwk }
const PAYLOAD = { jti: 'a1', htm: 'POST', htu: 'https://app.example/session/refresh', iat: 1_562_262_616 }

/** A signed proof, of any JSON or text. */
const signed = (header: unknown, payload: unknown): string =>
  device.sign(`${encodePart(header)}.${encodePart(payload)}`)
const dpop = (header: object, payload: object = {}): Proof | null =>
  parseProof(signed({ ...HEADER, ...header }, { ...PAYLOAD, ...payload }), 'dpop+jwt')
const dbsc = (header: object, payload: unknown): Proof | null =>
  parseProof(signed({ alg: 'ES256', typ: 'dbsc+jwt', ...header }, payload), 'dbsc+jwt')

describe('the proofs of RFC 9449', () => {
  it.each(Object.entries(RFC_PROOFS))('of %s has a valid signature by its key', (_, value) => {
    const proof = parseProof(value, 'dpop+jwt')!
    const key = keyOf(proof.jwk!)!
    expect(key).toHaveLength(33)
    expect(verifySignature(key, proof.input, proof.signature)).toBe(true)
    expect(thumbprintOf(key)).toBe(RFC_JKT)
    const { payload } = decodeJwt(value)
    expect(proof).toMatchObject({ ...payload, nonce: null, ath: payload['ath'] ?? null })
  })

  it('of section 7.1 is for its access token and request, for five minutes', () => {
    const proof = parseProof(RFC_PROOFS['section 7.1'], 'dpop+jwt')!
    const request = { method: 'GET', host: 'resource.example.org', path: '/protectedresource' }
    const proves = (changed: object, token = RFC_TOKEN, seconds = 0): boolean =>
      provesRequest(proof, { ...request, ...changed }, sha256(token), (1_562_262_618 + seconds) * 1000)
    expect([proves({}), proves({}, RFC_TOKEN, 300), proves({}, RFC_TOKEN, -300)]).not.toContain(false)
    expect([
      proves({ method: 'POST' }),
      proves({ host: 'resource.example.com' }),
      proves({ path: '/' }),
      proves({}, `${RFC_TOKEN}x`),
      proves({}, RFC_TOKEN, 301),
      proves({}, RFC_TOKEN, -301),
    ]).not.toContain(true)
  })

  it('name a key whose thumbprint has the members in the order of RFC 7638', () => {
    const { crv, kty, x, y } = parseProof(RFC_PROOFS['section 4.1'], 'dpop+jwt')!.jwk!
    const input = thumbprintInput({ y, x, kty, crv })
    expect(input).toBe(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`)
    expect(sha256(input)).toBe(RFC_JKT)
  })
})

describe('a proof', () => {
  it('of DPoP has all of its fields', () => {
    const ath = sha256('token')
    expect(dpop({}, { nonce: 'n', ath, more: [{ claim: true }] })).toStrictEqual({
      typ: 'dpop+jwt',
      jwk,
      ...PAYLOAD,
      nonce: 'n',
      ath,
      input: expect.any(String),
      signature: expect.any(Uint8Array),
    })
  })

  it('of DBSC needs a `jti`, and may lack the key', () => {
    expect(dbsc({}, { jti: 'c' })).toMatchObject({ jwk: null, jti: 'c', htm: null, htu: null, iat: null })
    const claims = { jti: 'c', aud: 'https://app.example/session/device', authorization: 'x' }
    expect(dbsc({ jwk }, claims)).toMatchObject({ jwk, jti: 'c' })
    expect([dbsc({}, {}), dbsc({}, { jti: '' }), dbsc({}, { jti: 1 })]).toStrictEqual([null, null, null])
  })

  it('of one type is none of the other', () => {
    const [one, other] = [signed({ ...HEADER }, PAYLOAD), signed({ ...HEADER, typ: 'dbsc+jwt' }, PAYLOAD)]
    expect([parseProof(one, 'dbsc+jwt'), parseProof(other, 'dpop+jwt')]).toStrictEqual([null, null])
  })

  it('may name a key with members that say nothing secret', () => {
    const more = { alg: 'ES256', use: 'sig', kid: 'k', ext: true, key_ops: ['verify'] }
    expect(dpop({ jwk: { ...jwk, ...more } })?.jwk).toStrictEqual(jwk)
  })

  it.each<[string, object]>([
    ['typ', { typ: 'JWT' }],
    ['typ', { typ: 'DPOP+JWT' }],
    ['typ', { typ: ['dpop+jwt'] }],
    ['typ', { typ: undefined }],
    ['alg', { alg: 'none' }],
    ['alg', { alg: 'HS256' }],
    ['alg', { alg: 'ES384' }],
    ['alg', { alg: 'es256' }],
    ['alg', { alg: undefined }],
    ['crit', { crit: ['exp'] }],
    ['crit', { crit: [] }],
    ['crit', { crit: null }],
    ['jwk', { jwk: undefined }],
    ['jwk', { jwk: null }],
    ['jwk', { jwk: [jwk] }],
    ['jwk', { jwk: JSON.stringify(jwk) }],
    ['kty', { jwk: { ...jwk, kty: 'RSA' } }],
    ['crv', { jwk: { ...jwk, crv: 'P-384' } }],
    ['crv', { jwk: { ...jwk, crv: 'secp256k1' } }],
    ['alg of the key', { jwk: { ...jwk, alg: 'ES384' } }],
    ['use', { jwk: { ...jwk, use: 'enc' } }],
    ['x', { jwk: { ...jwk, x: jwk.x.slice(0, -1) } }],
    ['x', { jwk: { ...jwk, x: `${jwk.x}A` } }],
    ['x', { jwk: { ...jwk, x: `AA${jwk.x}` } }],
    ['x', { jwk: { ...jwk, x: `${jwk.x}=` } }],
    ['x', { jwk: { ...jwk, x: 1 } }],
    ['y', { jwk: { ...jwk, y: undefined } }],
    ...['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'r', 'x5c'].map((name): [string, object] => [
      `the member ${name}`,
      { jwk: { ...jwk, [name]: null } },
    ]),
  ])('is refused for %s of its header: %j', (_, header) => {
    expect(dpop(header)).toBeNull()
  })

  it.each<[object]>([
    ...['jti', 'htm', 'htu', 'iat'].flatMap((name) => [[{ [name]: undefined }], [{ [name]: null }]]),
    ...['jti', 'nonce', 'htm', 'htu', 'ath'].flatMap((name) => [
      [{ [name]: '' }],
      [{ [name]: 1 }],
      [{ [name]: ['x'] }],
    ]),
    [{ jti: 'x'.repeat(513) }],
    [{ nonce: 'x'.repeat(513) }],
    [{ htm: 'X'.repeat(33) }],
    [{ iat: '1' }],
    [{ iat: 1.5 }],
    [{ iat: 2 ** 53 }],
    [{ ath: 'x'.repeat(42) }],
    [{ ath: `${sha256('token')}A` }],
    [{ ath: sha256('token').replace(/.$/, '=') }],
  ] as [object][])('is refused for its claims %j', (claims) => {
    expect(dpop({}, claims)).toBeNull()
  })

  it('is refused in any other form, without an error', () => {
    const good = signed(HEADER, PAYLOAD)
    const [header, payload, signature] = good.split('.') as [string, string, string]
    for (const value of [
      undefined,
      null,
      7,
      {},
      [good],
      '',
      '.',
      '..',
      '...',
      header,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}..${signature}`,
      `.${payload}.${signature}`,
      `${good}.`,
      `${good}.x`,
      ` ${good}`,
      `${good}\n`,
      `"${good}"`,
      `${good}, ${good}`,
      `${header}.${payload}.${signature.slice(2)}`,
      `${header}.${payload}.${signature}AA`,
      ...otherSpellings(signature).map((other) => `${header}.${payload}.${other}`),
    ])
      expect(parseProof(value, 'dpop+jwt'), String(value).slice(0, 40)).toBeNull()
  })

  it.each<[string, unknown, unknown]>([
    ['an array', [HEADER], PAYLOAD],
    ['null', HEADER, null],
    ['a number', HEADER, 1],
    ['no JSON', HEADER, '{'],
    ['a byte order mark', `\ufeff${JSON.stringify(HEADER)}`, PAYLOAD],
    ['more after the object', HEADER, `${JSON.stringify(PAYLOAD)}{}`],
    ['arrays in one another', HEADER, '['.repeat(1200)],
    ['a claim named twice', HEADER, JSON.stringify(PAYLOAD).replace('{', '{"jti":"other",')],
    [
      'a claim named twice by an escape',
      HEADER,
      JSON.stringify(PAYLOAD).replace('{', '{"\\u006ati":"other",'),
    ],
    ['a member of the key named twice', JSON.stringify(HEADER).replace('"kty"', '"x":"A", "kty"'), PAYLOAD],
    ['`crit` named twice', JSON.stringify(HEADER).replace('{', '{"crit":["a"],"crit":["b"],'), PAYLOAD],
    ['a header in `__proto__`', '{"__proto__":{"typ":"dpop+jwt","alg":"ES256"}}', PAYLOAD],
  ])('is refused for %s', (_, header, payload) => {
    expect(parseProof(signed(header, payload), 'dpop+jwt')).toBeNull()
  })

  it('is refused if it is not UTF-8', () => {
    const bytes = Buffer.from(JSON.stringify({ ...PAYLOAD, more: '\u00e9' }))
    bytes[bytes.indexOf(0xc3)] = 0xff
    const input = `${encodePart(HEADER)}.${bytes.toString('base64url')}`
    expect(parseProof(device.sign(input), 'dpop+jwt')).toBeNull()
  })

  it('may have whitespace, escapes, and texts that look like members', () => {
    const claims = JSON.stringify(
      { ...PAYLOAD, more: ['"jti":', { '"jti":': 'jti:' }, '\\"', 1, null] },
      null,
      2,
    )
    expect(parseProof(signed(HEADER, claims), 'dpop+jwt')).toMatchObject(PAYLOAD)
  })

  it('has at most 4096 characters', () => {
    const value = (size: number): string => signed(HEADER, { ...PAYLOAD, more: 'x'.repeat(size) })
    const spare = Math.floor(((4096 - value(0).length) * 3) / 4)
    expect(parseProof(value(spare - 2), 'dpop+jwt')).not.toBeNull()
    expect(parseProof(value(spare + 4), 'dpop+jwt')).toBeNull()
  })
})

describe('a key', () => {
  const signature = (value: string): [string, Buffer] => {
    const end = value.lastIndexOf('.')
    return [value.slice(0, end), Buffer.from(value.slice(end + 1), 'base64url')]
  }

  it('has one compressed form, which verifies what it signed alone', () => {
    const key = keyOf(jwk as PublicJwk)!
    expect(Buffer.from(key)).toStrictEqual(device.key)
    expect(thumbprintOf(key)).toBe(device.thumbprint)
    const [input, bytes] = signature(device.sign('input'))
    expect(verifySignature(key, input, bytes)).toBe(true)
    expect(verifySignature(key, `${input}.`, bytes)).toBe(false)
    expect(verifySignature(createDevice().key, input, bytes)).toBe(false)
  })

  it('of neither sign of y is mistaken for the other', () => {
    const other = Buffer.from(device.key)
    other[0]! ^= 1
    const [input, bytes] = signature(device.sign('input'))
    expect(verifySignature(other, input, bytes)).toBe(false)
    expect(thumbprintOf(other)).not.toBe(device.thumbprint)
  })

  it('verifies no signature of another length or of zeros', () => {
    const [input, bytes] = signature(device.sign('input'))
    const wrong = [Buffer.alloc(0), bytes.subarray(1), Buffer.concat([bytes, Buffer.alloc(1)])]
    for (const other of [...wrong, Buffer.alloc(64), Buffer.alloc(64, 0xff)])
      expect(verifySignature(device.key, input, other)).toBe(false)
  })

  it.each<[string, string, string]>([
    ['off the curve', jwk.x, jwk.x],
    ['at zero', 'A'.repeat(43), 'A'.repeat(43)],
    ['beyond the field', Buffer.alloc(32, 0xff).toString('base64url'), jwk.y],
  ])('is refused for a point %s', (_, x, y) => {
    expect(keyOf({ kty: 'EC', crv: 'P-256', x, y })).toBeNull()
  })
})

describe('the target of a proof', () => {
  const matches = (htu: string | null, host: string, path: string, method = 'POST'): boolean =>
    matchesTarget({ htm: 'POST', htu }, method, host, path)

  it.each([
    ['https://app.example/a', 'app.example', '/a'],
    ['https://app.example/a', 'APP.Example', '/a'],
    ['HTTPS://APP.example/a', 'app.example', '/a'],
    ['https://app.example:443/a', 'app.example', '/a'],
    ['https://app.example/a', 'app.example:443', '/a'],
    ['http://app.example:80/a', 'app.example', '/a'],
    ['http://localhost:3000/a', 'localhost:3000', '/a'],
    ['https://[::1]:3000/a', '[::1]:3000', '/a'],
    ['https://b\u00fccher.example/a', 'xn--bcher-kva.example', '/a'],
    ['https://app.example/a?b#c', 'app.example', '/a?d'],
    ['https://app.example/x/../a', 'app.example', '/y/%2e%2e/a'],
    ['https://app.example', 'app.example', '/'],
    ['https://app.example/\u00e9', 'app.example', '/%C3%A9'],
    ['https://app.example//other.example/a', 'app.example', '//other.example/a'],
  ])('%s is that of a request to %s%s', (htu, host, path) => {
    expect(matches(htu, host, path)).toBe(true)
    expect(matches(htu, host, path, 'post')).toBe(false)
    expect(matches(htu, host, path, 'GET')).toBe(false)
  })

  it.each([
    [null, 'app.example', '/a'],
    ['https://app.example/a', 'app.example', '/A'],
    ['https://app.example/a', 'app.example', '/a/'],
    ['https://app.example/a/b', 'app.example', '/a%2Fb'],
    ['https://app.example/a', 'app.example:8443', '/a'],
    ['https://app.example/a', 'app.example:80', '/a'],
    ['https://app.example/a', 'x.app.example', '/a'],
    ['https://app.example.evil/a', 'app.example', '/a'],
    ['https://app.example@evil.example/a', 'app.example', '/a'],
    ['https://anna:x@app.example/a', 'app.example', '/a'],
    ['https://anna@app.example/a', 'app.example', '/a'],
    ['ftp://app.example/a', 'app.example', '/a'],
    ['wss://app.example/a', 'app.example', '/a'],
    ['//app.example/a', 'app.example', '/a'],
    ['https:app.example/a', 'app.example', '/a'],
    ['https:\\\\app.example\\a', 'app.example', '/a'],
    [' https://app.example/a', 'app.example', '/a'],
    ['https://app.exa\tmple/a', 'app.example', '/a'],
    ['/a', 'app.example', '/a'],
    // A host that begins the path, and a path that continues the host.
    ['https://app.example/x/a', 'app.example/x', '/a'],
    ['https://app.example/', 'app.example?', '/a'],
    ['https://app.example/', 'app.example#', '/a'],
    ['https://app.example/a', 'x@app.example', '/a'],
    ['https://app.example.evil/a', 'app.example', '.evil/a'],
    ['https://app.example/', 'app.example', '*'],
    ['https://app.example/', 'app.example', ''],
    ['https://a/', '', '/a/'],
    ['https://app.example/a', 'app.example:x', '/a'],
    ['https://app.example:x/a', 'app.example:x', '/a'],
  ])('%s is not that of a request to %s%s', (htu, host, path) => {
    expect(matches(htu, host, path)).toBe(false)
  })
})

describe('the text of a header', () => {
  it.each([
    ['a.b-c_d', 'a.b-c_d'],
    ['"a.b-c_d"', 'a.b-c_d'],
    ['', ''],
    ['""', ''],
    ['"', ''],
    ['"a', ''],
    ['a"', ''],
    ['"a\\"b"', ''],
    ['"a";b', ''],
    ['"a", "b"', ''],
    ['\u00e9', ''],
    ['x'.repeat(4099), ''],
  ])('%j is %j', (value, text) => {
    expect(unquote(value)).toBe(text)
  })
})
