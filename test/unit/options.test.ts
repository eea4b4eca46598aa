import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SESSIONS_OPTIONS } from '../../src/core/options/option-table.ts'
import { resolveOptions } from '../../src/core/options/resolve.ts'
import { createSessions, type SessionsOptions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { coded } from '../support/errors.ts'
import { FOREIGN_SECRET, NEW_SECRET, SECRET } from '../support/secrets.ts'

const resolve = (options: object): ReturnType<typeof resolveOptions> =>
  resolveOptions({ store: memory(), secret: SECRET, ...options } as SessionsOptions<never, never>)

const wrong = (option: string): Error => coded('ERR_INVALID_OPTIONS', { option }) as Error

/** `{ rotation: { overlap: 1 } }` for `rotation.overlap` and 1. */
const nested = (path: string, value: unknown): object =>
  path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object

const hs256 = createSecretKey(Buffer.alloc(32, 1))
const ed25519 = generateKeyPairSync('ed25519')
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })

const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  store: [undefined, null, 'postgres://localhost', {}, { realm: 'x' }, { start() {} }],
  'accessToken.lifetime': [0, 0.9, -1, 86_401, Number.NaN, Number.POSITIVE_INFINITY, '900', null, {}],
  idleTimeout: [0, 0.9, 3650 * 86_400 + 1, Number.NaN, '1d', null],
  absoluteTimeout: [0, 0.9, 3650 * 86_400 + 1, Number.NaN, 'never', false],
  'rotation.overlap': [-1, 301, Number.NaN, '30', null],
  'rotation.gracePeriod': [29, 86_401, Number.NaN, '120'],
  'rotation.onDatabaseRollback': ['', 'reject', true, null],
  'keys.algorithm': ['none', 'RS256', 'hs256', '', 1, null],
  'keys.rotationInterval': [299, 3650 * 86_400 + 1, Number.NaN, '1d', null],
  'accessToken.issuer': ['', 'x'.repeat(256), 1, null],
  'accessToken.audience': ['', 'x'.repeat(256), ['a'], null],
  'accessToken.clientId': ['', 'x'.repeat(256), 1, null],
  claims: [{}, { '~standard': {} }, 'zod', null, () => true],
  data: [{}, { '~standard': { validate: true } }, null],
  deviceBinding: ['', 'on', true, null],
  onSchemaMismatch: ['', 'refuse', true, null],
  refreshClaims: [true, {}, 'always', null],
  onRefreshClaimsError: ['', 'reject', false, null],
  'privacy.keepEnded': [-1, 3650 * 86_400 + 1, Number.NaN, '7d', null],
  'revocation.mode': ['', 'blacklist', true, null],
  'revocation.maxStaleness': [0, 9.9, 86_401, Number.NaN, '60', null],
  'revocation.catchUpTimeout': [-1, 11, Number.NaN, '0.5', null],
  'revocation.onStale': ['', 'reject', false, null],
  'revocation.memory': [0, 65_535, 2 ** 32 + 1, Number.NaN, '64MB', null],
  'limits.sessionsPerUser': [0, -1, 1.5, 1001, Number.NaN, '3', Number.POSITIVE_INFINITY],
  'limits.onSessionLimit': ['', 'evict', true, null],
  'limits.refreshesPerMinute': [0, -1, 1.5, 100_001, Number.NaN, '60', Number.POSITIVE_INFINITY],
  'limits.allowRefresh': [true, {}, 'always', null],
  'privacy.ip': ['', true, false, null],
  'privacy.userAgent': ['yes', 1, null],
  'accessToken.onContextChange': ['', 'end', 'logout', true, null],
  'privacy.pruneInterval': [0, 0.9, 604_801, Number.NaN, '1h', false],
  logger: [null, true, console.log, {}, { info() {} }],
  telemetry: [null, true, {}, { trace() {} }, { observe() {} }],
  'revocation.pollInterval': [0, 0.09, 61, Number.NaN, '5', null],
  'accessToken.cacheBytes': [-1, 2 ** 33 + 1, Number.NaN, '16MB', null],
  accessToken: [null, 'on', 1, []],
  rotation: [null, 'on', 1, []],
  revocation: [null, 'on', 1, []],
  keys: [null, 'on', 1, []],
  limits: [null, 'on', 1, []],
  privacy: [null, 'on', 1, []],
  serverless: [null, 'yes', 1, []],
  now: [0, 'now', {}, null],
  'keys.provided': [[], {}, 'key', null],
  'keys.provided[0]': [
    [{ kid: '', algorithm: 'HS256', key: hs256 }],
    [{ kid: 'a b', algorithm: 'HS256', key: hs256 }],
    [{ kid: 'x'.repeat(65), algorithm: 'HS256', key: hs256 }],
    [{ kid: 'k', algorithm: 'RS256', key: hs256 }],
    [{ kid: 'k', algorithm: 'HS256', key: createSecretKey(Buffer.alloc(31, 1)) }],
    [{ kid: 'k', algorithm: 'HS256', key: ed25519.privateKey }],
    [{ kid: 'k', algorithm: 'HS256', key: Buffer.alloc(32, 1) }],
    [{ kid: 'k', algorithm: 'EdDSA', key: ed25519.publicKey }],
    [{ kid: 'k', algorithm: 'EdDSA', key: p384.privateKey }],
    [{ kid: 'k', algorithm: 'ES256', key: p384.privateKey }],
    [{ kid: 'k', algorithm: 'ES256', key: ed25519.privateKey }],
    [{ kid: 'k', algorithm: 'EdDSA', publicKey: ed25519.privateKey, sign: async () => new Uint8Array(64) }],
  ],
}

