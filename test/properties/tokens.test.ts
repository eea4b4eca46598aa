import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProvidedKeyRing } from '../../src/core/keys/provided-key-ring.ts'
import { deriveSecrets } from '../../src/core/keys/secrets.ts'
import { signingKeyFromProvided } from '../../src/core/keys/signing-key.ts'
import {
  type AccessTokenFields,
  mintAccessToken,
  parseAccessToken,
} from '../../src/core/tokens/access-token.ts'
import { assertGenuine, mintRefreshToken, parseRefreshToken } from '../../src/core/tokens/refresh-token.ts'
import { createSessions, isSessionsError, type ProvidedKey, type Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { decodeBase64url } from '../../src/portable/base64url.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/logger.ts'
import { FOREIGN_SECRET, SECRET } from '../support/secrets.ts'
import { counting } from '../support/stores.ts'

const CASES = { numRuns: 700 }
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const PREFIX = 'pawl_r1_'
const REFUSED = ['ERR_REFRESH_TOKEN_INVALID', 'ERR_SECRET_UNKNOWN']

const keyOf = (algorithm: 'HS256' | 'ES256' | 'EdDSA', secret: string): KeyObject =>
  algorithm === 'HS256'
    ? createSecretKey(Buffer.from(secret))
    : algorithm === 'EdDSA'
      ? generateKeyPairSync('ed25519').privateKey
      : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const ALGORITHMS = ['HS256', 'ES256', 'EdDSA'] as const
const keys: readonly ProvidedKey[] = ALGORITHMS.map((algorithm) => ({
  kid: algorithm,
  algorithm,
  key: keyOf(algorithm, SECRET),
}))

interface Holder {
  readonly sessions: Sessions
  /** Calls on the store since everything was set up. */
  readonly calls: string[]
  readonly refreshToken: string
  /** One that carries evidence of its twin. */
  readonly accessToken: string
}

const opened: Sessions[] = []
afterAll(() => Promise.all(opened.map((sessions) => sessions.close())))

async function holder(
  options: { keys?: { provided: readonly ProvidedKey[] }; secret?: string } = {},
): Promise<Holder> {
  const { store, calls } = counting(memory())
  const { now } = createFakeClock()
  // The background loop is a call on the store too: it must not come while calls are counted.
  const sessions = await createSessions({
    store,
    secret: SECRET,
    now,
    revocation: { pollInterval: 60 },
    logger: silentLogger,
    ...options,
  })
  opened.push(sessions)
  const login = await sessions.create({ userId: 'u', claims: { role: 'admin' } })
  const child = await sessions.refresh(login.refreshToken.value)
  calls.length = 0
  return { sessions, calls, refreshToken: child.refreshToken!.value, accessToken: child.accessToken.value }
}

const codeOf = (error: unknown): string => (isSessionsError(error) ? error.code : String(error))

async function refusedRefresh({ sessions, calls }: Holder, token: string): Promise<void> {
  const code = await sessions.refresh(token).then(() => 'accepted', codeOf)
  if (!REFUSED.includes(code)) expect.fail(`${code}: ${JSON.stringify(token)}`)
  if (calls.length > 0) expect.fail(`asked the store: ${JSON.stringify(token)}`)
}

function refusedAccess({ sessions, calls }: Holder, token: string): void {
  let code = 'accepted'
  try {
    sessions.verify(token)
  } catch (error) {
    code = codeOf(error)
  }
  if (code !== 'ERR_ACCESS_TOKEN_INVALID') expect.fail(`${code}: ${JSON.stringify(token)}`)
  if (calls.length > 0) expect.fail(`asked the store: ${JSON.stringify(token)}`)
}

const bytes = fc.uint8Array({ maxLength: 200 })
const spelled = (content: Uint8Array): string => Buffer.from(content).toString('base64url')
/** What is hardly ever typed, and what is nearly a token. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: 100, maxLength: 140 }),
  bytes.map(spelled),
)

/** Every text that differs from `token` in one character, which goes through `others`. */
function* replacements(token: string, others: (char: string) => Iterable<string>): Generator<string> {
  for (let at = 0; at < token.length; at++) {
    for (const char of others(token[at]!)) {
      if (char !== token[at]) yield token.slice(0, at) + char + token.slice(at + 1)
    }
  }
}

/** Every flip of one bit of what the character stands for, and so of every decoded bit. */
const flips = (char: string): string[] => {
  const value = ALPHABET.indexOf(char)
  return value === -1 ? [] : [1, 2, 4, 8, 16, 32].map((bit) => ALPHABET[value ^ bit]!)
}
const otherChars = [...ALPHABET, '.', '=', '+', '/', ' ', '\n', '\0', 'é', '🙂']

/** The same token, cut, lengthened, in another case, or spelled in another way. */
const deformed = (token: string): fc.Arbitrary<string> =>
  fc
    .oneof(
      fc.nat(token.length - 1).map((length) => token.slice(0, length)),
      fc.nat(token.length - 1).map((from) => token.slice(from + 1)),
      fc.tuple(fc.nat(token.length), text).map(([at, more]) => token.slice(0, at) + more + token.slice(at)),
      fc
        .tuple(fc.nat(token.length), fc.nat(token.length))
        .map(([a, b]) => token.slice(0, a) + token.slice(b)),
      fc.mixedCase(fc.constant(token)),
      fc.constantFrom(
        token.replace(/-/g, '+'),
        token.replace(/_/g, '/'),
        `${token}=`,
        `${token}==`,
        `"${token}"`,
      ),
      fc.constantFrom(
        token.toUpperCase(),
        token.toLowerCase(),
        encodeURIComponent(` ${token}`),
        token + token,
      ),
    )
    .filter((other) => other !== token)

describe('a refresh token', () => {
  let of: Holder
  beforeAll(async () => {
    of = await holder()
  })

  it('is never any text at all, and such a text never reaches the store', async () => {
    const named = Buffer.from(of.refreshToken.slice(PREFIX.length), 'base64url').subarray(0, 2)
    const nearly = fc.oneof(
      text,
      text.map((tail) => PREFIX + tail),
      fc.uint8Array({ minLength: 92, maxLength: 92 }).map((body) => PREFIX + spelled(body)),
      // The right secret, and no idea of its key.
      fc
        .uint8Array({ minLength: 90, maxLength: 90 })
        .map((rest) => PREFIX + spelled(Buffer.concat([named, rest]))),
    )
    await fc.assert(
      fc.asyncProperty(nearly, (token) => refusedRefresh(of, token)),
      CASES,
    )
  })

  it('with one bit flipped is refused without a query, whichever it is', async () => {
    const body = Buffer.from(of.refreshToken.slice(PREFIX.length), 'base64url')
    for (let bit = 0; bit < body.length * 8; bit++) {
      const flipped = Buffer.from(body)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      await refusedRefresh(of, PREFIX + spelled(flipped))
    }
  })

  it('with one character replaced is refused without a query, whichever it is and by whatever', async () => {
    for (const token of replacements(of.refreshToken, () => otherChars)) await refusedRefresh(of, token)
  })

  it('cut, lengthened, in another case or spelled in another way is refused without a query', async () => {
    await fc.assert(
      fc.asyncProperty(deformed(of.refreshToken), (token) => refusedRefresh(of, token)),
      CASES,
    )
  })

  it('of any other secret is refused without a query, and never for being known to be bad', async () => {
    const secrets = fc
      .uint8Array({ minLength: 32, maxLength: 64 })
      .filter((secret) => new Set(secret).size >= 20)
    await fc.assert(
      fc.asyncProperty(secrets, fields, async (secret, given) => {
        await refusedRefresh(of, mintRefreshToken(deriveSecrets(secret, 'memory'), given).value)
      }),
      { numRuns: 150 },
    )
  })

  it('is still good after all of that', async () => {
    expect((await of.sessions.refresh(of.refreshToken)).session.generation).toBe(1)
  })
})

describe.each(ALGORITHMS)('an access token signed with %s', (algorithm) => {
  let of: Holder
  beforeAll(async () => {
    of = await holder({
      keys: { provided: keys.toSorted((a) => (a.algorithm === algorithm ? -1 : 1)) },
    })
  })

  it('is never any text at all, and such a text never reaches the store', () => {
    const [header, payload, signature] = of.accessToken.split('.')
    const nearly = fc.oneof(
      text,
      fc.tuple(text, text, text).map((parts) => parts.join('.')),
      text.map((other) => `${header}.${other}.${signature}`),
      text.map((other) => `${header}.${payload}.${other}`),
      fc
        .uint8Array({ minLength: 64, maxLength: 64 })
        .map((other) => `${header}.${payload}.${spelled(other)}`),
    )
    fc.assert(
      fc.property(nearly, (token) => refusedAccess(of, token)),
      CASES,
    )
  })

  it('with one bit flipped is refused without a query, whichever it is', () => {
    for (const token of replacements(of.accessToken, flips)) refusedAccess(of, token)
  })

  it('with one character replaced by one that is the same in its lowest byte is refused', () => {
    const sameByte = (char: string): string[] => [
      String.fromCharCode(char.charCodeAt(0) + 0x100),
      String.fromCharCode(char.charCodeAt(0) + 0x2000),
    ]
    for (const token of replacements(of.accessToken, sameByte)) refusedAccess(of, token)
  })

  it('with one character replaced is refused without a query, whichever it is', () => {
    // A public-key signature takes long to check: there a few stand for all that are no flipped bit.
    const others = algorithm === 'HS256' ? otherChars : ['.', '=', '\0', 'A']
    for (const token of replacements(of.accessToken, () => others)) refusedAccess(of, token)
  })

  it('cut, lengthened, in another case or spelled in another way is refused without a query', () => {
    fc.assert(
      fc.property(deformed(of.accessToken), (token) => refusedAccess(of, token)),
      CASES,
    )
  })

  it('of another installation is refused without a query', async () => {
    const stranger = { kid: algorithm, algorithm, key: keyOf(algorithm, FOREIGN_SECRET) }
    const elsewhere = await holder({ secret: FOREIGN_SECRET, keys: { provided: [stranger] } })
    refusedAccess(of, elsewhere.accessToken)
  })

  it('is still good after all of that', () => {
    expect(of.sessions.verify(of.accessToken)).toMatchObject({ userId: 'u', claims: { role: 'admin' } })
  })
})

describe('an access token whose header names a key nobody here has', () => {
  it('costs at most one look at the keys, however many come', async () => {
    const of = await holder()
    for (const token of replacements(of.accessToken, flips)) {
      expect(() => of.sessions.verify(token)).toThrow('not valid')
    }
    expect(of.calls).toStrictEqual(['keys'])
  })
})

const id = fc.uuid()
const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 })
const generation = fc.nat(2 ** 31 - 2)
const issuedAt = fc.nat(2 ** 47)
const fields = fc.record({ sessionId: id, generation, issuedAt, parent: sixteen, anchor: sixteen })

