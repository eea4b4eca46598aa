import { createSecretKey, randomBytes } from 'node:crypto'
import { createSessions, type Sessions, type SessionsOptions } from '../index.ts'
import { type PostgresStore, postgres } from '../postgres/index.ts'
import type { Context } from './command.ts'
import { UsageError } from './terminal/errors.ts'
import { printable } from './terminal/text.ts'

/** The database that was asked for, as a store; closed when the work is done or interrupted. */
export async function withStore<T>(
  { flags, interrupted }: Context,
  work: (store: PostgresStore) => Promise<T>,
): Promise<T> {
  const store = postgres({
    connectionString: connectionString(flags.text('url')),
    schema: flags.text('schema') ?? 'pawl',
    migrate: false,
    listen: false,
    maxConnections: 2,
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

/** The same on a schema that is known to be there and up to date. */
export function withReadyStore<T>(context: Context, work: (store: PostgresStore) => Promise<T>): Promise<T> {
  return withStore(context, async (store) => {
    await store.start()
    return work(store)
  })
}

/**
 * Sessions to look at and to end, without any secret of the application's: with a key of its own it never
 * touches the signing keys, and what it ends is still told to every process that runs.
 */
export function withSessions<T>(
  context: Context,
  work: (sessions: Sessions, store: PostgresStore) => Promise<T>,
): Promise<T> {
  const key = createSecretKey(randomBytes(32))
  return withOpened(
    context,
    { secret: randomBytes(32), keys: { provided: [{ kid: 'command-line', algorithm: 'HS256', key }] } },
    work,
  )
}

/** `createSessions` on the database that was asked for, doing nothing in the background. */
export function withOpened<T>(
  context: Context,
  options: Omit<SessionsOptions, 'store'>,
  work: (sessions: Sessions, store: PostgresStore) => Promise<T>,
): Promise<T> {
  return withStore(context, async (store) => {
    let opened = false
    // What goes wrong before that is thrown, and said once.
    const say = (_fields: object, message: string): void => {
      if (opened && !context.interrupted.aborted) context.out.note(`pawl: ${printable(message)}`)
    }
    const sessions = await createSessions({
      store,
      revocation: { mode: 'expiry' },
      privacy: { pruneInterval: null },
      logger: { debug() {}, info() {}, warn: say, error: say },
      // An operator's machine whose clock is a little off may work all the same: it follows the database's.
      rotation: { overlap: 300 },
      ...options,
    })
    opened = true
    const close = (): void => void sessions.close().catch(() => {})
    context.interrupted.addEventListener('abort', close)
    try {
      return await work(sessions, store)
    } finally {
      context.interrupted.removeEventListener('abort', close)
      // Waits until the other processes have been told.
      await sessions.close()
    }
  })
}

/** @throws UsageError without repeating what was given, which holds a password */
function connectionString(given: string | undefined): string {
  const url = given ?? process.env['DATABASE_URL']
  if (url === undefined || url === '') throw new UsageError('which database? Give --url, or set DATABASE_URL')
  // The driver also takes the path of a socket.
  const known = /^(?:postgres(?:ql)?|socket):/.test(url) && URL.canParse(url)
  if (!known && !url.startsWith('/')) {
    throw new UsageError(
      `${given === undefined ? 'DATABASE_URL' : '--url'} is no PostgreSQL URL: it looks like postgres://host:5432/database`,
    )
  }
  return url
}
