import type { Events } from './events.ts'
import type { EventName } from './session-events.ts'

/** Where Pawl logs: pino, or anything in its shape. No token is ever logged. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Without a logger: what needs attention becomes a process warning, the rest is silent. */
export const processWarnings: Logger = {
  debug() {},
  info() {},
  warn: emitWarning,
  error: emitWarning,
}

/** What may come many times a second is logged at most once in so many milliseconds. */
const OFTEN_PAUSE = 10_000

interface Entry {
  /** `error`: a human has to do something; `warn`: one should look; `info`: worth knowing; `debug`: each request. */
  readonly level: keyof Logger
  readonly message: string
  /** An outage, an attack or a restored backup brings thousands of them, each saying the same. */
  readonly often?: true
}

/** Messages are stable, so that a search for one goes on finding it. */
const ENTRIES: Readonly<Record<EventName, Entry>> = {
  started: { level: 'info', message: 'sessions started' },
  created: { level: 'debug', message: 'session created' },
  refreshed: { level: 'debug', message: 'session refreshed' },
  rotated: { level: 'debug', message: 'session rotated' },
  rolledBack: { level: 'warn', message: 'the database had gone back, a session was caught up', often: true },
  reused: { level: 'warn', message: 'reuse detected: a superseded refresh token came back' },
  ended: { level: 'info', message: 'session ended' },
  contextChanged: { level: 'info', message: 'session came from another address or user agent' },
  refreshLimited: { level: 'warn', message: 'refresh put off', often: true },
  sessionLimited: { level: 'info', message: 'login refused, the user has too many sessions' },
  confirmationsDropped: { level: 'warn', message: 'confirmations dropped', often: true },
  secretUnknown: {
    level: 'warn',
    message: 'a token was made with a secret this process does not have',
    often: true,
  },
  keysRotated: { level: 'info', message: 'signing key published' },
  keyTrouble: { level: 'error', message: 'a signing key cannot be used or made' },
  clockSkew: { level: 'warn', message: "this process's clock is off the database's" },
  storeUnavailable: { level: 'warn', message: 'background work could not reach the store', often: true },
  feedListening: { level: 'info', message: 'revocations arrive by LISTEN' },
  feedPolling: { level: 'warn', message: 'LISTEN does not deliver, revocations arrive by polling' },
  feedStale: { level: 'error', message: 'no news of revocations for longer than `maxStaleness`' },
  feedCaughtUp: { level: 'info', message: 'news of revocations again' },
  feedOverflowed: {
    level: 'warn',
    message: 'more revocations than fit into `revocation.memory`, older access tokens must be refreshed',
    often: true,
  },
  feedForeign: { level: 'warn', message: "something else sends messages on Pawl's NOTIFY channel" },
  pruned: { level: 'info', message: 'old rows deleted' },
}

/**
 * Writes events to the log, each at the level it deserves, with its fields, `event` (its name) and, where
 * others of its kind were left out since the last one, `suppressed` (how many).
 *
 * @param elapsed milliseconds since any moment
 */
export function logEvents(
  events: Pick<Events, 'on'>,
  logger: Logger,
  elapsed: () => number = () => performance.now(),
): void {
  const report = reportOnce()
  for (const [name, entry] of Object.entries(ENTRIES) as [EventName, Entry][]) {
    let quietUntil = Number.NEGATIVE_INFINITY
    let suppressed = 0
    events.on(name, (event) => {
      if (entry.often === true) {
        const now = elapsed()
        if (now < quietUntil) {
          suppressed++
          return
        }
        quietUntil = now + OFTEN_PAUSE
      }
      const fields = fieldsOf(name, event, suppressed)
      suppressed = 0
      try {
        // Its type allows an async function, whose rejection would end the process.
        const result: unknown = logger[entry.level](fields, entry.message)
        if (result instanceof Promise) result.catch(report)
      } catch (error) {
        report(error)
      }
    })
  }
}

function fieldsOf(name: EventName, event: object, suppressed: number): object {
  const fields: Record<string, unknown> = { event: name, ...event }
  if ('error' in fields) {
    // Loggers know an error by this name.
    fields['err'] = fields['error']
    delete fields['error']
  }
  if (suppressed > 0) fields['suppressed'] = suppressed
  return fields
}

/** A logger that fails once fails always; saying so at every event would bury everything else. */
function reportOnce(): (error: unknown) => void {
  let reported = false
  return (error) => {
    if (reported) return
    reported = true
    process.emitWarning(`\`logger\` threw, which is reported once: ${messageOf(error)}`, 'PawlWarning')
  }
}

function emitWarning(fields: object, message: string): void {
  const { event, ...rest } = fields as { readonly event?: string }
  const detail = Object.entries(rest)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${JSON.stringify(value instanceof Error ? messageOf(value) : value)}`)
  process.emitWarning(detail.length === 0 ? message : `${message} (${detail.join(', ')})`, {
    type: 'PawlWarning',
    ...(event === undefined ? {} : { code: `PAWL_${event.replace(/[A-Z]/g, '_$&').toUpperCase()}` }),
  })
}

/** With its cause: a store that is unavailable does not say why, its driver does. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.message || error.name
  return error.cause instanceof Error ? `${own}: ${error.cause.message || error.cause.name}` : own
}
