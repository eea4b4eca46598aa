import type pg from 'pg'

/** Marks the end of the write-ahead log. @returns reads the bytes written since then */
export type MarkWal = () => Promise<() => Promise<number>>

/**
 * Counts records without page images, which depend on when the last checkpoint was. Read before the next checkpoint.
 *
 * @throws if the server lacks the extension pg_walinspect (PostgreSQL 15 or later) or refuses its use
 */
export async function openWal(pool: pg.Pool): Promise<MarkWal> {
  await pool.query('create extension if not exists pg_walinspect')
  const position = async (): Promise<string> =>
    (await pool.query('select pg_current_wal_insert_lsn()::text as lsn')).rows[0].lsn
  // Only the log on disk can be read. A durable commit writes the earlier asynchronous ones to disk as well.
  const flush = (): Promise<unknown> => pool.query(`select pg_logical_emit_message(true, 'pawl bench', '')`)
  return async () => {
    await flush()
    const from = await position()
    return async () => {
      const to = await position()
      await flush()
      const { rows } = await pool.query(
        'select coalesce(sum(record_size), 0)::float8 as bytes from pg_get_wal_stats($1, $2)',
        [from, to],
      )
      return rows[0].bytes
    }
  }
}
