import type pg from 'pg'

/** What was written to the write-ahead log. */
export interface Written {
  /** Without page images. */
  readonly records: number
  /** The first change of a page after a checkpoint logs the page whole. */
  readonly images: number
}

/** Marks where the log ends, to read from there when it is asked: before a checkpoint throws it away. */
export type MarkWal = () => Promise<() => Promise<Written>>

/**
 * How much of the write-ahead log is page images depends on when the last checkpoint was, and says nothing
 * about the statements that were measured.
 *
 * @throws where the server lacks the extension pg_walinspect (PostgreSQL 15 or later has it), or the right to use it
 */
export async function openWal(pool: pg.Pool): Promise<MarkWal> {
  await pool.query('create extension if not exists pg_walinspect')
  const end = async (): Promise<string> =>
    (await pool.query('select pg_current_wal_insert_lsn()::text as lsn')).rows[0].lsn
  // Commits that did not wait for the disk are not there to be read yet; one that waits takes them along.
  const onDisk = (): Promise<unknown> => pool.query(`select pg_logical_emit_message(true, 'pawl bench', '')`)
  return async () => {
    await onDisk()
    const from = await end()
    return async () => {
      const to = await end()
      await onDisk()
      const { rows } = await pool.query(
        `select coalesce(sum(record_size), 0)::float8 records, coalesce(sum(fpi_size), 0)::float8 images
         from pg_get_wal_stats($1, $2)`,
        [from, to],
      )
      return rows[0]
    }
  }
}
