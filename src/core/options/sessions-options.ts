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

/** The options of {@link createSessions}. Every duration is in seconds. */
export interface SessionsOptions<Claims extends object = ClaimsObject, Data = unknown> {
  /**
   * The store that keeps the sessions: `postgres({ pool })` from `pawl/postgres`, or `memory()` from `pawl/memory`
   * for tests.
   */
  readonly store: Store
  /**
   * The secret that protects refresh tokens and signing keys; `npx pawl secret` makes one. Give every installation
   * its own. If you give several, Pawl makes tokens with the first and accepts all. To change it, deploy `[old,
   * new]` everywhere, then `[new, old]`. Drop the old secret after the longest idle timeout.
   */
  readonly secret: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  /**
   * How long a session lasts without use (ASVS 7.3.1). It must be at least 4/3 × (2 × `rotation.overlap` + 5
   * seconds), which is 87 seconds by default.
   * Takes 1 to 315,360,000 seconds.
   * @defaultValue 2,592,000 (30 days)
   */
  readonly idleTimeout?: number
  /**
   * How long a session lasts after the login or the last reauthentication, however active it is (ASVS 7.3.2).
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
   * How Pawl treats a session whose stored claims or data their schema refuses, for example after a deployment.
   * `reject` answers a refresh with 401 `session_outdated`, and the user signs in again. It changes nothing, so a
   * corrected schema brings the session back. `stale` gives you the stored value, with `stale: true` beside it.
   * @defaultValue 'reject'
   */
  readonly onSchemaMismatch?: 'reject' | 'stale'
  /**
   * A function that computes the claims anew, for rights that your own tables define. Pawl calls it at each
   * refresh that it would answer, and at each login before and after it writes the row. If the claims differ, Pawl
   * stores them, and older access tokens of the session must be refreshed. `null` ends the session as `revoked`.
   * The function may take a quarter of `rotation.overlap`.
   */
  readonly refreshClaims?: (
    session: ClaimsRefresh<NoInfer<Claims>, NoInfer<Data>>,
  ) => NoInfer<Claims> | null | Promise<NoInfer<Claims> | null>
  /**
   * How a refresh continues if `refreshClaims` throws or takes too long. `keep` keeps the claims of the session.
   * `end` ends the session as `revoked`. Pawl reports the error with the event `claimsRefreshFailed`.
   * @defaultValue 'keep'
   */
  readonly onRefreshClaimsError?: 'keep' | 'end'
  /**
   * The logger: pino, or an object with the same methods.
   * @defaultValue process warnings, from level warn up
   */
  readonly logger?: Logger
  /** Metrics and traces: `openTelemetry()` of `pawl/otel`. */
  readonly telemetry?: Telemetry
  /** The lifetime, the fields and the use of access tokens. */
  readonly accessToken?: AccessTokenOptions
  /**
   * Whether Pawl binds sessions to a key of the device, so that nobody can refresh copied tokens
   * (docs/understand/device-binding.md). `offer` binds the sessions of browsers and apps that support it.
   * `require` also ends a session that is still unbound ten minutes after its login. A bound session stays bound
   * if you change this option. Set it only when every process runs a release that knows it.
   * @defaultValue 'off'
   */
  readonly deviceBinding?: 'off' | 'offer' | 'require'
  /** The rotation of refresh tokens, and its tolerance of bad networks. */
  readonly rotation?: RotationOptions
  /** The feed, by which a process learns that another one has ended or changed a session. */
  readonly revocation?: RevocationOptions
  /** The keys that sign access tokens. */
  readonly keys?: KeyOptions
  /** The number of sessions of a user, and the rate of refreshes. */
  readonly limits?: LimitOptions
  /**
   * Whether this process runs only while it answers requests, as on AWS Lambda, Vercel and Cloud Run
   * (docs/guides/serverless.md). Pawl then uses no timers and no LISTEN. If the last poll is older than
   * `revocation.pollInterval`, a request waits for a poll, `revocation.catchUpTimeout` at most. Pawl writes the
   * confirmations of a request before its answer ends, or gives them to `waitUntil`. Delete old rows by a cron:
   * `npx pawl prune`, or the adapters' option `cron`.
   * @defaultValue false
   */
  readonly serverless?: boolean | { readonly waitUntil?: WaitUntil }
  /** The personal data in the rows, and their retention. */
  readonly privacy?: PrivacyOptions
  /**
   * The clock, in milliseconds since the epoch.
   * @internal
   */
  readonly now?: () => number
}
/** The lifetime, the fields and the use of access tokens. */
export interface AccessTokenOptions {
  /**
   * The lifetime of an access token. Pawl shortens it at random by up to 5 %, so that the tokens of a fleet do not
   * expire together. It is at most a quarter of the idle timeout.
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
   * How Pawl treats an access token that comes from another address or user agent than it was issued to. `record`
   * stores the new ones with the next rotation and emits an event. `refresh` also makes the client refresh, which
   * detects a theft sooner; tokens younger than `rotation.overlap` are exempt. Neither ends the session.
   * @defaultValue 'record'
   */
  readonly onContextChange?: 'record' | 'refresh'
  /**
   * The memory of the cache of verified access tokens. 0 turns the cache off.
   * Takes 0 to 8,589,934,592 bytes.
   * @defaultValue 16,777,216 (16 MiB)
   */
  readonly cacheBytes?: number
}

