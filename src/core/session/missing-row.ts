import { SecretUnknownError, StoreUnavailableError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import type { MissingRows } from '../store.ts'

const MESSAGES: Readonly<Record<MissingRows, string>> = {
  'row-security':
    'Row level security may hide the row of this session. Connect as the owner of the tables, or give the role BYPASSRLS.',
  'unused-table':
    'The table of sessions has never held a row, but the token is genuine. Check DATABASE_URL and the option `schema`. If the database is new on purpose, the next login ends this state.',
}

const NOT_REPLICATED =
  'The token is genuine, but the replica has no row of its session yet. If this goes on, check the replication.'

/**
 * Call it when the row of a genuine token is missing. With a wrong DATABASE_URL every row is missing, and an answer "ended"
 * would sign every user out.
 * @throws StoreUnavailableError if row level security may hide the row, or the database is a replica
 * @throws SecretUnknownError if the token is of another database: a page may treat the request as a visitor's
 */
export async function assertRowsVisible({ store, events }: Pick<Engine, 'store' | 'events'>): Promise<void> {
  if (store.readOnly === true) throw new StoreUnavailableError(NOT_REPLICATED)
  const reason = (await store.missingRows?.()) ?? null
  if (reason === null) return
  events.emit('rowsHidden', { reason })
  if (reason === 'unused-table') throw new SecretUnknownError(MESSAGES[reason])
  throw new StoreUnavailableError(MESSAGES[reason])
}
