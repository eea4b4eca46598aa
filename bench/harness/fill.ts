import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import type pg from 'pg'
import { atOnce } from './rounds.ts'

export interface Filled {
  /** Of sessions that are spread evenly over the table. */
  readonly refreshTokens: readonly string[]
  /** The users of all rows, each of whom has one. */
  readonly userOf: (index: number) => string
}

/** 60 bytes as JSON. */
export const CLAIMS = { role: 'member', organization: 'northwind-traders-of-london' }

export const DAY = 86_400_000
const DAYS = 20
/** Rows that Pawl makes; the others are copies of them. */
const MADE = 10_000

/**
 * A table of many sessions, as twenty days of logins leave it behind: by `create` ten millions would take too long,
 * so what it wrote for some is copied under new ids and users, in the order of time, into a table that has its
 * indexes, or gets them afterwards. No address and no user agent.
 *
 * @param count a multiple of those that Pawl makes, if it is more
 * @throws when a copy takes other room than its model
 */
export async function fill(
  pool: pg.Pool,
  {
    schema,
    secret,
    count,
    fillfactor,
    indexLater = false,
    progress,
  }: {
    schema: string
    secret: Buffer
    count: number
    /** Instead of the table's own. */
    fillfactor?: number
    /** Fills it two days at once, and makes all indexes but the primary key when the rows are there: five times as fast. */
    indexLater?: boolean
    progress(done: number): void
  },
): Promise<Filled> {
  progress(0)
  const table = `"${schema}".sessions`
  const userOf = (index: number): string => `user-${String((index * 7919) % count).padStart(8, '0')}`
  const startedAt = Date.now() - DAYS * DAY
  const apart = (DAYS * DAY) / count
  const copies = count / Math.min(count, MADE)
  let now = startedAt
  const sessions = await createSessions<typeof CLAIMS>({
    store: postgres({ pool, schema, listen: false }),
    secret,
    now: () => now,
    revocation: { maxStaleness: 86_400 },
    privacy: { pruneInterval: null },
  })
  const refreshTokens: string[] = []
  // One by one: ids are in the order of their times.
  for (let index = 0; index < count; index += copies) {
    now = startedAt + index * apart
    const { refreshToken } = await sessions.create({ userId: userOf(index), claims: CLAIMS })
    refreshTokens.push(refreshToken.value)
  }
  await sessions.close()
  const sizes = await sizesOf(pool, table)
  const models = `"${schema}".models`
  await pool.query(
    `create table ${models} as select row_number() over (order by id) - 1 as place, s.* from ${table} s`,
  )
  await pool.query(`truncate ${table}`)
  await pool.query(`analyze ${models}`)
  if (fillfactor !== undefined) await pool.query(`alter table ${table} set (fillfactor = ${fillfactor})`)
  const index = indexLater ? await dropIndexes(pool, schema) : null
  const text = await copying(pool, schema)
  const aDay = refreshTokens.length / DAYS
  let days = 0
  await atOnce(indexLater ? 2 : 1, DAYS, async (day) => {
    progress(days++ / DAYS)
    await pool.query(text, [day * aDay, (day + 1) * aDay - 1, copies, startedAt, apart, count])
  })
  await pool.query(`drop table ${models}`)
  await index?.()
  await pool.query(`vacuum analyze ${table}`)
  const copied = await sizesOf(pool, table)
  if (sizes !== copied) throw new Error(`rows take ${sizes} bytes, and with their copies ${copied}`)
  return { refreshTokens, userOf }
}

async function sizesOf(pool: pg.Pool, table: string): Promise<string> {
  const { rows } = await pool.query(
    `select distinct pg_column_size(s.*) as size from ${table} s order by size`,
  )
  return rows.map(({ size }) => size).join(', ')
}

/** @returns makes them again */
async function dropIndexes(pool: pg.Pool, schema: string): Promise<() => Promise<void>> {
  const { rows } = await pool.query(
    `select indexname as name, indexdef as made from pg_indexes where schemaname = $1 and tablename = 'sessions'
     and indexname not in (select conname from pg_constraint where contype = 'p')`,
    [schema],
  )
  for (const { name } of rows) await pool.query(`drop index "${schema}"."${name}"`)
  return async () => {
    for (const { made } of rows) await pool.query(made)
  }
}

/**
 * Ids grow with time, as Pawl's do; users come in no order.
 * $1 to $2 which models, $3 how many rows each of them becomes, itself included, $4 the millisecond of the first,
 * $5 how many apart, $6 how many users
 */
async function copying(pool: pg.Pool, schema: string): Promise<string> {
  const { rows } = await pool.query(
    `select string_agg(quote_ident(column_name), ', ' order by ordinal_position) names from information_schema.columns
     where table_schema = $1 and table_name = 'sessions' and column_name not in ('id', 'user_id')`,
    [schema],
  )
  // Model by model, each followed by its copies, so that nothing has to be sorted.
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
