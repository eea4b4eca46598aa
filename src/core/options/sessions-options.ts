// `npm run options` writes this file from ./option-table.ts. Change that file instead.

import type { ClaimsObject } from '../../portable/claims.ts'
import type { StandardSchemaV1 } from '../../portable/standard-schema.ts'
import type { ProvidedKeySource, ProvidedSigningKeys } from '../keys/provided-keys.ts'
import type { ProvidedKey } from '../keys/signing-key.ts'
import type { Logger } from '../observability/logger.ts'
import type { Telemetry } from '../observability/telemetry.ts'
import type { WaitUntil } from '../on-demand.ts'
import type { ClaimsRefresh } from '../refresh/claims-refresh.ts'
import type { RefreshAttempt } from '../refresh/refresh-attempt.ts'
import type { Store } from '../store.ts'

/** What {@link createSessions} takes. Every duration is in seconds. */
export interface SessionsOptions<Claims extends object = ClaimsObject, Data = unknown> {
  /** Where sessions live: `postgres({ pool })` from `pawl/postgres`, or `memory()` from `pawl/memory` for tests. */
  readonly store: Store
  /**
   * Protects refresh tokens and signing keys; `npx pawl secret` makes one. Give every installation its own. If you
   * give several, Pawl makes tokens with the first and accepts all. To change it, deploy `[old, new]` everywhere,
   * then `[new, old]`, and drop the old one after the longest idle timeout.
   */
  readonly secret: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  /**
   * A session expires after this time without use (ASVS 7.3.1). At least 87 seconds with the default
   * `rotation.overlap`. The bound is twice the overlap plus 5 seconds, times 4/3.
   * Takes 1 to 315,360,000 seconds.
   * @defaultValue 2,592,000 (30 days)
   */
  readonly idleTimeout?: number
  /**
   * A session ends this long after the login or the last reauthentication, however active it is (ASVS 7.3.2).
   * `null` sets no limit, which deviates from NIST SP 800-63B.
   * Takes 1 to 315,360,000 seconds, or null.
   * @defaultValue 31,536,000 (365 days)
   */
  readonly absoluteTimeout?: number | null
  /** A schema that types and validates the claims of access tokens (zod, valibot, arktype). */
  readonly claims?: StandardSchemaV1<unknown, Claims>
  /** A schema that types and validates the `data` of a session's row. */
  readonly data?: StandardSchemaV1<unknown, Data>
  /**
   * The schema `claims` or `data` refuses what a session has stored, because an earlier release wrote it. `reject`
   * answers a refresh with 401 `session_outdated`: the user signs in again. It changes nothing, so a corrected
   * schema brings the session back. `stale` hands the stored value over as it is, with `stale: true` beside it.
   * @defaultValue 'reject'
   */
  readonly onSchemaMismatch?: 'reject' | 'stale'
  /**
   * Computes the claims anew, for rights that follow your own tables. Pawl calls it at each refresh that it would
   * answer, and at each login before and after it writes the row. If the claims differ, Pawl stores them, and
   * older access tokens of the session must be refreshed. `null` ends the session as `revoked`. It may take a
   * quarter of `rotation.overlap`.
   */
  readonly refreshClaims?: (
    session: ClaimsRefresh<NoInfer<Claims>, NoInfer<Data>>,
  ) => NoInfer<Claims> | null | Promise<NoInfer<Claims> | null>
  /**
   * `refreshClaims` throws or takes too long. `keep` goes on with the claims that the session has, `end` ends the
   * session as `revoked`. Pawl reports the error with the event `claimsRefreshFailed`.
   * @defaultValue 'keep'
   */
  readonly onRefreshClaimsError?: 'keep' | 'end'
  /**
   * Where Pawl logs: pino, or an object of the same shape.
   * @defaultValue process warnings, from level warn up
   */
  readonly logger?: Logger
  /** Metrics and traces: `openTelemetry()` of `pawl/otel`. */
  readonly telemetry?: Telemetry
  /** Access tokens: their life, their fields, and where they may be used. */
  readonly accessToken?: AccessTokenOptions
  /**
   * Whether sessions are bound to a key of the device, so that copied tokens cannot be refreshed
   * (docs/understand/device-binding.md). `offer` binds the sessions of browsers and apps that can be. `require`
   * also ends a session that is not bound ten minutes after its login. A bound session stays bound if you change
   * this option. Set it only when every process runs a release that knows it.
   * @defaultValue 'off'
   */
  readonly deviceBinding?: 'off' | 'offer' | 'require'
  /** How refresh tokens rotate, and how much a bad network is forgiven. */
  readonly rotation?: RotationOptions
  /** How processes learn that another process ended or changed a session. */
  readonly revocation?: RevocationOptions
  /** The keys that sign access tokens. */
  readonly keys?: KeyOptions
  /** How many sessions a user may have and how often a session may refresh. */
  readonly limits?: LimitOptions
  /**
   * Whether this process runs only while it answers requests, as on AWS Lambda, Vercel and Cloud Run
   * (docs/guides/serverless.md). Pawl then uses no timers and no LISTEN: a request whose process has not polled
   * for `revocation.pollInterval` waits for a poll, `revocation.catchUpTimeout` at most. Pawl writes the
   * confirmations of a request before its answer ends, or hands them to `waitUntil`. Delete old rows by a cron:
   * `npx pawl prune`, or the adapters' option `cron`.
   * @defaultValue false
   */
  readonly serverless?: boolean | { readonly waitUntil?: WaitUntil }
  /** What the rows keep about people, and for how long. */
  readonly privacy?: PrivacyOptions
  /**
   * The clock, in milliseconds since the epoch.
   * @internal
   */
  readonly now?: () => number
}
/** Access tokens: their life, their fields, and where they may be used. */
export interface AccessTokenOptions {
  /**
   * Life of an access token. Pawl shortens it at random by up to 5 %, so that the tokens of a fleet do not expire
   * together.
   * Takes 1 to 86,400 seconds.
   * @defaultValue 900 (15 minutes)
   */
  readonly lifetime?: number
  /**
   * The claim `iss`. Verification checks it when it is set.
   * Takes a string of 1 to 255 characters.
   */
  readonly issuer?: string
  /**
   * The claim `aud`. Verification checks it when it is set.
   * Takes a string of 1 to 255 characters.
   */
  readonly audience?: string
  /**
   * The claim `client_id`. Verification checks it when it is set. Together with `issuer` and `audience` it makes
   * tokens that follow RFC 9068.
   * Takes a string of 1 to 255 characters.
   */
  readonly clientId?: string
  /**
   * A request comes from another address or user agent than the token was issued to. `record` stores it with the
   * next turn and emits an event. `refresh` also makes the client refresh, so that a theft is detected sooner; a
   * token younger than `rotation.overlap` is accepted everywhere. Neither ends the session.
   * @defaultValue 'record'
   */
  readonly onContextChange?: 'record' | 'refresh'
  /**
   * Memory for verified access tokens. 0 turns the cache off.
   * Takes 0 to 8,589,934,592 bytes.
   * @defaultValue 16,777,216 (16 MiB)
   */
  readonly cacheBytes?: number
}

