import { StoreUnavailableError } from '../../portable/errors.ts'
import { printable } from '../../portable/printable.ts'
import { catchRejection, type Events } from './events.ts'
import type { EventName } from './session-events.ts'

/**
 * A logger with the methods of pino. `fields` holds the name of the event as `event`, and its fields. The messages are
 * stable. Pawl never logs a token. If a method throws, Pawl emits one process warning.
 */
export interface Logger {
  /** Logs a part of normal requests. */
  debug(fields: object, message: string): void
  /** Logs something unusual that needs no action. */
  info(fields: object, message: string): void
  /** Logs something that an operator should look at. */
  warn(fields: object, message: string): void
  /** Logs something that an operator must act on. */
  error(fields: object, message: string): void
}

/** The default logger: warnings and errors become process warnings, everything else is dropped. */
export const processWarnings: Logger = {
  debug() {},
  info() {},
  warn: emitWarning,
  error: emitWarning,
}

/** A frequent event is logged at most once per this many milliseconds. */
const FREQUENT_INTERVAL = 10_000

interface LogEntry {
  /** `error`: somebody must act. `warn`: somebody should look. `info`: unusual. `debug`: part of normal requests. */
  readonly level: keyof Logger
  readonly message: string
  /** An outage, an attack or a restored backup causes thousands of them. */
  readonly frequent?: true
}

/** The messages are stable, so that saved searches keep working. */
export const ENTRIES: Readonly<Record<EventName, LogEntry>> = {
  started: { level: 'info', message: 'sessions started' },
  created: { level: 'debug', message: 'session created' },
  actingStarted: { level: 'info', message: 'administrator acts as a user' },
  actingStopped: { level: 'info', message: 'administrator stopped acting as a user' },
  refreshed: { level: 'debug', message: 'session refreshed' },
  rotated: { level: 'debug', message: 'session rotated' },
  rolledBack: {
    level: 'warn',
    message: 'the database lost commits, a refresh token brought the session up to date',
    frequent: true,
  },
  reused: { level: 'warn', message: 'reuse detected: a superseded refresh token came back' },
  deviceBound: { level: 'debug', message: 'session bound to a device' },
  deviceProofMissing: {
    level: 'warn',
    message: 'a refresh came without the proof of its device: copied tokens, or a client that lost its key',
    frequent: true,
  },
  deviceMismatch: {
    level: 'warn',
    message: 'a refresh came with the proof of another device',
    frequent: true,
  },
  ended: { level: 'info', message: 'session ended' },
  // Only this says who did it, so the default logger reports it too.
  consoleAction: { level: 'warn', message: 'administrator acted by the console' },
  contextChanged: { level: 'info', message: 'session used from another address or user agent' },
  schemaMismatch: {
    level: 'warn',
    message: 'stored claims or data do not match their schema, `onSchemaMismatch` applies',
    frequent: true,
  },
  claimsRefreshFailed: {
    level: 'error',
    message: '`refreshClaims` failed, `onRefreshClaimsError` applies',
    frequent: true,
  },
  cookiesLarge: {
    level: 'warn',
    message:
      'session cookies are large, a proxy may answer 502: put large values into `data` instead of `claims`, or raise its limit (nginx: proxy_buffer_size)',
  },
  refreshLimited: {
    level: 'warn',
    message: 'refresh refused by a limit, the client retries',
    frequent: true,
  },
  sessionLimited: { level: 'info', message: 'login refused, the user has reached `limits.sessionsPerUser`' },
  confirmationsDropped: {
    level: 'warn',
    message: 'confirmations dropped, the next refresh has the same effect',
    frequent: true,
  },
  secretUnknown: {
    level: 'warn',
    message:
      'a token was made with an unknown secret, check that all processes have the same `secret`, and that each application on this host has cookie names of its own (cookies do not know ports)',
    frequent: true,
  },
  rowsHidden: {
    level: 'error',
    message: 'sessions are not visible, check DATABASE_URL, the option `schema` and row level security',
    frequent: true,
  },
  keysRotated: { level: 'info', message: 'signing key published' },
  keyTrouble: { level: 'error', message: 'a signing key cannot be used or created', frequent: true },
  clockSkew: { level: 'warn', message: "this process's clock differs from the database's, check NTP" },
  storeUnavailable: { level: 'warn', message: 'background work could not reach the store', frequent: true },
  backgroundFailed: {
    level: 'error',
    message: 'background work failed, probably by a bug of Pawl or of the database driver: please report it',
    frequent: true,
  },
  feedListening: { level: 'info', message: 'LISTEN works, revocations arrive at once' },
  feedPolling: { level: 'warn', message: 'LISTEN does not work, revocations arrive by polling' },
  feedStale: {
    level: 'error',
    message: 'the feed is stale, revocations could not be read for longer than `maxStaleness`',
  },
  feedCaughtUp: { level: 'info', message: 'the feed is current again' },
  feedOverflowed: {
    level: 'warn',
    message: '`revocation.memory` is full, older access tokens must be refreshed',
    frequent: true,
  },
  feedForeign: { level: 'warn', message: "another program sends messages on Pawl's NOTIFY channel" },
  pruned: { level: 'info', message: 'rows past their retention deleted' },
}

