import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import type pg from 'pg'
import { runConcurrently } from './timing.ts'

export interface SessionsTable {
  /** Of sessions spread evenly over the table. */
  readonly refreshTokens: readonly string[]
  /** Each user has one session. */
  userOf(index: number): string
}

/** 60 bytes as JSON. */
export const CLAIMS = { role: 'member', organization: 'northwind-traders-of-london' }

const DAYS = 20
const DURATION = DAYS * 86_400_000
/** Rows that Pawl creates. The others are copies. */
const MODELS = 10_000

/**
 * Fills a table as `count` logins within twenty days would. Pawl creates some rows. The others are copies of them,
 * with new ids and users in the order of time, because `create` would take too long for millions.
 *
 * @param count up to 10,000, or a multiple of it
 * @param indexLast builds the indexes after the rows, which is five times as fast
 * @throws if a copy differs from its model in size
 */
export async function fillSessionsTable(
  pool: pg.Pool,
  {
    schema,
    secret,
    count,
    indexLast = false,
    progress,
  }: {
    schema: string
    secret: Buffer
    count: number
    indexLast?: boolean
    progress(done: number): void
  },
): Promise<SessionsTable> {
  const table = `"${schema}".sessions`
  const models = `"${schema}".models`
  const userOf = (index: number): string => `user-${String((index * 7919) % count).padStart(8, '0')}`
  const startedAt = Date.now() - DURATION
  const interval = DURATION / count
  const copies = count / Math.min(count, MODELS)
  let now = startedAt
  const sessions = await createSessions<typeof CLAIMS>({
    store: postgres({ pool, schema, listen: false }),
    secret,
    // The published types leave the clock out.
    ...({ now: () => now } as object),
    revocation: { maxStaleness: 86_400 },
    privacy: { pruneInterval: null },
  })
  const refreshTokens: string[] = []
  for (let index = 0; index < count; index += copies) {
    now = startedAt + index * interval
    const { refreshToken } = await sessions.create({ userId: userOf(index), claims: CLAIMS })
    refreshTokens.push(refreshToken.value)
  }
  await sessions.close()
  const modelSizes = await rowSizes(pool, table)
  await pool.query(
    `create table ${models} as select row_number() over (order by id) - 1 as place, s.* from ${table} s`,
  )
  await pool.query(`truncate ${table}`)
  await pool.query(`analyze ${models}`)
  const restoreIndexes = indexLast ? await dropIndexes(pool, schema) : async () => {}
  const copy = await copyStatement(pool, schema)
  const perDay = refreshTokens.length / DAYS
  let daysDone = 0
  await runConcurrently(indexLast ? 2 : 1, DAYS, async (day) => {
    progress(daysDone++ / DAYS)
    await pool.query(copy, [day * perDay, (day + 1) * perDay - 1, copies, startedAt, interval, count])
  })
  await pool.query(`drop table ${models}`)
  await restoreIndexes()
  await pool.query(`vacuum analyze ${table}`)
  const sizes = await rowSizes(pool, table)
  if (sizes !== modelSizes) throw new Error(`rows take ${modelSizes} bytes, their copies ${sizes}`)
  return { refreshTokens, userOf }
}

/** @returns the distinct sizes of rows */
async function rowSizes(pool: pg.Pool, table: string): Promise<string> {
  const { rows } = await pool.query(
    `select distinct pg_column_size(s.*) as size from ${table} s order by size`,
  )
  return rows.map(({ size }) => size).join(', ')
}

/** Drops all indexes but the primary key. @returns builds them again */
async function dropIndexes(pool: pg.Pool, schema: string): Promise<() => Promise<void>> {
  const { rows } = await pool.query(
    `select indexname as name, indexdef as definition from pg_indexes where schemaname = $1 and tablename = 'sessions'
     and indexname not in (select conname from pg_constraint where contype = 'p')`,
    [schema],
  )
  for (const { name } of rows) await pool.query(`drop index "${schema}"."${name}"`)
  return async () => {
    for (const { definition } of rows) await pool.query(definition)
  }
}

/**
 * Writes each model followed by its copies, so that nothing is sorted. Ids grow with time; users do not.
 * $1 to $2 the models, $3 rows per model, itself included, $4 the time of the first row in ms, $5 ms between rows,
 * $6 the number of users
 */
async function copyStatement(pool: pg.Pool, schema: string): Promise<string> {
  const { rows } = await pool.query(
    `select string_agg(quote_ident(column_name), ', ' order by ordinal_position) names from information_schema.columns
     where table_schema = $1 and table_name = 'sessions' and column_name not in ('id', 'user_id')`,
    [schema],
  )
  return `insert into "${schema}".sessions (id, user_id, ${rows[0].names})
    select
      case n % $3::bigint when 0 then id else
        (lpad(to_hex(($4::float8 + n * $5::float8)::bigint), 12, '0')
          || '7' || substr(chance, 1, 3) || 'a' || substr(chance, 4, 15))::uuid
      end,
      case n % $3::bigint when 0 then user_id else 'user-' || lpad((n * 7919 % $6::bigint)::text, 8, '0') end,
      ${rows[0].names}
    from (
      select model.*, n, md5(random()::text) as chance
      from (
        select * from "${schema}".models where place between $1::bigint and $2::bigint order by place
      ) model
      cross join lateral generate_series(place * $3::bigint, (place + 1) * $3::bigint - 1) n
    ) rows`
}
