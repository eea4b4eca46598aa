import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { createEmbeddedPostgres, type EmbeddedPostgres } from '../../demo/embedded-postgres.ts'
import { until } from './until.ts'

/** A primary, and a standby that receives its changes by streaming replication. */
export interface Replication {
  readonly primaryUrl: string
  readonly standbyUrl: string
  /** Runs one statement. Only the standby can pause and promote. */
  onPrimary(text: string): Promise<Record<string, unknown>[]>
  onStandby(text: string): Promise<Record<string, unknown>[]>
  /** Resolves when the standby has applied all that the primary has flushed: every synchronous commit. */
  caughtUp(): Promise<void>
  remove(): Promise<void>
}

export async function startReplication(): Promise<Replication> {
  const primary = await createEmbeddedPostgres(['fsync=off', 'wal_keep_size=256MB'])
  const { hostname, port, username } = new URL(primary.url)
  const source = `host=${hostname} port=${port} user=${username}`
  const standby = await createEmbeddedPostgres([
    'fsync=off',
    `primary_conninfo=${source}`,
    'wal_retrieve_retry_interval=100ms',
  ])
  const remove = async (): Promise<void> => void (await Promise.all([standby.remove(), primary.remove()]))
  try {
    const [from, to] = await Promise.all([dataOf(primary), dataOf(standby)])
    await rm(to, { recursive: true })
    // Of a server that has stopped cleanly. `-a` keeps owner and mode, which PostgreSQL checks.
    await promisify(execFile)('cp', ['-a', from, to])
    await writeFile(join(to, 'standby.signal'), '')
    await primary.start()
    await standby.start()
  } catch (error) {
    await remove()
    throw error
  }
  const onPrimary = (text: string): Promise<Record<string, unknown>[]> => query(primary.url, text)
  const onStandby = (text: string): Promise<Record<string, unknown>[]> => query(standby.url, text)
  return {
    primaryUrl: primary.url,
    standbyUrl: standby.url,
    onPrimary,
    onStandby,
    async caughtUp() {
      // The insert position may already count the header of the next page, which the standby gets with its first record.
      const [written] = await onPrimary('select pg_current_wal_flush_lsn()::text as lsn')
      const applied = `select pg_last_wal_replay_lsn() >= '${written!['lsn']}' as done`
      await until(
        'the standby catches up',
        10_000,
        async () => (await onStandby(applied))[0]!['done'] === true,
      )
    },
    remove,
  }
}

/** Starts the server to ask for its folder, and stops it. */
async function dataOf(server: EmbeddedPostgres): Promise<string> {
  await server.start()
  const [row] = await query(server.url, 'show data_directory')
  await server.stop()
  return row!['data_directory'] as string
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}