/**
 * Writes events to the log with their fields and `event`, the name. `suppressed` is the number of events of the same
 * name that were not logged since the last one.
 *
 * @param elapsed milliseconds since a fixed moment
 */
export function logEvents(
  events: Pick<Events, 'on'>,
  logger: Logger,
  elapsed: () => number = () => performance.now(),
): void {
  const guarded = guardLogger(logger)
  for (const [name, entry] of Object.entries(ENTRIES) as [EventName, LogEntry][]) {
    let quietUntil = Number.NEGATIVE_INFINITY
    let suppressed = 0
    events.on(name, (event) => {
      if (entry.frequent === true) {
        const now = elapsed()
        if (now < quietUntil) {
          suppressed++
          return
        }
        quietUntil = now + FREQUENT_INTERVAL
      }
      const fields = fieldsOf(name, event, suppressed)
      suppressed = 0
      guarded[entry.level](fields, entry.message)
    })
  }
}

/** The logger of the application. If it throws or rejects, Pawl reports that once and goes on. */
export function guardLogger(logger: Logger): Logger {
  const report = reportOnce()
  const guarded =
    (level: keyof Logger) =>
    (fields: object, message: string): void => {
      try {
        // The type allows an async function. Its unhandled rejection would end the process.
        catchRejection(logger[level](fields, message), report)
      } catch (error) {
        report(error)
      }
    }
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') }
}

function fieldsOf(name: EventName, event: object, suppressed: number): object {
  const fields: Record<string, unknown> = { event: name, ...event }
  if ('error' in fields) {
    // The field that pino and other loggers serialize as an error.
    fields['err'] = fields['error']
    delete fields['error']
  }
  if (suppressed > 0) fields['suppressed'] = suppressed
  return fields
}

/** Reports a broken logger only once, because it usually fails for every event. */
function reportOnce(): (error: unknown) => void {
  let reported = false
  return (error) => {
    if (reported) return
    reported = true
    process.emitWarning(
      printable(`\`logger\` threw (reported only once): ${messageOf(error)}`),
      'PawlWarning',
    )
  }
}

/** Escapes all of it, because clients write user agents and pages write origins: they must not control a terminal. */
function emitWarning(fields: object, message: string): void {
  const { event, ...rest } = fields as { readonly event?: string }
  const detail = Object.entries(rest)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${JSON.stringify(value instanceof Error ? messageOf(value) : value)}`)
  process.emitWarning(printable(detail.length === 0 ? message : `${message} (${detail.join(', ')})`), {
    type: 'PawlWarning',
    ...(event === undefined ? {} : { code: `PAWL_${event.replace(/[A-Z]/g, '_$&').toUpperCase()}` }),
  })
}

/** Includes the cause. An unavailable store already names it, without secrets. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.message || error.name
  return error.cause instanceof Error && !(error instanceof StoreUnavailableError)
    ? `${own}: ${error.cause.message || error.cause.name}`
    : own
}
