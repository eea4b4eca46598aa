import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../src/core/options/options.ts'
import { createSessions, type SessionsOptions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { coded } from '../support/errors.ts'
import { FOREIGN_SECRET, NEW_SECRET, SECRET } from '../support/secrets.ts'

const resolve = (options: object): ReturnType<typeof resolveOptions> =>
  resolveOptions({ store: memory(), secret: SECRET, ...options } as SessionsOptions<never, never>)

const wrong = (option: string): Error => coded('ERR_INVALID_OPTIONS', { option }) as Error

const hs256 = createSecretKey(Buffer.alloc(32, 1))
const ed25519 = generateKeyPairSync('ed25519')
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })

const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  store: [undefined, null, 'postgres://localhost', {}, { realm: 'x' }, { start() {} }],
  accessTokenLifetime: [0, 0.9, -1, 86_401, Number.NaN, Number.POSITIVE_INFINITY, '900', null, {}],
  idleTimeout: [0, 0.9, 3650 * 86_400 + 1, Number.NaN, '1d', null],
  absoluteTimeout: [0, 0.9, 3650 * 86_400 + 1, Number.NaN, 'never', false],
  overlap: [-1, 301, Number.NaN, '30', null],
  lateWindow: [29, 86_401, Number.NaN, '120'],
  onRollback: ['', 'reject', true, null],
  algorithm: ['none', 'RS256', 'hs256', '', 1, null],
  keyRotationInterval: [299, 3650 * 86_400 + 1, Number.NaN, '1d', null],
  issuer: ['', 'x'.repeat(256), 1, null],
  audience: ['', 'x'.repeat(256), ['a'], null],
  clientId: ['', 'x'.repeat(256), 1, null],
  claims: [{}, { '~standard': {} }, 'zod', null, () => true],
  data: [{}, { '~standard': { validate: true } }, null],
  keepEnded: [-1, 3650 * 86_400 + 1, Number.NaN, '7d', null],
  sessionIdVersion: ['v1', 'V7', 7, null],
  revocation: ['', 'blacklist', true, null],
  maxStaleness: [0, 9.9, 86_401, Number.NaN, '60', null],
  onStale: ['', 'reject', false, null],
  feedBytes: [0, 65_535, 2 ** 32 + 1, Number.NaN, '64MB', null],
  maxSessionsPerUser: [0, -1, 1.5, 1001, Number.NaN, '3', Number.POSITIVE_INFINITY],
  onSessionLimit: ['', 'evict', true, null],
  refreshLimit: [0, -1, 1.5, 100_001, Number.NaN, '60', Number.POSITIVE_INFINITY],
  allowRefresh: [true, {}, 'always', null],
  recordIp: ['', true, false, null],
  recordUserAgent: ['yes', 1, null],
  onContextChange: ['', 'end', 'logout', true, null],
  pruneInterval: [0, 0.9, 604_801, Number.NaN, '1h', false],
  logger: [null, true, console.log, {}, { info() {} }],
  telemetry: [null, true, {}, { trace() {} }, { observe() {} }],
  pollInterval: [0, 0.09, 61, Number.NaN, '5', null],
  tokenCacheBytes: [-1, 2 ** 33 + 1, Number.NaN, '16MB', null],
  now: [0, 'now', {}, null],
  signingKeys: [[], {}, 'key', null],
  'signingKeys[0]': [
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
    values.map((value) => ({ option, value, name: option.replace('[0]', '') })),
  )

  it.each(table)('$option: $value', ({ option, value, name }) => {
    expect(() => resolve({ [name]: value })).toThrow(wrong(option))
  })

  it('every option is in this table, apart from `secret`', () => {
    const known = Object.keys(WRONG).filter((name) => !name.includes('['))
    // The names as the declaration has them: a new option that nobody tests shows up here.
    const declared: Record<keyof Omit<SessionsOptions, 'secret'>, true> = {
      store: true,
      accessTokenLifetime: true,
      idleTimeout: true,
      absoluteTimeout: true,
      overlap: true,
      lateWindow: true,
      onRollback: true,
      algorithm: true,
      signingKeys: true,
      keyRotationInterval: true,
      issuer: true,
      audience: true,
      clientId: true,
      claims: true,
      data: true,
      keepEnded: true,
      sessionIdVersion: true,
      revocation: true,
      pollInterval: true,
      maxStaleness: true,
      onStale: true,
      feedBytes: true,
      maxSessionsPerUser: true,
      onSessionLimit: true,
      refreshLimit: true,
      allowRefresh: true,
      recordIp: true,
      recordUserAgent: true,
      onContextChange: true,
      pruneInterval: true,
      logger: true,
      telemetry: true,
      tokenCacheBytes: true,
      now: true,
    }
    expect(known.sort()).toStrictEqual(Object.keys(declared).sort())
  })

  it('two signing keys of one `kid`', () => {
    const key = { kid: 'k', algorithm: 'HS256', key: hs256 }
    expect(() => resolve({ signingKeys: [key, key] })).toThrow(wrong('signingKeys'))
  })

  it('the second signing key', () => {
    const keys = [{ kid: 'k', algorithm: 'HS256', key: hs256 }, { kid: 'l' }]
    expect(() => resolve({ signingKeys: keys })).toThrow(wrong('signingKeys[1]'))
  })

  it.each(['secrets', 'lifetime', 'Store', 'toString'])('an unknown option: %s', (name) => {
    expect(() => resolve({ [name]: 1 })).toThrow(wrong(name))
  })

  it.each([undefined, null, 'postgres://localhost', []])('options that are no object: %s', (options) => {
    expect(() => resolveOptions(options as never)).toThrow(wrong('options'))
  })

  it('and `createSessions` rejects with it', async () => {
    await expect(createSessions({ store: memory(), secret: SECRET, overlap: -1 })).rejects.toThrow(
      wrong('overlap'),
    )
  })
})

describe('boundaries are accepted:', () => {
  it.each([
    { accessTokenLifetime: 1 },
    { accessTokenLifetime: 86_400 },
    { idleTimeout: 1 },
    { absoluteTimeout: 1 },
    { absoluteTimeout: null },
    { overlap: 0 },
    { overlap: 300 },
    { lateWindow: 30 },
    { lateWindow: 86_400 },
    { overlap: 0, lateWindow: 0 },
    { keyRotationInterval: 300 },
    { issuer: 'x'.repeat(255) },
    { keepEnded: 0 },
    { pollInterval: 0.1 },
    { pollInterval: 60 },
    { tokenCacheBytes: 0 },
  ])('%j', (options) => {
    expect(() => resolve(options)).not.toThrow()
  })

  it('the late window is at least the overlap, also by default', () => {
    expect(resolve({ overlap: 300 }).rotation).toMatchObject({ overlap: 300_000, lateWindow: 300_000 })
    expect(resolve({}).rotation).toStrictEqual({
      overlap: 30_000,
      lateWindow: 120_000,
      tolerance: 5000,
      onRollback: 'accept',
    })
  })

  it('ended sessions are kept for at least two access-token lifetimes', () => {
    expect(resolve({ keepEnded: 0 }).keepEnded).toBe(1_800_000)
    expect(resolve({}).keepEnded).toBe(604_800_000)
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
    ['maxConnections', { pool, maxConnections: 0 }],
    ['maxConnections', { pool, maxConnections: '10' }],
    ['url', { pool, url: 'postgres://localhost' }],
    ['options', null],
  ])('names the wrong option %s', (option, options) => {
    expect(() => postgres(options as never)).toThrow(wrong(option))
  })
})
