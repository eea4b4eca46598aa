import { check } from '../../portable/check-option.ts'
import type { ClaimsObject } from '../../portable/claims.ts'
import { CLOCK_TOLERANCE } from '../../portable/clock-tolerance.ts'
import type { SessionIdVersion } from '../../portable/session-id.ts'
import type { StandardSchemaV1 } from '../../portable/standard-schema.ts'
import { ALGORITHMS, type Algorithm } from '../../portable/token-header.ts'
import { deriveSecrets, type Secrets } from '../keys/secrets.ts'
import { type ProvidedKey, type SigningKey, signingKeyFromProvided } from '../keys/signing-key.ts'
import { type Logger, warnings } from '../observability/logger.ts'
import { noTelemetry, type Telemetry } from '../observability/telemetry.ts'
import type { RotationSettings } from '../protocol/rotation.ts'
import type { NormalContext } from '../request-context.ts'
import type { Store } from '../store.ts'

export { check } from '../../portable/check-option.ts'

/** A refresh about to be answered, as `allowRefresh` sees it. The token is genuine. */
export interface RefreshAttempt extends NormalContext {
  readonly sessionId: string
}

/** What {@link createSessions} takes. Every duration is in seconds. */
export interface SessionsOptions<Claims extends object = ClaimsObject, Data = unknown> {
  /** Where sessions live: `postgres({ pool })` from `pawl/postgres`, or `memory()` from `pawl/memory` for tests. */
  readonly store: Store
  /**
   * At least 32 random bytes as base64url, base64, hex or `Uint8Array`; `npx pawl secret` makes one.
   * In an array the first mints and all are accepted: to change it, deploy `[old, new]` everywhere,
   * then `[new, old]`, and drop the old one after the longest idle timeout.
   */
  readonly secret: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  /** Life of an access token in seconds, shortened at random by up to 5 % so that a fleet does not expire together. @defaultValue 900 */
  readonly accessTokenLifetime?: number
  /** A session unused for this many seconds ends (ASVS 7.3.1). @defaultValue 2_592_000 (30 days) */
  readonly idleTimeout?: number
  /** A session ends this many seconds after the login, however active (ASVS 7.3.2). `null`: never, a deviation from NIST SP 800-63B. @defaultValue 31_536_000 (365 days) */
  readonly absoluteTimeout?: number | null
  /**
   * How long a refresh and its answer may be under way, 0 to 300 seconds. Within it lost, repeated and
   * racing refreshes are forgiven without weakening reuse detection. 0 is strict mode. @defaultValue 30
   */
  readonly overlap?: number
  /** How long the previous refresh token is still answered after a turn, `overlap` to 86_400 seconds. @defaultValue 120 */
  readonly lateWindow?: number
  /**
   * What a genuine refresh token does that is further ahead than its row, which proves that the database
   * went back (a crash, a failover, a restored backup): `accept` catches the row up, `end` ends the session.
   * @defaultValue 'accept'
   */
  readonly onRollback?: 'accept' | 'end'
  /** Signature of access tokens. `EdDSA` and `ES256` let other services verify them with `keys.jwks()`. @defaultValue 'HS256' */
  readonly algorithm?: Algorithm
  /** Keys of your own instead of generated ones: the first signs, all verify. Rotation is then yours. */
  readonly signingKeys?: readonly ProvidedKey[]
  /** A new signing key every so many seconds, at least 300. @defaultValue 86_400 (1 day) */
  readonly keyRotationInterval?: number
  /** `iss` of access tokens; checked when set. */
  readonly issuer?: string
  /** `aud` of access tokens; checked when set. */
  readonly audience?: string
  /** `client_id` of access tokens. With `issuer` and `audience` it makes them RFC 9068 tokens (with a `jti`). */
  readonly clientId?: string
  /** A Standard Schema (zod, valibot, arktype) for `claims`: types and validates them. */
  readonly claims?: StandardSchemaV1<unknown, Claims>
  /** A Standard Schema for `data`. */
  readonly data?: StandardSchemaV1<unknown, Data>
  /** How long an ended session's row is kept to answer "why?", in seconds; at least two access-token lifetimes. @defaultValue 604_800 (7 days) */
  readonly keepEnded?: number
  /** Version of the UUIDs that name sessions; `v4` for engines that shard by key range. @defaultValue 'v7' */
  readonly sessionIdVersion?: SessionIdVersion
  /**
   * How other processes learn that a session ended or changed. `feed`: all keep a list of them, by LISTEN
   * within milliseconds and by polling in any case; `expiry`: not at all, an access token is good until it
   * expires; `lookup`: as `feed`, and besides every request of an adapter reads the session's row.
   * @defaultValue 'feed'
   */
  readonly revocation?: 'feed' | 'expiry' | 'lookup'
  /** How often this process asks what others revoked, 0.1 to 60 seconds; every 30 s while LISTEN delivers. @defaultValue 5 */
  readonly pollInterval?: number
  /** After this many seconds without news of revocations `onStale` applies. @defaultValue 60 */
  readonly maxStaleness?: number
  /** `serve`: go on with what is known, access tokens being short-lived; `refuse`: answer 503 until the feed is back. @defaultValue 'serve' */
  readonly onStale?: 'serve' | 'refuse'
  /** Memory for revocations, in bytes; 32 to 64 each. When it is full, older access tokens must be refreshed. @defaultValue 67_108_864 (64 MiB) */
  readonly feedBytes?: number
  /** How many sessions a user may have at once. `null`: any number. @defaultValue null */
  readonly maxSessionsPerUser?: number | null
  /** A login beyond `maxSessionsPerUser`: `evict-oldest` ends the user's oldest login, `reject` refuses the new one. @defaultValue 'evict-oldest' */
  readonly onSessionLimit?: 'evict-oldest' | 'reject'
  /** How often one session may refresh, per minute and process; more answers "try again". `null`: as often as it likes. @defaultValue 60 */
  readonly refreshLimit?: number | null
  /**
   * Asked before each refresh of a genuine token: where the application has rate limits of its own. `false`
   * answers "try again". One that throws is reported and counts as `true`.
   */
  readonly allowRefresh?: (attempt: RefreshAttempt) => boolean | Promise<boolean>
  /** How much of client addresses is kept in the rows: all, the network (/24, /48), or nothing. @defaultValue 'full' */
  readonly recordIp?: 'full' | 'network' | 'none'
  /** Whether user agents are kept in the rows. @defaultValue true */
  readonly recordUserAgent?: boolean
  /**
   * When a session comes from another address or user agent: `record` it with the next turn and raise an
   * event, or `refresh`: refuse its access token besides, so that it must refresh and a theft is found
   * sooner; one issued within the last `overlap` is good everywhere. Never a logout. @defaultValue 'record'
   */
  readonly onContextChange?: 'record' | 'refresh'
  /** How often this process deletes rows that are kept for nothing any more, in seconds. `null`: never; `sessions.prune()` does it. @defaultValue 3600 */
  readonly pruneInterval?: number | null
  /** Where to log, in the shape of pino. @defaultValue process warnings, from level `warn` up */
  readonly logger?: Logger
  /** Metrics and traces: `openTelemetry()` of `pawl/otel`. */
  readonly telemetry?: Telemetry
  /** Memory for access tokens already verified, in bytes; 0 turns the cache off. @defaultValue 16_777_216 (16 MiB) */
  readonly tokenCacheBytes?: number
  /** The clock, in milliseconds since the epoch. @defaultValue the process clock, corrected to the database's */
  readonly now?: () => number
}

