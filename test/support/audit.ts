import type { Pool } from 'pg'

/** The rows of the audit, the oldest first, each as `kind reason` or `kind`. */
export async function auditOf(pool: Pool, schema: string, sessionId?: string): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(
    `select concat_ws(' ', kind, reason) as line from "${schema}".session_audit
     where $1::uuid is null or session_id = $1 order by at, kind`,
    [sessionId ?? null],
  )
  return rows.map(({ line }) => line)
}
