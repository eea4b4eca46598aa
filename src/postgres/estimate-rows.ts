import type { QueryOne } from './count-sessions.ts'
import type { Parameter } from './parameters.ts'
import { isUnsupported } from './sqlstate.ts'

interface Plan {
  readonly 'Node Type'?: unknown
  readonly 'Plan Rows'?: unknown
  readonly Plans?: readonly Plan[]
}

/**
 * PostgreSQL's own nodes. A `Custom Scan` of an extension and a `Foreign Scan` show placeholders: Citus reports
 * 100,000 rows for every distributed table.
 */
const OWN_NODES: ReadonlySet<unknown> = new Set([
  'Append',
  'Bitmap Heap Scan',
  'Bitmap Index Scan',
  'BitmapAnd',
  'BitmapOr',
  'Gather',
  'Index Only Scan',
  'Index Scan',
  'Merge Append',
  'Result',
  'Seq Scan',
])

/** Without statistics on each partition that has rows, the planner guesses. ANALYZE makes them, for all columns at once. */
const ANALYZED = `select bool_and(pg_relation_size(c.oid) = 0 or exists (select 1 from pg_catalog.pg_stats s
      where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = 'expires_at')) as analyzed
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and (c.oid = to_regclass($1)
    or c.oid in (select relid from pg_catalog.pg_partition_tree(to_regclass($1))))`

/**
 * Whether the planner has statistics on every part of the table, and plans its rows itself.
 * @param sessions the escaped name of the table
 */
export async function hasEstimates(queryOne: QueryOne, sessions: string): Promise<boolean> {
  try {
    if ((await queryOne(ANALYZED, [sessions]))['analyzed'] !== true) return false
    return (await estimateRows(queryOne, 'true', [])) !== null
  } catch (error) {
    if (isUnsupported(error)) return false
    throw error
  }
}

/** The planner's estimate; `null` if the plan holds a placeholder or the engine explains plans in another form. */
export async function estimateRows(
  queryOne: QueryOne,
  condition: string,
  values: Parameter[],
): Promise<number | null> {
  const row = await queryOne(`explain (format json) select 1 from :sessions where ${condition}`, values)
  const [explanation] = (Object.values(row)[0] ?? []) as [{ Plan?: Plan }?]
  const plan = explanation?.Plan
  return plan !== undefined && isOwn(plan) && typeof plan['Plan Rows'] === 'number' ? plan['Plan Rows'] : null
}

function isOwn(plan: Plan): boolean {
  return OWN_NODES.has(plan['Node Type']) && (plan.Plans ?? []).every(isOwn)
}
