import pg from 'pg'
import { createEmbeddedPostgres, type EmbeddedPostgres } from '../../demo/embedded-postgres.ts'

/** Empty databases on the server of `DATABASE_URL`, or on an embedded one with default settings. */
export interface Databases {
  /** @returns its URL */
  create(): Promise<string>
  /** The version, and the settings that decide how durable a commit is. */
  settings(): Promise<Record<string, string>>
  remove(): Promise<void>
}

const SETTINGS = ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers']

export function createDatabases(): Databases {
  const given = process.env['DATABASE_URL'] || null
  const created: string[] = []
  let embedded: EmbeddedPostgres | null = null
  let server: Promise<string> | null = null

  async function start(): Promise<string> {
    if (given !== null) return given
    embedded = await createEmbeddedPostgres()
    await embedded.start()
    return embedded.url
  }

  async function query(sql: string): Promise<Record<string, string>[]> {
    server ??= start()
    const client = new pg.Client({ connectionString: await server })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }

  return {
    async create() {
      const name = `pawl_bench_${process.pid}_${created.length}`
      await query(`create database ${name}`)
      created.push(name)
      return new URL(`/${name}`, await server!).href
    },
    async settings() {
      const settings: Record<string, string> = {}
      for (const name of SETTINGS) Object.assign(settings, (await query(`show ${name}`))[0])
      return settings
    },
    async remove() {
      if (embedded !== null) return embedded.remove()
      for (const name of created) await query(`drop database if exists ${name} with (force)`)
    },
  }
}