/** How refresh tokens rotate, and how much a bad network is forgiven. */
export interface RotationOptions {
  /**
   * How long a refresh and its answer may be under way. Within this time Pawl accepts lost, repeated and racing
   * refreshes without weakening reuse detection. 0 is strict mode: every race counts as reuse.
   * Takes 0 to 300 seconds.
   * @defaultValue 30
   */
  readonly overlap?: number
  /**
   * How long Pawl accepts the previous refresh token after a turn, at least `overlap`.
   * Takes 0 to 86,400 seconds.
   * @defaultValue 120 (2 minutes), or overlap if that is longer
   */
  readonly gracePeriod?: number
  /**
   * A genuine refresh token is further ahead than its row: a crash, a failover or a restored backup has lost
   * commits. `accept` brings the row up to date, `end` ends the session.
   * @defaultValue 'accept'
   */
  readonly onDatabaseRollback?: 'accept' | 'end'
}

/** How processes learn that another process ended or changed a session. */
export interface RevocationOptions {
  /**
   * `feed`: every process keeps a list of revocations, updated within milliseconds by LISTEN and in any case by
   * polling. `lookup`: as `feed`, and adapters also read the row for every request. `expiry`: no list; an access
   * token stays valid until it expires.
   * @defaultValue 'feed'
   */
  readonly mode?: 'feed' | 'expiry' | 'lookup'
  /**
   * How often a process polls for revocations. While LISTEN works, it polls after each notification, and every 30
   * s.
   * Takes 0.1 to 60 seconds.
   * @defaultValue 5
   */
  readonly pollInterval?: number
  /**
   * When a process has not read revocations for this long, at least two poll intervals, `onStale` applies.
   * Takes 0.2 to 86,400 seconds.
   * @defaultValue 60 (1 minute), or two poll intervals if that is longer
   */
  readonly maxStaleness?: number
  /**
   * `serve` keeps accepting access tokens with the revocations known so far. `refuse` answers 503 until the feed
   * is current again.
   * @defaultValue 'serve'
   */
  readonly onStale?: 'serve' | 'refuse'
  /**
   * If a process was frozen or suspended, it has missed revocations. The next request waits until the process has
   * read them, at most this long. After that `onStale` applies. 0 does not wait.
   * Takes 0 to 10 seconds.
   * @defaultValue 0.5
   */
  readonly catchUpTimeout?: number
  /**
   * Memory for the list of revocations, 32 to 64 bytes each. When it is full, all older access tokens must be
   * refreshed.
   * Takes 65,536 to 4,294,967,296 bytes.
   * @defaultValue 67,108,864 (64 MiB)
   */
  readonly memory?: number
}