/** The options as the code uses them: checked, complete, in milliseconds. */
export interface ResolvedOptions {
  readonly store: Store
  readonly secrets: Secrets
  readonly rotation: RotationSettings
  /** A refresh or confirmation undecided for this long is left undecided. */
  readonly decideWithin: number
  readonly accessTokenLifetime: number
  readonly idleTimeout: number
  readonly absoluteTimeout: number | null
  readonly algorithm: Algorithm
  readonly signingKeys: readonly [SigningKey, ...SigningKey[]] | null
  readonly keyRotationInterval: number
  readonly profile: {
    readonly issuer: string | null
    readonly audience: string | null
    readonly clientId: string | null
  }
  readonly claimsSchema: StandardSchemaV1<unknown, unknown> | null
  readonly dataSchema: StandardSchemaV1<unknown, unknown> | null
  readonly keepEnded: number
  readonly sessionIdVersion: SessionIdVersion
  readonly revocation: 'feed' | 'expiry' | 'lookup'
  readonly pollInterval: number
  readonly maxStaleness: number
  readonly onStale: 'serve' | 'refuse'
  readonly feedBytes: number
  readonly maxSessionsPerUser: number | null
  readonly onSessionLimit: 'evict-oldest' | 'reject'
  readonly refreshLimit: number | null
  readonly allowRefresh: ((attempt: RefreshAttempt) => boolean | Promise<boolean>) | null
  readonly recordIp: 'full' | 'network' | 'none'
  readonly recordUserAgent: boolean
  readonly onContextChange: 'record' | 'refresh'
  readonly pruneInterval: number | null
  readonly logger: Logger
  readonly telemetry: Telemetry
  readonly tokenCacheBytes: number
  readonly now: (() => number) | null
}

