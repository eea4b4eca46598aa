import type { Pool } from 'pg'

/** Many more sessions like one there is, each of a user of its own. */
export async function multiply(pool: Pool, schema: string, times: number): Promise<void> {
  const others =
    'generation, current, anchor_hash, created_at, expires_at, absolute_expires_at, claims, prune_on'
  await pool.query(
    `insert into "${schema}".sessions (id, user_id, ${others})
     select gen_random_uuid(), user_id || ' ' || gen_random_uuid(), ${others}
     from (select * from "${schema}".sessions limit 1) one, generate_series(1, $1)`,
    [times],
  )
}