/** The rotation of refresh tokens, and its tolerance of bad networks. */
export interface RotationOptions {
  /**
   * The longest time that a refresh and its answer may be under way. Within it Pawl accepts lost, repeated and
   * racing refreshes without weakening reuse detection. 0 is strict mode: every race counts as reuse.
   * Takes 0 to 300 seconds.
   * @defaultValue 30
   */
  readonly overlap?: number
  /**
   * How long Pawl accepts the previous refresh token after a rotation, with 5 seconds of clock tolerance. It must
   * be at least `overlap`.
   * Takes 0 to 86,400 seconds.
   * @defaultValue 120 (2 minutes), or overlap if that is longer
   */
  readonly gracePeriod?: number
  /**
   * How Pawl treats a genuine refresh token that is ahead of its row, because a crash, a failover or a restored
   * backup has lost commits. `accept` brings the row up to date, `end` ends the session.
   * @defaultValue 'accept'
   */
  readonly onDatabaseRollback?: 'accept' | 'end'
}

/** The feed, by which a process learns that another one has ended or changed a session. */
export interface RevocationOptions {
  /**
   * How a process learns of revocations. `feed`: it keeps a list of them, which LISTEN updates within
   * milliseconds, and polling in any case. `lookup`: as `feed`, and adapters also read the row for every request.
   * `expiry`: without a list, so an access token stays valid until it expires.
   * @defaultValue 'feed'
   */
  readonly mode?: 'feed' | 'expiry' | 'lookup'
  /**
   * How often a process polls for revocations. While LISTEN works, it polls after each notification, and every 30
   * seconds.
   * Takes 0.1 to 60 seconds.
   * @defaultValue 5
   */
  readonly pollInterval?: number
  /**
   * How old the list of revocations may become before `onStale` applies. It must be at least two poll intervals.
   * Takes 0.2 to 86,400 seconds.
   * @defaultValue 60 (1 minute), or two poll intervals if that is longer
   */
  readonly maxStaleness?: number
  /**
   * How a process continues when its list of revocations is older than `maxStaleness`. `serve` accepts access
   * tokens by the list that it has. `refuse` answers 503 until the feed is current again.
   * @defaultValue 'serve'
   */
  readonly onStale?: 'serve' | 'refuse'
  /**
   * The longest time that a request waits for missed revocations. A process has missed some after it was frozen or
   * suspended. After that time `onStale` applies. 0 does not wait.
   * Takes 0 to 10 seconds.
   * @defaultValue 0.5
   */
  readonly catchUpTimeout?: number
  /**
   * The memory of the list of revocations, 32 to 64 bytes for each entry. When it is full, all older access tokens
   * must be refreshed.
   * Takes 65,536 to 4,294,967,296 bytes.
   * @defaultValue 67,108,864 (64 MiB)
   */
  readonly memory?: number
}

/** The keys that sign access tokens. */
export interface KeyOptions {
  /**
   * The signature algorithm. With `EdDSA` and `ES256` other services can verify access tokens by the public keys.
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
   * Your own keys instead of generated ones: the first signs, all verify. Pawl then rotates nothing. If it is a
   * function, Pawl calls it at the start, every minute, and for `keys.rotate()`. Pawl also calls it for a token
   * with an unknown `kid`, at most every 10 seconds.
   * Takes a non-empty array of `{ kid, algorithm, key }` or `{ kid, algorithm, publicKey, sign }`, or a function
   * that returns one.
   * @defaultValue generated keys
   */
  readonly provided?: readonly ProvidedKey[] | ProvidedKeySource
}

/** The number of sessions of a user, and the rate of refreshes. */
export interface LimitOptions {
  /**
   * The number of sessions that a user may have at once. `null` sets no limit.
   * Takes a whole number from 1 to 1,000, or null.
   * @defaultValue null
   */
  readonly sessionsPerUser?: number | null
  /**
   * How Pawl treats a login that exceeds `sessionsPerUser`. `evict-oldest` ends the user's oldest sessions,
   * `reject` refuses the login (403 `session_limit`).
   * @defaultValue 'evict-oldest'
   */
  readonly onSessionLimit?: 'evict-oldest' | 'reject'
  /**
   * How often one refresh token may refresh per minute and process. Pawl answers further refreshes with 503
   * `try_again`. It looks for reuse before it applies the limit, so the limit hides no theft. `null` sets no
   * limit.
   * Takes a whole number from 1 to 100,000, or null.
   * @defaultValue 60
   */
  readonly refreshesPerMinute?: number | null
  /**
   * Your own rate limit: a function that Pawl calls before each refresh that it would answer. If it returns
   * `false`, or takes longer than half of `rotation.overlap`, Pawl answers 503 `try_again`. If it throws, Pawl
   * emits a process warning and allows the refresh.
   */
  readonly allowRefresh?: (attempt: RefreshAttempt) => boolean | Promise<boolean>
}

/** The personal data in the rows, and their retention. */
export interface PrivacyOptions {
  /**
   * The part of the client address that the row keeps: all of it, its network (/24 or /48), or nothing.
   * @defaultValue 'full'
   */
  readonly ip?: 'full' | 'network' | 'none'
  /**
   * Whether the row keeps the user agent.
   * @defaultValue true
   */
  readonly userAgent?: boolean
  /**
   * How long Pawl keeps the row of an ended session, to answer why it ended. Whatever the value, the row stays for
   * at least two access-token lifetimes, or two minutes if that is longer.
   * Takes 0 to 315,360,000 seconds.
   * @defaultValue 604,800 (7 days)
   */
  readonly keepEnded?: number
  /**
   * How often a process deletes rows past their retention. `null` turns this off: call `sessions.prune()` or run
   * `npx pawl prune` instead. With `serverless` it is always `null`.
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