describe('what is minted', () => {
  it('as a refresh token is read back as it was, whatever is in it', () => {
    const secrets = deriveSecrets(SECRET, 'pawl')
    fc.assert(
      fc.property(fields, (given) => {
        const token = mintRefreshToken(secrets, given)
        const read = assertGenuine(parseRefreshToken(secrets, token.value))
        expect(plain(read)).toEqual(plain(token))
        expect(plain(read)).toMatchObject(plain(given))
      }),
      CASES,
    )
  })

  it('as an access token is read back as it was, whatever is in it', async () => {
    const key = signingKeyFromProvided(keys[0]!, 'key')
    const profile = { issuer: 'https://issuer.example', audience: 'api', clientId: 'web' }
    const second = fc.nat(2 ** 37).map((seconds) => seconds * 1000)
    const reserved = /^(?:iss|sub|aud|exp|nbf|iat|jti|sid|auth_time|client_id|cnf|ver|gen|n|__proto__)$/
    const twin = fc.record({ generation, fingerprint: sixteen, parent: sixteen, issuedAt })
    const token = fc.record({
      sessionId: id,
      userId: fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
      version: generation,
      authTime: second,
      issuedAt: second,
      expiresAt: second,
      generation,
      twin: fc.option(twin),
      contextTag: fc.option(fc.constantFrom('AAECAwQFBgc', 'x')),
      actor: fc.option(
        fc.record({ userId: fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), sessionId: id }),
      ),
      actorVersion: generation,
      ancestors: fc.array(id, { maxLength: 4 }),
      device: fc.option(fc.constant('0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I')),
      claims: fc.dictionary(
        fc.string({ maxLength: 8 }).filter((name) => !reserved.test(name)),
        fc.jsonValue({ maxDepth: 1 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown),
        { maxKeys: 3 },
      ),
    })
    await fc.assert(
      fc.asyncProperty(token, async (given) => {
        const value = await mintAccessToken(key, profile, given as AccessTokenFields)
        const {
          header: _,
          notBefore,
          ...read
        } = parseAccessToken(value, createProvidedKeyRing([key]), profile)
        const generation = given.twin?.generation ?? given.generation
        expect(notBefore).toBeNull()
        expect(plain(read)).toEqual(
          plain({ ...given, generation, actorVersion: given.actor === null ? 0 : given.actorVersion }),
        )
      }),
      CASES,
    )
  })

  it('in base64url has one spelling alone', () => {
    fc.assert(
      fc.property(bytes, text, (content, other) => {
        expect(decodeBase64url(spelled(content))).toEqual(content)
        const decoded = decodeBase64url(other)
        if (decoded !== null) expect(spelled(decoded)).toBe(other)
      }),
      CASES,
    )
  })
})

/** Bytes as hex, whether in a Buffer or not. */
function plain(value: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      if (item instanceof Uint8Array) return [name, Buffer.from(item).toString('hex')]
      return [name, name === 'twin' && item !== null ? plain(item as object) : item]
    }),
  )
}
