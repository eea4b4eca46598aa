import pg from 'pg'
import { createEmbeddedPostgres, type EmbeddedPostgres } from '../../demo/embedded-postgres.ts'

/** Databases to measure on: of a PostgreSQL of our own, or of the one that `DATABASE_URL` names. */
export interface Databases {
  /** A new, empty one. */
  create(): Promise<string>
  /** What says how durable a commit is, to be published with the figures. */
  settings(): Promise<Record<string, string>>
  remove(): Promise<void>
}

const SETTINGS = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'shared_buffers',
] as const

export function createDatabases(): Databases {
  const given = process.env['DATABASE_URL'] || null
  const created: string[] = []
  let embedded: EmbeddedPostgres | null = null
  let server: Promise<string> | null = null

  /** Started with no setting at all: what PostgreSQL does by itself is what is measured. */
  async function start(): Promise<string> {
    if (given !== null) return given
    embedded = await createEmbeddedPostgres()
    await embedded.start()
    return embedded.url
  }

  async function ask(sql: string): Promise<Record<string, string>[]> {
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
      await ask(`create database ${name}`)
      created.push(name)
      const url = new URL(await server!)
      url.pathname = `/${name}`
      return url.href
    },
    async settings() {
      if (server === null) return {}
      const found: Record<string, string> = {}
      for (const name of SETTINGS) found[name] = (await ask(`show ${name}`))[0]![name]!
      return found
    },
    async remove() {
      if (embedded !== null) await embedded.remove()
      else if (given !== null)
        for (const name of created) await ask(`drop database if exists ${name} with (force)`)
    },
  }
}
