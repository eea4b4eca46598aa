import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { quoted } from '../../src/postgres/names.ts'

/** Marks a schema that a run of the load has made, so that a run may also drop it. */
const COMMENT = 'Made by `npm run load` of Pawl. It may be dropped.'
const BATCH_SIZE = 1000
const STATEMENT_TIMEOUT = 15_000
const PAUSE = 500

/** Reads and prepares the database without Pawl, because Pawl is what the load judges. */
export interface Rows {
  /** @returns whether a run of the load has made the schema, and not the operator */
  prepare(): Promise<boolean>
  drop(): Promise<void>
  /** @returns the ids of those that have not ended @throws if no URL answers within `patience` ms */
  alive(sessionIds: readonly string[], patience: number): Promise<Set<string>>
}

export function createRows(urls: readonly string[], schema: string): Rows {
  const name = quoted(schema)

  async function query<Row extends object>(
    url: string,
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: STATEMENT_TIMEOUT,
      query_timeout: STATEMENT_TIMEOUT,
    })
    client.on('error', () => {})
    try {
      await client.connect()
      return (await client.query<Row>(text, [...values])).rows
    } finally {
      client.end().catch(() => {})
    }
  }

  /** Asks one URL after the other until one answers. */
  async function persist<T>(patience: number, work: (url: string) => Promise<T>): Promise<T> {
    const until = Date.now() + patience
    for (let attempt = 0; ; attempt++) {
      try {
        return await work(urls[attempt % urls.length]!)
      } catch (error) {
        if (Date.now() > until) throw error
        await sleep(PAUSE)
      }
    }
  }

  return {
    async prepare() {
      const url = urls[0]!
      const [found] = await query<{ comment: string | null }>(
        url,
        "select obj_description(oid, 'pg_namespace') as comment from pg_namespace where nspname = $1",
        [schema],
      )
      if (found !== undefined) return found.comment === COMMENT
      await query(url, `create schema ${name}`)
      await query(url, `comment on schema ${name} is '${COMMENT}'`)
      return true
    },
    drop: () =>
      persist(
        2 * STATEMENT_TIMEOUT,
        async (url) => void (await query(url, `drop schema if exists ${name} cascade`)),
      ),
    async alive(sessionIds, patience) {
      const alive = new Set<string>()
      for (let from = 0; from < sessionIds.length; from += BATCH_SIZE) {
        const rows = await persist(patience, (url) =>
          query<{ id: string }>(
            url,
            `select id from ${name}.sessions where id = any($1::uuid[]) and ended_at is null and end_reason is null`,
            [sessionIds.slice(from, from + BATCH_SIZE)],
          ),
        )
        for (const { id } of rows) alive.add(id)
      }
      return alive
    },
  }
}
