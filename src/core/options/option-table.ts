import { check } from '../../portable/options/check.ts'
import { group } from '../../portable/options/group.ts'
import type { OptionTable, OptionValue } from '../../portable/options/option.ts'
import { resolveTable } from '../../portable/options/resolve-table.ts'
import {
  bytes,
  callback,
  count,
  flag,
  methods,
  oneOf,
  orNull,
  seconds,
  text,
} from '../../portable/options/values.ts'
import { checkProvidedKeys, PROVIDED_KEYS } from '../keys/provided-keys.ts'
import { processWarnings } from '../observability/logger.ts'
import { noTelemetry } from '../observability/telemetry.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** The longest timeout that makes sense to write down. */
const TEN_YEARS = 3650 * DAY
const MIB = 1024 * 1024

/** Both timeouts of a session. A login takes the same values as `createSessions`. */
export const IDLE_TIMEOUT: OptionValue = seconds(1, TEN_YEARS)
export const ABSOLUTE_TIMEOUT: OptionValue = orNull(seconds(1, TEN_YEARS))

/** The options of `createSessions`. After a change run `npm run options`. */
export const SESSIONS_OPTIONS: OptionTable = {
  /**
   * The store that keeps the sessions: `postgres({ pool })` from `pawl/postgres`, or `memory()` from `pawl/memory` for
   * tests.
   * @type {Store}
   */
  store: {
    value: {
      takes: 'a store: `postgres({ pool })` from `pawl/postgres` or `memory()` from `pawl/memory`',
      check(option, value) {
        const store = value as { realm?: unknown; start?: unknown } | null | undefined
        const isStore = typeof store?.realm === 'string' && typeof store.start === 'function'
        return isStore ? store : check.fail(option, value, this.takes)
      },
    },
    required: true,
  },
  /**
   * The secret that protects refresh tokens and signing keys; `npx pawl secret` makes one. Give every installation its own. If
   * you give several, Pawl makes tokens with the first and accepts all. To change it, deploy `[old, new]` everywhere, then
   * `[new, old]`. Drop the old secret after the longest idle timeout.
   * @type {string | Uint8Array | readonly (string | Uint8Array)[] | undefined}
   */
  secret: {
    value: {
      takes: 'at least 32 random bytes as base64url, base64, hex or `Uint8Array`, or an array of such',
      // `deriveSecrets` checks it, because only the derivation sees the decoded bytes.
      check: (_option, value) => value,
    },
    required: true,
  },
  /**
   * How long a session lasts without use (ASVS 7.3.1). It must be at least 4/3 × (2 × `rotation.overlap` + 5 seconds), which
   * is 87 seconds by default.
   */
  idleTimeout: { value: IDLE_TIMEOUT, default: 30 * DAY },
  /**
   * How long a session lasts after the login or the last reauthentication, however active it is (ASVS 7.3.2). `null` sets
   * no limit, which deviates from NIST SP 800-63B.
   */
  absoluteTimeout: { value: ABSOLUTE_TIMEOUT, default: 365 * DAY },
  /**
   * A schema that types and validates the claims of access tokens (zod, valibot, arktype).
   * @type {StandardSchemaV1<unknown, Claims>}
   */
  claims: { value: schema() },
  /**
   * A schema that types and validates the `data` of a session's row.
   * @type {StandardSchemaV1<unknown, Data>}
   */
  data: { value: schema() },
  /**
   * How Pawl treats a session whose stored claims or data their schema refuses, for example after a deployment. `reject`
   * answers a refresh with 401 `session_outdated`, and the user signs in again. It changes nothing, so a corrected schema
   * brings the session back. `stale` gives you the stored value, with `stale: true` beside it.
   */
  onSchemaMismatch: { value: oneOf('reject', 'stale'), default: 'reject' },
  /**
   * A function that computes the claims anew, for rights that your own tables define. Pawl calls it at each refresh that it
   * would answer, and at each login before and after it writes the row. If the claims differ, Pawl stores them, and older
   * access tokens of the session must be refreshed. `null` ends the session as `revoked`. The function may take a quarter
   * of `rotation.overlap`.
   * @type {(session: ClaimsRefresh<NoInfer<Claims>, NoInfer<Data>>) => NoInfer<Claims> | null | Promise<NoInfer<Claims> | null>}
   */
  refreshClaims: { value: callback() },
  /**
   * How a refresh continues if `refreshClaims` throws or takes too long. `keep` keeps the claims of the session. `end` ends the
   * session as `revoked`. Pawl reports the error with the event `claimsRefreshFailed`.
   */
  onRefreshClaimsError: { value: oneOf('keep', 'end'), default: 'keep' },
  /**
   * The logger: pino, or an object with the same methods.
   * @type {Logger}
   * @defaultValue process warnings, from level `warn` up
   */
  logger: {
    value: methods('debug', 'info', 'warn', 'error'),
    default: processWarnings,
  },
  /**
   * Metrics and traces: `openTelemetry()` of `pawl/otel`.
   * @type {Telemetry}
   * @defaultValue none
   */
  telemetry: {
    value: methods('observe', 'trace'),
    default: noTelemetry,
  },
  /** The lifetime, the fields and the use of access tokens. */
  accessToken: group({
    /**
     * The lifetime of an access token. Pawl shortens it at random by up to 5 %, so that the tokens of a fleet do
     * not expire together. It is at most a quarter of the idle timeout.
     */
    lifetime: { value: seconds(1, DAY), default: 15 * MINUTE },
    /** The claim `iss`. Verification checks it when it is set. */
    issuer: { value: text() },
    /** The claim `aud`. Verification checks it when it is set. */
    audience: { value: text() },
    /**
     * The claim `client_id`. Verification checks it when it is set. Together with `issuer` and `audience`
     * it makes tokens that follow RFC 9068.
     */
    clientId: { value: text() },
    /**
     * How Pawl treats an access token that comes from another address or user agent than it was issued to. `record`
     * stores the new ones with the next rotation and emits an event. `refresh` also makes the client refresh, which detects
     * a theft sooner; tokens younger than `rotation.overlap` are exempt. Neither ends the session.
     */
    onContextChange: { value: oneOf('record', 'refresh'), default: 'record' },
    /** The memory of the cache of verified access tokens. 0 turns the cache off. */
    cacheBytes: { value: bytes(0, 2 ** 33), default: 16 * MIB },
  }),
  /**
   * Whether Pawl binds sessions to a key of the device, so that nobody can refresh copied tokens
   * (docs/understand/device-binding.md). `offer` binds the sessions of browsers and apps that support it. `require` also ends
   * a session that is still unbound ten minutes after its login. A bound session stays bound if you change this option. Set
   * it only when every process runs a release that knows it.
   */
  deviceBinding: { value: oneOf('off', 'offer', 'require'), default: 'off' },
  /** The rotation of refresh tokens, and its tolerance of bad networks. */
  rotation: group({
    /**
     * The longest time that a refresh and its answer may be under way. Within it Pawl accepts lost, repeated and
     * racing refreshes without weakening reuse detection. 0 is strict mode: every race counts as reuse.
     */
    overlap: { value: seconds(0, 5 * MINUTE), default: 30 },
    /**
     * How long Pawl accepts the previous refresh token after a rotation, with 5 seconds of clock tolerance. It must be at
     * least `overlap`.
     * @defaultValue 120 (2 minutes), or `overlap` if that is longer
     */
    gracePeriod: {
      value: seconds(0, DAY),
    },
    /**
     * How Pawl treats a genuine refresh token that is ahead of its row, because a crash, a failover or a restored backup
     * has lost commits. `accept` brings the row up to date, `end` ends the session.
     */
    onDatabaseRollback: { value: oneOf('accept', 'end'), default: 'accept' },
  }),
  /** The feed, by which a process learns that another one has ended or changed a session. */
  revocation: group({
    /**
     * How a process learns of revocations. `feed`: it keeps a list of them, which LISTEN updates within milliseconds, and
     * polling in any case. `lookup`: as `feed`, and adapters also read the row for every request. `expiry`: without a
     * list, so an access token stays valid until it expires.
     */
    mode: { value: oneOf('feed', 'expiry', 'lookup'), default: 'feed' },
    /** How often a process polls for revocations. While LISTEN works, it polls after each notification, and every 30 seconds. */
    pollInterval: { value: seconds(0.1, MINUTE), default: 5 },
    /**
     * How old the list of revocations may become before `onStale` applies. It must be at least two poll intervals.
     * @defaultValue 60 (1 minute), or two poll intervals if that is longer
     */
    maxStaleness: {
      value: seconds(0.2, DAY),
    },
    /**
     * How a process continues when its list of revocations is older than `maxStaleness`. `serve` accepts access tokens by
     * the list that it has. `refuse` answers 503 until the feed is current again.
     */
    onStale: { value: oneOf('serve', 'refuse'), default: 'serve' },
    /**
     * The longest time that a request waits for missed revocations. A process has missed some after it was frozen or
     * suspended. After that time `onStale` applies. 0 does not wait.
     */
    catchUpTimeout: { value: seconds(0, 10), default: 0.5 },
    /**
     * The memory of the list of revocations, 32 to 64 bytes for each entry. When it is full, all older access tokens
     * must be refreshed.
     */
    memory: { value: bytes(64 * 1024, 2 ** 32), default: 64 * MIB },
  }),
  /** The keys that sign access tokens. */
  keys: group({
    /**
     * The signature algorithm. With `EdDSA` and `ES256` other services can verify access tokens by the public
     * keys.
     */
    algorithm: { value: oneOf('HS256', 'EdDSA', 'ES256'), default: 'HS256' },
    /** How often Pawl generates a new signing key. */
    rotationInterval: {
      // A key is published half an interval before it signs, and every process must have read it by then.
      value: seconds(5 * MINUTE, TEN_YEARS),
      default: DAY,
    },
    /**
     * Your own keys instead of generated ones: the first signs, all verify. Pawl then rotates nothing. If it is a function,
     * Pawl calls it at the start, every minute, and for `keys.rotate()`. Pawl also calls it for a token with an unknown
     * `kid`, at most every 10 seconds.
     * @type {readonly ProvidedKey[] | ProvidedKeySource}
     * @defaultValue generated keys
     */
    provided: { value: providedKeys() },
  }),
  /** The number of sessions of a user, and the rate of refreshes. */
  limits: group({
    /** The number of sessions that a user may have at once. `null` sets no limit. */
    sessionsPerUser: { value: orNull(count(1, 1000)), default: null },
    /**
     * How Pawl treats a login that exceeds `sessionsPerUser`. `evict-oldest` ends the user's oldest sessions, `reject` refuses
     * the login (403 `session_limit`).
     */
    onSessionLimit: { value: oneOf('evict-oldest', 'reject'), default: 'evict-oldest' },
    /**
     * How often one refresh token may refresh per minute and process. Pawl answers further refreshes with 503 `try_again`. It
     * looks for reuse before it applies the limit, so the limit hides no theft. `null` sets no limit.
     */
    refreshesPerMinute: { value: orNull(count(1, 100_000)), default: 60 },
    /**
     * Your own rate limit: a function that Pawl calls before each refresh that it would answer. If it returns `false`, or
     * takes longer than half of `rotation.overlap`, Pawl answers 503 `try_again`. If it throws, Pawl emits a process
     * warning and allows the refresh.
     * @type {(attempt: RefreshAttempt) => boolean | Promise<boolean>}
     */
    allowRefresh: {
      value: callback(),
    },
  }),
  /**
   * Whether this process runs only while it answers requests, as on AWS Lambda, Vercel and Cloud Run (docs/guides/serverless.md).
   * Pawl then uses no timers and no LISTEN. If the last poll is older than `revocation.pollInterval`, a request waits for a
   * poll, `revocation.catchUpTimeout` at most. Pawl writes the confirmations of a request before its answer ends, or gives
   * them to `waitUntil`. Delete old rows by a cron: `npx pawl prune`, or the adapters' option `cron`.
   * @type {boolean | { readonly waitUntil?: WaitUntil }}
   * @defaultValue false
   */
  serverless: { value: serverless() },
  /** The personal data in the rows, and their retention. */
  privacy: group({
    /** The part of the client address that the row keeps: all of it, its network (/24 or /48), or nothing. */
    ip: { value: oneOf('full', 'network', 'none'), default: 'full' },
    /** Whether the row keeps the user agent. */
    userAgent: { value: flag(), default: true },
    /**
     * How long Pawl keeps the row of an ended session, to answer why it ended. Whatever the value, the row stays for at least
     * two access-token lifetimes, or two minutes if that is longer.
     */
    keepEnded: { value: seconds(0, TEN_YEARS), default: 7 * DAY },
    /**
     * How often a process deletes rows past their retention. `null` turns this off: call `sessions.prune()`
     * or run `npx pawl prune` instead. With `serverless` it is always `null`.
     */
    pruneInterval: { value: orNull(seconds(1, 7 * DAY)), default: HOUR },
  }),
  /**
   * The clock, in milliseconds since the epoch.
   * @type {() => number}
   */
  now: { value: callback(), internal: true },
}

/** A Standard Schema (standardschema.dev). */
function schema(): OptionValue {
  const takes = 'a Standard Schema'
  return {
    takes,
    check(option, value) {
      const { validate } = (value as { '~standard'?: { validate?: unknown } } | null)?.['~standard'] ?? {}
      return typeof validate === 'function' ? value : check.fail(option, value, takes)
    },
  }
}

function serverless(): OptionValue {
  const takes = 'true, false or `{ waitUntil: (promise) => … }`'
  return {
    takes,
    check(option, value) {
      if (value === false) return null
      if (value === true) return { waitUntil: null }
      if (typeof value !== 'object' || value === null) return check.fail(option, value, takes)
      return resolveTable({ waitUntil: { value: callback() } }, value, option)
    },
  }
}

function providedKeys(): OptionValue {
  return {
    takes: `${PROVIDED_KEYS}, or a function that returns one`,
    // What a function returns is checked whenever it has been called.
    check: (option, value) => (typeof value === 'function' ? value : checkProvidedKeys(option, value)),
  }
}