describe('a wrong option is an error that names it:', () => {
  const table = Object.entries(WRONG).flatMap(([option, values]) =>
    values.map((value) => ({ option, value })),
  )

  it.each(table)('$option: $value', ({ option, value }) => {
    expect(() => resolve(nested(option.replace('[0]', ''), value))).toThrow(wrong(option))
  })

  it('every option is in this table, apart from `secret`', () => {
    const names = Object.entries(SESSIONS_OPTIONS).flatMap(([name, { value }]) => [
      name,
      ...Object.keys(value.group ?? {}).map((inner) => `${name}.${inner}`),
    ])
    const tried = Object.keys(WRONG).filter((name) => !name.includes('['))
    expect([...tried, 'secret'].sort()).toStrictEqual(names.sort())
  })

  it('two signing keys of one `kid`', () => {
    const key = { kid: 'k', algorithm: 'HS256', key: hs256 }
    expect(() => resolve({ keys: { provided: [key, key] } })).toThrow(wrong('keys.provided'))
  })

  it('the second signing key', () => {
    const keys = [{ kid: 'k', algorithm: 'HS256', key: hs256 }, { kid: 'l' }]
    expect(() => resolve({ keys: { provided: keys } })).toThrow(wrong('keys.provided[1]'))
  })

  it.each(['secrets', 'lifetime', 'Store', 'toString'])('an unknown option: %s', (name) => {
    expect(() => resolve({ [name]: 1 })).toThrow(wrong(name))
  })

  it('an option that is written outside its group, with the right place for it', () => {
    expect(() => resolve({ overlap: 10 })).toThrow(
      expect.objectContaining({ message: 'option `overlap` is unknown; write `rotation: { overlap: … }`' }),
    )
  })

  it.each([undefined, null, 'postgres://localhost', []])('options that are no object: %s', (options) => {
    expect(() => resolveOptions(options as never)).toThrow(wrong('options'))
  })

  it('and `createSessions` rejects with it', async () => {
    await expect(
      createSessions({ store: memory(), secret: SECRET, rotation: { overlap: -1 } }),
    ).rejects.toThrow(wrong('rotation.overlap'))
  })
})

describe('boundaries are accepted:', () => {
  it.each([
    { accessToken: { lifetime: 1 } },
    { accessToken: { lifetime: 86_400 } },
    { idleTimeout: 87 },
    { idleTimeout: 7, rotation: { overlap: 0 } },
    { absoluteTimeout: 1 },
    { absoluteTimeout: null },
    { rotation: { overlap: 0 } },
    { rotation: { overlap: 300 } },
    { rotation: { gracePeriod: 30 } },
    { rotation: { gracePeriod: 86_400 } },
    { rotation: { overlap: 0, gracePeriod: 0 } },
    { keys: { rotationInterval: 300 } },
    { accessToken: { issuer: 'x'.repeat(255) } },
    { privacy: { keepEnded: 0 } },
    { revocation: { pollInterval: 0.1 } },
    { revocation: { pollInterval: 60 } },
    { accessToken: { cacheBytes: 0 } },
    { accessToken: undefined },
  ])('%j', (options) => {
    expect(() => resolve(options)).not.toThrow()
  })

  it('the grace period is at least the overlap, also by default', () => {
    expect(resolve({ rotation: { overlap: 300 } }).rotation).toMatchObject({
      overlap: 300_000,
      gracePeriod: 300_000,
    })
    expect(resolve({}).rotation).toStrictEqual({
      overlap: 30_000,
      gracePeriod: 120_000,
      tolerance: 5000,
      onDatabaseRollback: 'accept',
    })
  })

  it('ended sessions are kept for at least two access-token lifetimes', () => {
    expect(resolve({ privacy: { keepEnded: 0 } }).privacy.keepEnded).toBe(1_800_000)
    expect(resolve({}).privacy.keepEnded).toBe(604_800_000)
  })
})

