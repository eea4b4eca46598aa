import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import type pg from 'pg'

/** Sessions that Pawl itself made, spread over a table of many. */
export interface Filled {
  readonly refreshTokens: readonly string[]
  /** The users of all rows. */
  readonly userOf: (index: number) => string
}

/** 60 bytes as JSON. */
export const CLAIMS = { role: 'member', organization: 'northwind-traders-of-london' }

export const DAY = 86_400_000
const DAYS = 20
/** Rows that Pawl makes per day; the others are copies of them. */
const MADE = 25

/**
 * A table of many sessions, as twenty days of logins leave it behind: by `create` a million would take too long, so
 * what it wrote for some is copied under new ids and users, in the order of time, into a table that has its
 * indexes, or gets them afterwards. No address and no user agent.
 *
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
    /** Makes all indexes but the primary key when the rows are there: three times as fast, and denser. */
    indexLater?: boolean
    progress(done: number): void
  },
): Promise<Filled> {
  const startedAt = Date.now() - (DAYS - 1) * DAY
  const table = `"${schema}".sessions`
  const userOf = (index: number): string => `user-${String(index % count).padStart(8, '0')}`
  let now = startedAt
  const sessions = await createSessions<typeof CLAIMS>({
    store: postgres({ pool, schema, listen: false }),
    secret,
    now: () => now,
    maxStaleness: 86_400,
    pruneInterval: null,
  })
  if (fillfactor !== undefined) await pool.query(`alter table ${table} set (fillfactor = ${fillfactor})`)
  const index = indexLater ? await dropIndexes(pool, schema) : null
  const refreshTokens: string[] = []
  const made: string[] = []
  for (let day = 0; day < DAYS; day++) {
    progress(day / DAYS)
    now = startedAt + day * DAY
    const models: string[] = []
    for (let i = 0; i < MADE; i++) {
      const { session, refreshToken } = await sessions.create({
        userId: userOf(day * MADE + i),
        claims: CLAIMS,
      })
      models.push(session.sessionId)
      refreshTokens.push(refreshToken.value)
    }
    made.push(...models)
    const perDay = Math.floor(count / DAYS) - MADE
    await pool.query({
      text: await copying(pool, schema),
      values: [models, day * perDay, perDay, now + 1000, DAY / perDay / 2, count],
    })
  }
  await sessions.close()
  await index?.()
  await pool.query(`vacuum analyze ${table}`)
  const sizes = await pool.query(
    `select distinct id = any($1) made, pg_column_size(s.*) size from ${table} s order by size, made`,
    [made],
  )
  const of = (which: boolean): string =>
    sizes.rows
      .filter((row) => row.made === which)
      .map(({ size }) => size)
      .join(', ')
  if (of(true) !== of(false)) throw new Error(`rows take ${of(true)} bytes, and their copies ${of(false)}`)
  return { refreshTokens, userOf }
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
 * $1 the models, $2 and $3 from which index how many, $4 from which millisecond, $5 how many apart, $6 how many users
 */
async function copying(pool: pg.Pool, schema: string): Promise<string> {
  const { rows } = await pool.query(
    `select string_agg(quote_ident(column_name), ', ' order by ordinal_position) names from information_schema.columns
     where table_schema = $1 and table_name = 'sessions' and column_name not in ('id', 'user_id')`,
    [schema],
  )
  const table = `"${schema}".sessions`
  return `insert into ${table} (id, user_id, ${rows[0].names})
    select
      (lpad(to_hex(($4::float8 + n * $5::float8)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
        || 'a' || substr(md5(random()::text), 1, 15))::uuid,
      'user-' || lpad(((($2::bigint + n) * 7919) % $6::bigint)::text, 8, '0'),
      ${rows[0].names}
    from generate_series(0, $3::bigint - 1) n
    join (select row_number() over (order by id) - 1 as k, ${rows[0].names} from ${table} where id = any($1::uuid[])) m
      on m.k = n % cardinality($1::uuid[])
    order by n`
}
