import type { UserPage } from '../../core/inspection.ts'
import type { Row } from '../connection.ts'
import type { Names } from '../names.ts'
import type { Parameter } from '../parameters.ts'
import { isUnsupported } from '../sqlstate.ts'
import { beginsAtPrefix, type DatabaseLocale, isPast, type UserOrder, userOrderOf } from './user-order.ts'

export type QueryRows = (text: string, values: Parameter[]) => Promise<Row[]>

/** Entries of the index per statement. A user may have thousands. */
const ENTRIES = 2000
const STATEMENTS = 5

// A user whose entries exceed one statement is left out of the next by `>`.
const grouped = (condition: string): string => `select user_id, count(*) as entries from (
    select user_id from :sessions where ${condition} and user_id <> '' order by user_id limit ${ENTRIES}
  ) as entry group by user_id order by user_id`
const USERS_FROM = grouped('user_id >= $1')
const USERS_AFTER = grouped('user_id > $1')

/** A column with a collation of its own has another order than its database. */
const ORDER = `select to_jsonb(d) as locale, (select a.attcollation = 100 from pg_catalog.pg_attribute a
    where a.attrelid = to_regclass($1) and a.attname = 'user_id') as is_default
  from pg_catalog.pg_database d where d.datname = current_database()`

/** Searches users by the beginning of their id, along the index. */
export async function findUsers(
  query: QueryRows,
  order: UserOrder,
  prefix: string,
  after: string | null,
  limit: number,
): Promise<UserPage> {
  // PostgreSQL stores no such text, and refuses it as a parameter.
  if (prefix.includes('\0')) return { userIds: [], complete: true, next: null }
  const userIds: string[] = []
  let last = after
  for (let statement = 0; statement < STATEMENTS; statement++) {
    const rows = await (last === null ? query(USERS_FROM, [prefix]) : query(USERS_AFTER, [last]))
    for (const row of rows) {
      const userId = row['user_id'] as string
      if (userId.startsWith(prefix)) {
        userIds.push(userId)
        if (userIds.length === limit) return { userIds, complete: false, next: userId }
      } else if (isPast(order, userId, prefix)) return endOfSearch()
      last = userId
    }
    const entries = rows.reduce((sum, row) => sum + Number(row['entries']), 0)
    if (entries < ENTRIES) return endOfSearch()
  }
  return { userIds, complete: false, next: last }

  function endOfSearch(): UserPage {
    return { userIds, complete: beginsAtPrefix(order, prefix), next: null }
  }
}

/** How the index on user ids is sorted. Without an answer the search is correct, and reads more. */
export function createUserOrder(query: QueryRows, names: Names): () => Promise<UserOrder> {
  let known: UserOrder | null = null
  return async () => {
    if (known !== null) return known
    try {
      const [row = {}] = await query(ORDER, [names.sessions])
      known = row['is_default'] === true ? userOrderOf(row['locale'] as DatabaseLocale) : 'unknown'
    } catch (error) {
      // An engine that does not know the statement never will. The next search repeats one that failed.
      if (!isUnsupported(error)) return 'unknown'
      known = 'unknown'
    }
    return known
  }
}
