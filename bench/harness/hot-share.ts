import type pg from 'pg'

/** Share of a table's updates that stayed within their page (HOT), once all of them are in the statistics. */
export async function hotShare(pool: pg.Pool, schema: string, updates: number): Promise<number> {
  // Backends report what they did now and then; bounded, as a report may be lost.
  for (let attempt = 0; ; attempt++) {
    const { rows } = await pool.query(
      `select n_tup_upd::int8::float8 as all, n_tup_hot_upd::int8::float8 as hot from pg_stat_user_tables
       where schemaname = $1 and relname = 'sessions'`,
      [schema],
    )
    if (rows[0].all >= updates || attempt === 20) return rows[0].hot / rows[0].all
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
