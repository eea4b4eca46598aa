import { createHmac, createPublicKey, createSecretKey, type JsonWebKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { createProvidedKeyRing } from '../../src/core/keys/provided-key-ring.ts'
import { type SigningKey, signingKeyFromProvided } from '../../src/core/keys/signing-key.ts'
import { parseAccessToken } from '../../src/core/tokens/access-token.ts'
import { isSessionsError } from '../../src/index.ts'
import { createVerifier } from '../../src/verify/index.ts'
import { importKeys, usableKeys } from '../../src/verify/keys.ts'

interface Vector {
  readonly tcId: number
  readonly result: 'valid' | 'invalid'
}
interface JwsVector extends Vector {
  readonly jws: string
}
interface SignatureVector extends Vector {
  readonly input: string
  readonly signature: string
}
interface Group<V> {
  readonly key: JsonWebKey
  readonly tests: readonly V[]
}

type JwsGroup = Group<JwsVector> & { readonly comment: string }

const vectors: {
  readonly jws: readonly JwsGroup[]
  readonly ed25519: readonly Group<SignatureVector>[]
} = JSON.parse(readFileSync(`${import.meta.dirname}/vectors.json`, 'utf8'))

/** Vectors whose label contradicts RFC 7515 section 5.2, with the right answer. A test below shows the reasons. */
const MISLABELED: ReadonlyMap<number, Vector['result']> = new Map([
  // Labeled invalid for their padding. But they have none: they equal vector 357, which is valid.
  [367, 'valid'],
  [370, 'valid'],
  // Labeled valid. But there is a `?` in the header or in the payload, and the MAC does not cover it.
  [372, 'invalid'],
  [373, 'invalid'],
])
/** Valid, but their headers are other spellings of the key's header. Pawl accepts exactly one (RFC 8725 section 3.1). */
const RESPELLED_HEADERS: readonly number[] = [376, 377]

const validOf = (tests: readonly Vector[]): number[] =>
  tests.filter(({ tcId, result }) => (MISLABELED.get(tcId) ?? result) === 'valid').map(({ tcId }) => tcId)

const withAlgorithm = (...algorithms: readonly string[]): readonly JwsGroup[] =>
  vectors.jws.filter(({ key }) => algorithms.includes(String(key['alg'])))

/** The header that keys expect: the one of the vectors, or null for Pawl's own. */
const expected = vi.hoisted(() => ({ header: null as string | null }))
vi.mock(import('../../src/portable/token-header.ts'), async (original) => {
  const actual = await original()
  return { ...actual, encodeHeader: (...args) => expected.header ?? actual.encodeHeader(...args) }
})

/** Stands in for the payloads of the vectors, which are no JSON. */
const CLAIMS = { sub: 'u', sid: 'A'.repeat(22), iat: 0, exp: 900, auth_time: 0, ver: 0 }

type Verify = (jws: string, key: JsonWebKey) => unknown

const verifyInCore: Verify = (jws, key) =>
  parseAccessToken(jws, createProvidedKeyRing([signingKeyOf(key)]), {
    issuer: null,
    audience: null,
    clientId: null,
  })

const verifyElsewhere: Verify = (jws, key) =>
  createVerifier({ jwks: { keys: [key] }, now: () => 0 }).verify(jws)

function signingKeyOf(jwk: JsonWebKey): SigningKey {
  const kid = 'k1'
  if (jwk.kty === 'oct') {
    const key = createSecretKey(Buffer.from(String(jwk.k), 'base64url'))
    return signingKeyFromProvided({ kid, algorithm: 'HS256', key }, 'key')
  }
  const algorithm = jwk.kty === 'EC' ? 'ES256' : 'EdDSA'
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
  return signingKeyFromProvided({ kid, algorithm, publicKey, sign: async (input) => input }, 'key')
}

/** The vectors of a group that a verification accepts. */
async function acceptedOf({ key, tests }: JwsGroup, verify: Verify): Promise<number[]> {
  const { parse } = JSON
  const accepted: number[] = []
  for (const { tcId, jws } of tests) {
    // Not for the text that stands for a payload that cannot be decoded.
    const spy = vi
      .spyOn(JSON, 'parse')
      .mockImplementation((text) => (text === '' ? parse(text) : { ...CLAIMS }))
    try {
      await verify(jws, key)
      accepted.push(tcId)
    } catch (error) {
      if (!isSessionsError(error) || error.code !== 'ERR_ACCESS_TOKEN_INVALID') throw error
    } finally {
      spy.mockRestore()
    }
  }
  return accepted
}

async function acceptedWithTheirHeader(group: JwsGroup, verify: Verify): Promise<number[]> {
  expected.header = group.tests[0]!.jws.split('.')[0]!
  try {
    return await acceptedOf(group, verify)
  } finally {
    expected.header = null
  }
}

describe('the JWS vectors of Wycheproof', () => {
  it.each(withAlgorithm('HS256', 'ES256'))(
    'of the group $comment: pawl accepts the valid ones only',
    async (group) => {
      const valid = validOf(group.tests).filter((tcId) => !RESPELLED_HEADERS.includes(tcId))
      expect(valid).not.toHaveLength(0)
      expect(await acceptedWithTheirHeader(group, verifyInCore)).toStrictEqual(valid)
    },
  )

  it.each(withAlgorithm('ES256'))(
    'of the group $comment: pawl/verify accepts the valid ones only',
    async (group) => {
      expect(await acceptedWithTheirHeader(group, verifyElsewhere)).toStrictEqual(validOf(group.tests))
    },
  )

  it.each(withAlgorithm('HS256', 'ES256'))(
    'of the group $comment: none is an access token, because its header is not the one of Pawl',
    async (group) => {
      expect(await acceptedOf(group, verifyInCore)).toStrictEqual([])
      if (group.key['alg'] === 'ES256') expect(await acceptedOf(group, verifyElsewhere)).toStrictEqual([])
    },
  )

  it.each(withAlgorithm('undefined'))('of the group $comment: pawl/verify ignores the key', ({ key }) => {
    expect(usableKeys({ keys: [key] })).toStrictEqual([])
  })

  it('are mislabeled in four cases, which Pawl decides as RFC 7515 does', () => {
    const { key, tests } = vectors.jws.find(({ comment }) => comment === 'base64')!
    const textOf = (tcId: number): string => tests.find((test) => test.tcId === tcId)!.jws
    expect([textOf(367), textOf(370)]).toStrictEqual([textOf(357), textOf(357)])
    for (const tcId of [372, 373]) {
      const [header, payload, signature] = textOf(tcId).split('.')
      expect(`${header}.${payload}`).toContain('?')
      const mac = createHmac('sha256', Buffer.from(String(key.k), 'base64url'))
      expect(mac.update(`${header}.${payload}`).digest('base64url')).not.toBe(signature)
    }
  })
})

describe('the Ed25519 vectors of Wycheproof', () => {
  it('pawl accepts the valid signatures only', () => {
    for (const { key, tests } of vectors.ed25519) {
      const { verify } = signingKeyOf(key)
      const accepted = tests.filter(({ input, signature }) => verify(input, signature))
      expect(accepted).toStrictEqual(tests.filter(({ result }) => result === 'valid'))
    }
  })

  it('pawl/verify accepts the valid signatures only', async () => {
    for (const { key, tests } of vectors.ed25519) {
      const jwk = { ...key, kid: 'k1', alg: 'EdDSA' }
      const [publicKey] = (await importKeys(usableKeys({ keys: [jwk] }))).values()
      const accepted = await Promise.all(
        tests.map(({ input, signature }) => publicKey!.verify(input, signature)),
      )
      expect(tests.filter((_, index) => accepted[index])).toStrictEqual(
        tests.filter(({ result }) => result === 'valid'),
      )
    }
  })
})