const DAY = 86_400
const MIB = 1024 * 1024
const MOST_SESSIONS = 1000
const MOST_REFRESHES = 100_000
/** Longest timeout that makes sense to write down: ten years. */
const LONGEST = 3650 * DAY
/** A key is published half an interval ahead, and every process must have polled it by then. */
const SHORTEST_ROTATION = 300

const KNOWN: ReadonlySet<string> = new Set<keyof SessionsOptions>([
  'store',
  'secret',
  'accessTokenLifetime',
  'idleTimeout',
  'absoluteTimeout',
  'overlap',
  'lateWindow',
  'onRollback',
  'algorithm',
  'signingKeys',
  'keyRotationInterval',
  'issuer',
  'audience',
  'clientId',
  'claims',
  'data',
  'keepEnded',
  'sessionIdVersion',
  'revocation',
  'pollInterval',
  'maxStaleness',
  'onStale',
  'feedBytes',
  'maxSessionsPerUser',
  'onSessionLimit',
  'refreshLimit',
  'allowRefresh',
  'recordIp',
  'recordUserAgent',
  'onContextChange',
  'pruneInterval',
  'logger',
  'telemetry',
  'tokenCacheBytes',
  'now',
])

/** @throws InvalidOptionsError naming the option, what it got and what it takes */
export function resolveOptions(options: SessionsOptions<never, never>): ResolvedOptions {
  const given = check.record('', options, KNOWN)
  const store = given['store'] as Store
  if (typeof store?.realm !== 'string' || typeof store.start !== 'function') {
    check.fail(
      'store',
      store,
      'a store: `postgres({ pool })` from `pawl/postgres` or `memory()` from `pawl/memory`',
    )
  }
  // `null` is a value like any other: `idleTimeout: null` must not quietly become 30 days.
  const or = (name: keyof SessionsOptions, fallback: unknown): unknown =>
    given[name] === undefined ? fallback : given[name]
  const overlap = check.seconds('overlap', or('overlap', 30), 0, 300)
  const lateWindow = check.seconds(
    'lateWindow',
    or('lateWindow', Math.max(120, overlap / 1000)),
    overlap / 1000,
    DAY,
  )
  const accessTokenLifetime = check.seconds('accessTokenLifetime', or('accessTokenLifetime', 900), 1, DAY)
  const pollInterval = check.seconds('pollInterval', or('pollInterval', 5), 0.1, 60)
  const rotation: RotationSettings = {
    overlap,
    lateWindow,
    tolerance: CLOCK_TOLERANCE,
    onRollback: check.oneOf('onRollback', or('onRollback', 'accept'), ['accept', 'end']),
  }
  return Object.freeze({
    store,
    secrets: deriveSecrets(given['secret'] as string, store.realm),
    rotation,
    decideWithin: overlap > 0 ? overlap / 2 : CLOCK_TOLERANCE,
    accessTokenLifetime,
    idleTimeout: idleTimeout(or('idleTimeout', 30 * DAY)),
    absoluteTimeout: absoluteTimeout(or('absoluteTimeout', 365 * DAY)),
    algorithm: check.oneOf('algorithm', or('algorithm', 'HS256'), ALGORITHMS),
    signingKeys: signingKeys(given['signingKeys']),
    keyRotationInterval: check.seconds(
      'keyRotationInterval',
      or('keyRotationInterval', DAY),
      SHORTEST_ROTATION,
      LONGEST,
    ),
    profile: {
      issuer: check.text('issuer', given['issuer']),
      audience: check.text('audience', given['audience']),
      clientId: check.text('clientId', given['clientId']),
    },
    claimsSchema: check.schema('claims', given['claims']),
    dataSchema: check.schema('data', given['data']),
    keepEnded: Math.max(
      check.seconds('keepEnded', or('keepEnded', 7 * DAY), 0, LONGEST),
      2 * accessTokenLifetime,
    ),
    sessionIdVersion: check.oneOf('sessionIdVersion', or('sessionIdVersion', 'v7'), ['v7', 'v4']),
    revocation: check.oneOf('revocation', or('revocation', 'feed'), ['feed', 'expiry', 'lookup']),
    pollInterval,
    maxStaleness: check.seconds(
      'maxStaleness',
      or('maxStaleness', Math.max(60, (2 * pollInterval) / 1000)),
      (2 * pollInterval) / 1000,
      DAY,
    ),
    onStale: check.oneOf('onStale', or('onStale', 'serve'), ['serve', 'refuse']),
    feedBytes: check.number('feedBytes', or('feedBytes', 64 * MIB), 64 * 1024, 2 ** 32),
    maxSessionsPerUser: check.countOrNull(
      'maxSessionsPerUser',
      or('maxSessionsPerUser', null),
      MOST_SESSIONS,
    ),
    onSessionLimit: check.oneOf('onSessionLimit', or('onSessionLimit', 'evict-oldest'), [
      'evict-oldest',
      'reject',
    ]),
    refreshLimit: check.countOrNull('refreshLimit', or('refreshLimit', 60), MOST_REFRESHES),
    allowRefresh: check.optionalFunction(
      'allowRefresh',
      given['allowRefresh'],
    ) as ResolvedOptions['allowRefresh'],
    recordIp: check.oneOf('recordIp', or('recordIp', 'full'), ['full', 'network', 'none']),
    recordUserAgent: check.boolean('recordUserAgent', or('recordUserAgent', true)),
    onContextChange: check.oneOf('onContextChange', or('onContextChange', 'record'), ['record', 'refresh']),
    pruneInterval:
      given['pruneInterval'] === null
        ? null
        : check.seconds('pruneInterval', or('pruneInterval', 3600), 1, 7 * DAY),
    logger: check.methods('logger', or('logger', warnings), ['debug', 'info', 'warn', 'error']),
    telemetry: check.methods('telemetry', or('telemetry', noTelemetry), ['observe', 'trace']),
    tokenCacheBytes: check.number('tokenCacheBytes', or('tokenCacheBytes', 16 * MIB), 0, 2 ** 33),
    now: check.optionalFunction('now', given['now']) as (() => number) | null,
  })
}

/** @returns milliseconds */
export function idleTimeout(value: unknown): number {
  return check.seconds('idleTimeout', value, 1, LONGEST)
}

/** @returns milliseconds, or null for none */
export function absoluteTimeout(value: unknown): number | null {
  return value === null ? null : check.seconds('absoluteTimeout', value, 1, LONGEST)
}

function signingKeys(value: unknown): ResolvedOptions['signingKeys'] {
  if (value === undefined) return null
  if (!Array.isArray(value) || value.length === 0)
    check.fail('signingKeys', value, 'a non-empty array of keys')
  const keys = (value as readonly ProvidedKey[]).map((key, index) =>
    signingKeyFromProvided(key, `signingKeys[${index}]`),
  )
  if (new Set(keys.map((key) => key.kid)).size !== keys.length)
    check.fail('signingKeys', value, 'keys with distinct `kid`s')
  return keys as unknown as readonly [SigningKey, ...SigningKey[]]
}
