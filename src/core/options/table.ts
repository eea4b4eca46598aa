import { check } from '../../portable/options/check.ts'
import type { OptionTable } from '../../portable/options/table.ts'
import {
  bytes,
  callback,
  count,
  flag,
  methods,
  type OptionValue,
  oneOf,
  orNull,
  seconds,
  text,
} from '../../portable/options/values.ts'
import { type ProvidedKey, type SigningKey, signingKeyFromProvided } from '../keys/signing-key.ts'
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
  store: {
    meaning:
      'Where sessions live: `postgres({ pool })` from `pawl/postgres`, or `memory()` from `pawl/memory` for tests.',
    value: {
      type: 'Store',
      takes: 'a store: `postgres({ pool })` from `pawl/postgres` or `memory()` from `pawl/memory`',
      check(option, value) {
        const store = value as { realm?: unknown; start?: unknown } | null | undefined
        const isStore = typeof store?.realm === 'string' && typeof store.start === 'function'
        return isStore ? store : check.fail(option, value, this.takes)
      },
    },
    required: true,
  },
  secret: {
    meaning:
      'Protects refresh tokens and signing keys; `npx pawl secret` makes one. Of several, the first mints tokens and all are accepted. To change it, deploy `[old, new]` everywhere, then `[new, old]`, and drop the old one after the longest idle timeout.',
    value: {
      type: 'string | Uint8Array | readonly (string | Uint8Array)[] | undefined',
      takes: 'at least 32 random bytes as base64url, base64, hex or `Uint8Array`, or an array of such',
      // `deriveSecrets` checks it, because only the derivation sees the decoded bytes.
      check: (_option, value) => value,
    },
    required: true,
  },
  idleTimeout: {
    meaning: 'A session that is not used for this long ends (ASVS 7.3.1).',
    value: IDLE_TIMEOUT,
    default: 30 * DAY,
  },
  absoluteTimeout: {
    meaning:
      'A session ends this long after the login, however active it is (ASVS 7.3.2). `null` sets no limit, which deviates from NIST SP 800-63B.',
    value: ABSOLUTE_TIMEOUT,
    default: 365 * DAY,
  },
  claims: {
    meaning: 'A schema that types and validates the claims of access tokens (zod, valibot, arktype).',
    value: schema('StandardSchemaV1<unknown, Claims>'),
  },
  data: {
    meaning: "A schema that types and validates the `data` of a session's row.",
    value: schema('StandardSchemaV1<unknown, Data>'),
  },
  logger: {
    meaning: 'Where Pawl logs: pino, or an object of the same shape.',
    value: methods('Logger', ['debug', 'info', 'warn', 'error']),
    default: processWarnings,
    defaultText: 'process warnings, from level `warn` up',
  },
  telemetry: {
    meaning: 'Metrics and traces: `openTelemetry()` of `pawl/otel`.',
    value: methods('Telemetry', ['observe', 'trace']),
    default: noTelemetry,
    defaultText: 'none',
  },
  accessToken: {
    meaning: 'Access tokens: their life, their fields, and where they may be used.',
    type: 'AccessTokenOptions',
    options: {
      lifetime: {
        meaning:
          'Life of an access token. Pawl shortens it at random by up to 5 %, so that the tokens of a fleet do not expire together.',
        value: seconds(1, DAY),
        default: 15 * MINUTE,
      },
      issuer: { meaning: 'The claim `iss`. Verification checks it when it is set.', value: text() },
      audience: { meaning: 'The claim `aud`. Verification checks it when it is set.', value: text() },
      clientId: {
        meaning:
          'The claim `client_id`. Verification checks it when it is set. Together with `issuer` and `audience` it makes tokens that follow RFC 9068.',
        value: text(),
      },
      onContextChange: {
        meaning:
          'A request comes from another address or user agent than the token was issued to. `record` stores it with the next turn and emits an event. `refresh` also makes the client refresh, so that a theft is detected sooner; a token younger than `rotation.overlap` is accepted everywhere. Neither ends the session.',
        value: oneOf('record', 'refresh'),
        default: 'record',
      },
      cacheBytes: {
        meaning: 'Memory for verified access tokens. 0 turns the cache off.',
        value: bytes(0, 2 ** 33),
        default: 16 * MIB,
      },
    },
  },
  rotation: {
    meaning: 'How refresh tokens rotate, and how much a bad network is forgiven.',
    type: 'RotationOptions',
    options: {
      overlap: {
        meaning:
          'How long a refresh and its answer may be under way. Within this time Pawl accepts lost, repeated and racing refreshes without weakening reuse detection. 0 is strict mode: every race counts as reuse.',
        value: seconds(0, 5 * MINUTE),
        default: 30,
      },
      gracePeriod: {
        meaning: 'How long the previous refresh token is still answered after a turn.',
        value: seconds(0, DAY),
        default: 2 * MINUTE,
        atLeast: { option: 'overlap', times: 1 },
      },
      onDatabaseRollback: {
        meaning:
          'A genuine refresh token is further ahead than its row: a crash, a failover or a restored backup has lost commits. `accept` brings the row up to date, `end` ends the session.',
        value: oneOf('accept', 'end'),
        default: 'accept',
      },
    },
  },
  revocation: {
    meaning: 'How processes learn that another process ended or changed a session.',
    type: 'RevocationOptions',
    options: {
      mode: {
        meaning:
          '`feed`: every process keeps a list of revocations, updated within milliseconds by LISTEN and in any case by polling. `lookup`: as `feed`, and adapters also read the row for every request. `expiry`: no list; an access token stays valid until it expires.',
        value: oneOf('feed', 'expiry', 'lookup'),
        default: 'feed',
      },
      pollInterval: {
        meaning:
          'How often a process polls for revocations. While LISTEN works, it polls every 30 s at most.',
        value: seconds(0.1, MINUTE),
        default: 5,
      },
      maxStaleness: {
        meaning: 'When a process has not read revocations for this long, `onStale` applies.',
        value: seconds(0.2, DAY),
        default: MINUTE,
        atLeast: { option: 'pollInterval', times: 2 },
      },
      onStale: {
        meaning:
          '`serve` keeps accepting access tokens with the revocations known so far. `refuse` answers 503 until the feed is current again.',
        value: oneOf('serve', 'refuse'),
        default: 'serve',
      },
      memory: {
        meaning:
          'Memory for the list of revocations, 32 to 64 bytes each. When it is full, all older access tokens must be refreshed.',
        value: bytes(64 * 1024, 2 ** 32),
        default: 64 * MIB,
      },
    },
  },
  keys: {
    meaning: 'The keys that sign access tokens.',
    type: 'KeyOptions',
    options: {
      algorithm: {
        meaning:
          'Signature algorithm. With `EdDSA` and `ES256` other services can verify access tokens by the public keys.',
        value: oneOf('HS256', 'EdDSA', 'ES256'),
        default: 'HS256',
      },
      rotationInterval: {
        meaning: 'How often Pawl generates a new signing key.',
        // A key is published half an interval before it signs, and every process must have read it by then.
        value: seconds(5 * MINUTE, TEN_YEARS),
        default: DAY,
      },
      provided: {
        meaning:
          'Your own keys instead of generated ones: the first signs, all verify. Pawl then rotates nothing.',
        value: providedKeys(),
        defaultText: 'generated keys',
      },
    },
  },
  limits: {
    meaning: 'How many sessions a user may have and how often a session may refresh.',
    type: 'LimitOptions',
    options: {
      sessionsPerUser: {
        meaning: 'How many sessions a user may have at once. `null` sets no limit.',
        value: orNull(count(1, 1000)),
        default: null,
      },
      onSessionLimit: {
        meaning:
          "A login exceeds `sessionsPerUser`. `evict-oldest` ends the user's oldest session, `reject` refuses the login (403 `session_limit`).",
        value: oneOf('evict-oldest', 'reject'),
        default: 'evict-oldest',
      },
      refreshesPerMinute: {
        meaning:
          'How often one session may refresh per minute and process. Further refreshes are answered with "try again" (503). `null` sets no limit.',
        value: orNull(count(1, 100_000)),
        default: 60,
      },
      allowRefresh: {
        meaning:
          'Your own rate limit, called before each refresh with a genuine token. `false` answers "try again" (503). If it throws, Pawl reports the error and allows the refresh.',
        value: callback('(attempt: RefreshAttempt) => boolean | Promise<boolean>'),
        defaultText: 'none',
      },
    },
  },
  privacy: {
    meaning: 'What the rows keep about people, and for how long.',
    type: 'PrivacyOptions',
    options: {
      ip: {
        meaning:
          'How much of a client address the row keeps: all of it, its network (/24 or /48), or nothing.',
        value: oneOf('full', 'network', 'none'),
        default: 'full',
      },
      userAgent: { meaning: 'Whether the row keeps the user agent.', value: flag(), default: true },
      keepEnded: {
        meaning:
          'How long the row of an ended session is kept, to answer why it ended. Pawl keeps it for at least two access-token lifetimes.',
        value: seconds(0, TEN_YEARS),
        default: 7 * DAY,
      },
      pruneInterval: {
        meaning:
          'How often a process deletes rows past their retention. `null` turns this off: call `sessions.prune()` or run `npx pawl prune` instead.',
        value: orNull(seconds(1, 7 * DAY)),
        default: HOUR,
      },
    },
  },
  now: {
    meaning: 'The clock, in milliseconds since the epoch.',
    value: callback('() => number'),
    internal: true,
  },
}

/** A Standard Schema (standardschema.dev). */
function schema(type: string): OptionValue {
  const takes = 'a Standard Schema'
  return {
    type,
    resolvedType: 'StandardSchemaV1<unknown, unknown>',
    takes,
    check(option, value) {
      const { validate } = (value as { '~standard'?: { validate?: unknown } } | null)?.['~standard'] ?? {}
      return typeof validate === 'function' ? value : check.fail(option, value, takes)
    },
  }
}

function providedKeys(): OptionValue {
  const takes = 'a non-empty array of `{ kid, algorithm, key }` or `{ kid, algorithm, publicKey, sign }`'
  return {
    type: 'readonly ProvidedKey[]',
    resolvedType: 'readonly [SigningKey, ...SigningKey[]]',
    takes,
    check(option, value) {
      if (!Array.isArray(value) || value.length === 0) return check.fail(option, value, takes)
      const keys: SigningKey[] = (value as readonly ProvidedKey[]).map((key, index) =>
        signingKeyFromProvided(key, `${option}[${index}]`),
      )
      if (new Set(keys.map(({ kid }) => kid)).size !== keys.length)
        return check.fail(option, value, 'keys with distinct `kid`s')
      return keys
    },
  }
}
