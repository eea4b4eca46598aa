import { createSecretKey, randomBytes } from 'node:crypto'
import { type Algorithm, createSessions, type Sessions, type SessionsOptions } from '../index.ts'
import { printable } from '../portable/printable.ts'
import { connectionStringMistake } from '../postgres/connection-string.ts'
import { type PostgresStore, postgres } from '../postgres/index.ts'
import type { Context } from './command.ts'
import { NO_KEYS } from './commands/keys/listed-keys.ts'
import { Failure, UsageError } from './terminal/errors.ts'

/** Ten years, in seconds: the maximum of `keys.rotationInterval`. */
const MAX_ROTATION_INTERVAL = 3650 * 86_400
/** A day, in seconds: the maximum of `accessToken.lifetime`. */
const MAX_TOKEN_LIFETIME = 86_400

/** What a command needs of its connections. */
export interface Connections {
  /** Where to try LISTEN, as in `postgres`. @defaultValue false */
  readonly listen?: boolean | string
  /** @defaultValue 2 */
  readonly maxConnections?: number
}

/** Opens the database as a store, and closes it after the work or on Ctrl-C. */
export async function withStore<T>(
  { flags, interrupted, readOnly }: Context,
  work: (store: PostgresStore) => Promise<T>,
  { listen = false, maxConnections = 2 }: Connections = {},
): Promise<T> {
  const store = postgres({
    connectionString: connectionString(flags.value('url')),
    schema: flags.value('schema') ?? 'pawl',
    migrate: false,
    listen,
    readOnly,
    maxConnections,
    followAudit: true,
  })
  const close = (): void => void store.close().catch(() => {})
  interrupted.addEventListener('abort', close)
  try {
    return await work(store)
  } finally {
    interrupted.removeEventListener('abort', close)
    await store.close()
  }
}

/** {@link withStore}, and fails if the schema lacks a migration. */
export function withMigratedStore<T>(
  context: Context,
  work: (store: PostgresStore) => Promise<T>,
): Promise<T> {
  return withStore(context, async (store) => {
    await store.start()
    return work(store)
  })
}

/**
 * Sessions to read and to revoke without the application's secret. A key of their own keeps them away from
 * the signing keys in the database. Their revocations reach every process.
 */
export function withSessions<T>(
  context: Context,
  work: (sessions: Sessions, store: PostgresStore) => Promise<T>,
  connections?: Connections,
): Promise<T> {
  const key = createSecretKey(randomBytes(32))
  return withCreatedSessions(
    context,
    { secret: randomBytes(32), keys: { provided: [{ kid: 'command-line', algorithm: 'HS256', key }] } },
    work,
    connections,
  )
}

/**
 * Sessions with the signing keys of the application, to rotate them.
 * @param secret of the application
 * @throws Failure if there is no signing key
 */
export async function withApplicationKeys<T>(
  context: Context,
  secret: readonly string[],
  work: (sessions: Sessions, store: PostgresStore) => Promise<T>,
  connections?: Connections,
): Promise<T> {
  const algorithm = await withMigratedStore(context, async (store) => (await store.keys()).at(-1)?.algorithm)
  if (algorithm === undefined) throw new Failure(NO_KEYS)
  return withCreatedSessions(
    context,
    {
      secret: [...secret],
      // With another algorithm or a shorter interval, opening the keys could already publish one.
      keys: { algorithm: algorithm as Algorithm, rotationInterval: MAX_ROTATION_INTERVAL },
      // Determines how long the old key verifies.
      accessToken: { lifetime: MAX_TOKEN_LIFETIME },
    },
    work,
    connections,
  )
}

/** The application's secrets in the environment, the one that mints first; empty if there is none. */
export function applicationSecrets(): string[] {
  return (process.env['PAWL_SECRET'] ?? '')
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '')
}

/** `createSessions` on the database, without work in the background. */
function withCreatedSessions<T>(
  context: Context,
  options: Omit<SessionsOptions, 'store'>,
  work: (sessions: Sessions, store: PostgresStore) => Promise<T>,
  connections?: Connections,
): Promise<T> {
  return withStore(
    context,
    async (store) => {
      let created = false
      // An error during creation is thrown as well, and must not be printed twice.
      const print = (fields: { readonly event?: string }, message: string): void => {
        // The console prints its actions itself, with what each was done to.
        if (fields.event === 'consoleAction') return
        if (created && !context.interrupted.aborted) context.out.note(`pawl: ${printable(message)}`)
      }
      const sessions = await createSessions({
        store,
        revocation: { mode: 'expiry' },
        privacy: { pruneInterval: null },
        logger: { debug() {}, info() {}, warn: print, error: print },
        // Tolerates an operator's machine whose clock is a little off; times follow the database's clock.
        rotation: { overlap: 300 },
        ...options,
      })
      created = true
      const close = (): void => void sessions.close().catch(() => {})
      context.interrupted.addEventListener('abort', close)
      try {
        return await work(sessions, store)
      } finally {
        context.interrupted.removeEventListener('abort', close)
        // Waits until the other processes are notified.
        await sessions.close()
      }
    },
    connections,
  )
}

/** @throws UsageError without repeating the URL, which may hold a password */
export function checkUrl(source: string, url: string): void {
  const mistake = connectionStringMistake(url)
  if (mistake !== null) throw new UsageError(`${source} ${mistake}`)
}

/** @throws UsageError */
function connectionString(flag: string | undefined): string {
  const url = flag ?? process.env['DATABASE_URL']
  if (url === undefined || url === '')
    throw new UsageError(
      'no database is given. Set DATABASE_URL, or add --url. `npx` does not read .env; for that run node --env-file=.env node_modules/.bin/pawl …',
    )
  checkUrl(flag === undefined ? 'DATABASE_URL' : '--url', url)
  return url
}