describe('secret', () => {
  const bytes = Buffer.from(SECRET, 'base64url')

  it('is taken as base64url, base64, hex or bytes, and all of them mean the same', () => {
    const forms = [
      SECRET,
      bytes.toString('base64'),
      bytes.toString('base64').replace(/=+$/, ''),
      bytes.toString('hex'),
      bytes.toString('hex').toUpperCase(),
      bytes,
      new Uint8Array(bytes),
      [SECRET],
    ]
    for (const secret of forms) expect(resolve({ secret }).secrets[0].id).toBe(resolve({}).secrets[0].id)
  })

  it('may be longer than 32 bytes', () => {
    const long = Buffer.concat([bytes, Buffer.from(NEW_SECRET, 'base64url')])
    expect(resolve({ secret: long.toString('hex') }).secrets).toHaveLength(1)
  })

  it.each([
    undefined,
    null,
    '',
    [],
    42,
    {},
    'secret',
    'correct horse battery staple',
    'correct-horse-battery-staple-and-then-some-more-words',
    'CORRECTHORSEBATTERYSTAPLEANDTHENSOMEMOREWORDSTOO',
    'Correct horse battery staple and then some more words!',
    'a'.repeat(64),
    '0'.repeat(64),
    '0123456789abcdef'.repeat(4),
    bytes.toString('hex').slice(2),
    bytes.toString('base64url').slice(0, -2),
    Buffer.alloc(32),
    Buffer.alloc(64, 'ab'),
    bytes.subarray(1),
    'x'.repeat(1025),
    `${SECRET} `,
    `"${SECRET}"`,
  ])('is not what people type: %s', (secret) => {
    expect(() => resolve({ secret })).toThrow(wrong('secret'))
  })

  it('of several names the one that is wrong', () => {
    expect(() => resolve({ secret: [SECRET, 'hunter2'] })).toThrow(wrong('secret[1]'))
    expect(() => resolve({ secret: [null, SECRET] })).toThrow(wrong('secret[0]'))
  })

  it('is not given twice', () => {
    expect(() => resolve({ secret: [SECRET, NEW_SECRET, SECRET] })).toThrow(wrong('secret'))
    expect(resolve({ secret: [NEW_SECRET, SECRET, FOREIGN_SECRET] }).secrets).toHaveLength(3)
  })
})

describe('the message of an error', () => {
  const messageOf = (run: () => unknown): string => {
    try {
      run()
    } catch (error) {
      return (error as Error).message
    }
    throw new Error('nothing was thrown')
  }

  it('repeats no secret, however wrong', () => {
    for (const secret of ['hunter2', `${SECRET} `, SECRET.slice(0, 40), randomBytes(31).toString('hex')]) {
      expect(messageOf(() => resolve({ secret }))).not.toContain(secret.trim())
      expect(messageOf(() => resolve({ secret: [SECRET, secret] }))).not.toContain(secret.trim())
    }
  })

  it('repeats no password of a URL in the wrong place', () => {
    const url = 'postgres://u:hunter2@db/x'
    expect(messageOf(() => resolve({ store: url }))).not.toContain('hunter2')
    expect(messageOf(() => resolveOptions(url as never))).not.toContain('hunter2')
    expect(messageOf(() => postgres(url as never))).not.toContain('hunter2')
    expect(messageOf(() => postgres({ pool: url as never }))).not.toContain('hunter2')
    expect(messageOf(() => postgres({ schema: 1 as never, connectionString: url }))).not.toContain('hunter2')
  })
})

describe('postgres()', () => {
  const pool = { connect: async () => undefined, query: async () => undefined } as never

  it.each([
    ['pool', {}],
    ['pool', { pool, connectionString: 'postgres://localhost' }],
    ['pool', { pool: {} }],
    ['pool', { pool: null }],
    ['connectionString', { connectionString: 1 }],
    ['schema', { pool, schema: '' }],
    ['schema', { pool, schema: 'pg_mine' }],
    ['schema', { pool, schema: 'x'.repeat(64) }],
    ['schema', { pool, schema: 'a\0b' }],
    ['schema', { pool, schema: 1 }],
    ['migrate', { pool, migrate: 'no' }],
    ['sessionIdVersion', { pool, sessionIdVersion: 'v1' }],
    ['sessionIdVersion', { pool, sessionIdVersion: 7 }],
    ['audit', { pool, audit: 'yes' }],
    ['audit', { pool, audit: null }],
    ['audit', { pool, audit: [] }],
    ['audit.retention', { pool, audit: { retention: 86_399 } }],
    ['audit.retention', { pool, audit: { retention: '400 days' } }],
    ['audit.keep', { pool, audit: { keep: 1 } }],
    ['maxConnections', { pool, maxConnections: 0 }],
    ['maxConnections', { pool, maxConnections: '10' }],
    ['url', { pool, url: 'postgres://localhost' }],
    ['options', null],
  ])('names the wrong option %s', (option, options) => {
    expect(() => postgres(options as never)).toThrow(wrong(option))
  })
})
