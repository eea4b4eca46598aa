import type { Pool } from 'pg'

/** Copies an existing session many times, each for another user. */
export async function multiply(pool: Pool, schema: string, times: number): Promise<void> {
  const copied =
    'generation, current, anchor_hash, created_at, expires_at, absolute_expires_at, claims, prune_on'
  await pool.query(
    `insert into "${schema}".sessions (id, user_id, ${copied})
     select gen_random_uuid(), user_id || ' ' || gen_random_uuid(), ${copied}
     from (select * from "${schema}".sessions limit 1) one, generate_series(1, $1)`,
    [times],
  )
}
