import type { Pool } from 'pg'

/** The plan and the cost of a statement. */
export interface Explained {
  /** Its scans, such as `Index Scan using sessions_pkey` or `Seq Scan`. */
  readonly scans: readonly string[]
  /** Records and bytes that it adds to the write-ahead log, without the commit. */
  readonly records: number
  readonly bytes: number
}

/** What a statement reads. */
export interface Read {
  readonly scans: readonly string[]
  /** Entries and rows that the scans return. */
  readonly rows: number
  /** Pages of 8 kB, in memory or not. */
  readonly pages: number
}

interface Plan {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly 'Relation Name'?: string
  readonly Plans?: readonly Plan[]
  readonly 'WAL Records'?: number
  readonly 'WAL FPI'?: number
  readonly 'WAL Bytes'?: number
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
}

/** The first change of a page after a checkpoint logs the whole page. `rehearse` then tries again. */
const ATTEMPTS = 10

/** Runs a statement and rolls it back. */
export async function rehearse(pool: Pool, text: string, values: unknown[]): Promise<Explained> {
  for (let attempt = 1; ; attempt++) {
    const client = await pool.connect()
    try {
      await client.query('begin')
      const { rows } = await client.query(`explain (analyze, wal, format json) ${text}`, values)
      const plan = planOf(rows)
      if (nodesOf(plan).every((node) => node['WAL FPI'] === 0) || attempt === ATTEMPTS)
        return { scans: scansOf(plan), ...writesOf(plan) }
    } finally {
      await client.query('rollback')
      client.release()
    }
  }
}

/** Runs a statement that only reads. */
export async function readsOf(pool: Pool, text: string, values: unknown[]): Promise<Read> {
  const { rows } = await pool.query(`explain (analyze, buffers, timing off, format json) ${text}`, values)
  const plan = planOf(rows)
  return {
    scans: scansOf(plan),
    rows: rowsOf(plan),
    pages: plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!,
  }
}

/** The rows of the scans of tables, with those that a filter removed. */
function rowsOf({ Plans = [], ...plan }: Plan): number {
  const inner = Plans.reduce((sum, each) => sum + rowsOf(each), 0)
  if (plan['Relation Name'] === undefined) return inner
  return inner + (plan['Actual Rows']! + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops']!
}

/** The scans of a prepared statement with a generic plan. */
export async function genericScans(pool: Pool, text: string, parameters: number): Promise<readonly string[]> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('set local plan_cache_mode = force_generic_plan')
    await client.query(`prepare generic as ${text}`)
    const nulls = new Array(parameters).fill('null').join(', ')
    const { rows } = await client.query(`explain (format json) execute generic (${nulls})`)
    return scansOf(planOf(rows))
  } finally {
    await client.query('rollback')
    await client.query('deallocate generic')
    client.release()
  }
}

function planOf(rows: readonly Record<string, unknown>[]): Plan {
  return (rows[0]!['QUERY PLAN'] as [{ Plan: Plan }])[0].Plan
}

/** What the changes of a statement write. It may have several, and those beside its result are no part of the topmost node. */
function writesOf(plan: Plan): { records: number; bytes: number } {
  const changes = nodesOf(plan).filter((node) => node['Node Type'] === 'ModifyTable')
  const sum = (name: 'WAL Records' | 'WAL Bytes'): number =>
    (changes.length === 0 ? [plan] : changes).reduce((total, node) => total + node[name]!, 0)
  return { records: sum('WAL Records'), bytes: sum('WAL Bytes') }
}

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}

function scansOf(plan: Plan): string[] {
  const { 'Node Type': type, 'Index Name': index, 'Relation Name': relation, Plans = [] } = plan
  const own =
    index !== undefined
      ? [`${type} using ${index}`]
      : relation !== undefined && type.endsWith('Scan')
        ? [type]
        : []
  return [...own, ...Plans.flatMap(scansOf)]
}
