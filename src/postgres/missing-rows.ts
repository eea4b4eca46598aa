import type { MissingRows } from '../core/store.ts'
import type { Connection } from './connection.ts'
import type { Names } from './names.ts'
import { HIDES_ROWS } from './preflight.ts'
import { isUndefinedTable, isUnsupported } from './sqlstate.ts'

/**
 * An index keeps its pages when rows are deleted. One that has only its first page, which holds no entries, has never
 * held a row: the table is new, as in another database. TRUNCATE, REINDEX and VACUUM FULL make an index new, too.
 */
const REASON = `select case
    when ${HIDES_ROWS} then 'row-security'
    when exists (select 1 from :sessions) then null
    when pg_relation_size(to_regclass($1)) between 1 and current_setting('block_size')::int then 'unused-table'
  end as reason
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass($2)`

/** Reads why a row that exists may be missing. Not called for forged tokens. */
export async function readMissingRows(connection: Connection, names: Names): Promise<MissingRows | null> {
  const index = `${names.schema}.sessions_pkey`
  try {
    const [row] = await connection.query(names.fill(REASON), [index, names.sessions])
    return (row?.['reason'] as MissingRows | null | undefined) ?? null
  } catch (error) {
    // An engine without these functions tells nothing.
    if (isUnsupported(error) || isUndefinedTable(error)) return null
    throw error
  }
}