/** The keys that sign access tokens. */
export interface KeyOptions {
  /**
   * Signature algorithm. With `EdDSA` and `ES256` other services can verify access tokens by the public keys.
   * @defaultValue 'HS256'
   */
  readonly algorithm?: 'HS256' | 'EdDSA' | 'ES256'
  /**
   * How often Pawl generates a new signing key.
   * Takes 300 to 315,360,000 seconds.
   * @defaultValue 86,400 (1 day)
   */
  readonly rotationInterval?: number
  /**
   * Your own keys instead of generated ones: the first signs, all verify. Pawl then rotates nothing. It calls a
   * function at the start, every minute, for a token with an unknown `kid` (at most every 10 s), and for
   * `keys.rotate()`.
   * Takes a non-empty array of `{ kid, algorithm, key }` or `{ kid, algorithm, publicKey, sign }`, or a function
   * that returns one.
   * @defaultValue generated keys
   */
  readonly provided?: readonly ProvidedKey[] | ProvidedKeySource
}

/** How many sessions a user may have and how often a session may refresh. */
export interface LimitOptions {
  /**
   * How many sessions a user may have at once. `null` sets no limit.
   * Takes a whole number from 1 to 1,000, or null.
   * @defaultValue null
   */
  readonly sessionsPerUser?: number | null
  /**
   * A login exceeds `sessionsPerUser`. `evict-oldest` ends the user's oldest session, `reject` refuses the login
   * (403 `session_limit`).
   * @defaultValue 'evict-oldest'
   */
  readonly onSessionLimit?: 'evict-oldest' | 'reject'
  /**
   * How often one refresh token may refresh per minute and process. Further refreshes are answered with "try
   * again" (503). Pawl looks for reuse before it applies the limit, so the limit hides no theft. `null` sets no
   * limit.
   * Takes a whole number from 1 to 100,000, or null.
   * @defaultValue 60
   */
  readonly refreshesPerMinute?: number | null
  /**
   * Your own rate limit, called before each refresh that Pawl would answer. `false` answers "try again" (503), and
   * so does a limit that takes longer than half of `rotation.overlap`. If it throws, Pawl reports the error and
   * allows the refresh.
   */
  readonly allowRefresh?: (attempt: RefreshAttempt) => boolean | Promise<boolean>
}

/** What the rows keep about people, and for how long. */
export interface PrivacyOptions {
  /**
   * How much of a client address the row keeps: all of it, its network (/24 or /48), or nothing.
   * @defaultValue 'full'
   */
  readonly ip?: 'full' | 'network' | 'none'
  /**
   * Whether the row keeps the user agent.
   * @defaultValue true
   */
  readonly userAgent?: boolean
  /**
   * How long the row of an ended session is kept, to answer why it ended. Pawl keeps it for at least two
   * access-token lifetimes, and two minutes.
   * Takes 0 to 315,360,000 seconds.
   * @defaultValue 604,800 (7 days)
   */
  readonly keepEnded?: number
  /**
   * How often a process deletes rows past their retention. `null` turns this off: call `sessions.prune()` or run
   * `npx pawl prune` instead.
   * Takes 1 to 604,800 seconds, or null.
   * @defaultValue 3,600 (1 hour)
   */
  readonly pruneInterval?: number | null
}

/** {@link SessionsOptions}, checked and complete. Durations are in milliseconds. */
export interface ResolvedSessionsOptions {
  readonly store: Store
  readonly secret: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  readonly idleTimeout: number
  readonly absoluteTimeout: number | null
  readonly claims: StandardSchemaV1<unknown, unknown> | null
  readonly data: StandardSchemaV1<unknown, unknown> | null
  readonly onSchemaMismatch: 'reject' | 'stale'
  readonly refreshClaims:
    | ((session: ClaimsRefresh) => ClaimsObject | null | Promise<ClaimsObject | null>)
    | null
  readonly onRefreshClaimsError: 'keep' | 'end'
  readonly logger: Logger
  readonly telemetry: Telemetry
  readonly accessToken: {
    readonly lifetime: number
    readonly issuer: string | null
    readonly audience: string | null
    readonly clientId: string | null
    readonly onContextChange: 'record' | 'refresh'
    readonly cacheBytes: number
  }
  readonly deviceBinding: 'off' | 'offer' | 'require'
  readonly rotation: {
    readonly overlap: number
    readonly gracePeriod: number | null
    readonly onDatabaseRollback: 'accept' | 'end'
  }
  readonly revocation: {
    readonly mode: 'feed' | 'expiry' | 'lookup'
    readonly pollInterval: number
    readonly maxStaleness: number | null
    readonly onStale: 'serve' | 'refuse'
    readonly catchUpTimeout: number
    readonly memory: number
  }
  readonly keys: {
    readonly algorithm: 'HS256' | 'EdDSA' | 'ES256'
    readonly rotationInterval: number
    readonly provided: ProvidedSigningKeys | ProvidedKeySource | null
  }
  readonly limits: {
    readonly sessionsPerUser: number | null
    readonly onSessionLimit: 'evict-oldest' | 'reject'
    readonly refreshesPerMinute: number | null
    readonly allowRefresh: ((attempt: RefreshAttempt) => boolean | Promise<boolean>) | null
  }
  readonly serverless: { readonly waitUntil: WaitUntil | null } | null
  readonly privacy: {
    readonly ip: 'full' | 'network' | 'none'
    readonly userAgent: boolean
    readonly keepEnded: number
    readonly pruneInterval: number | null
  }
  readonly now: (() => number) | null
}
