import { createSecretKey, randomBytes } from 'node:crypto'
import { createSessions, type Sessions, type SessionsOptions } from '../index.ts'
import { printable } from '../portable/printable.ts'
import { connectionStringMistake } from '../postgres/connection-string.ts'
import { type PostgresStore, postgres } from '../postgres/index.ts'
import type { Context } from './command.ts'
import { UsageError } from './terminal/errors.ts'

/** Opens the database as a store, and closes it after the work or on Ctrl-C. */
export async function withStore<T>(
  { flags, interrupted, readOnly }: Context,
  work: (store: PostgresStore) => Promise<T>,
  listen: boolean | string = false,
  maxConnections = 2,
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
): Promise<T> {
  const key = createSecretKey(randomBytes(32))
  return withCreatedSessions(
    context,
    { secret: randomBytes(32), keys: { provided: [{ kid: 'command-line', algorithm: 'HS256', key }] } },
    work,
  )
}

/** `createSessions` on the database, without work in the background. */
export function withCreatedSessions<T>(
  context: Context,
  options: Omit<SessionsOptions, 'store'>,
  work: (sessions: Sessions, store: PostgresStore) => Promise<T>,
): Promise<T> {
  return withStore(context, async (store) => {
    let created = false
    // An error during creation is thrown as well, and must not be printed twice.
    const print = (_fields: object, message: string): void => {
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
  })
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
    throw new UsageError('no database is given. Set DATABASE_URL, or add --url.')
  checkUrl(flag === undefined ? 'DATABASE_URL' : '--url', url)
  return url
}
