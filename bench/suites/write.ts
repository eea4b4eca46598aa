import { randomBytes, randomUUID } from 'node:crypto'
import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { type Figure, figure, spread } from '../harness/figures.ts'
import { createPgbench } from '../harness/pgbench.ts'
import { recordStatements, type Statement } from '../harness/statements.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { type Contender, measureInRounds, ratio, runConcurrently } from '../harness/timing.ts'
import { original } from '../peers/original.ts'

const CONCURRENCY = 16
const CLAIMS = { role: 'user' }
const QUARTER_HOUR = 15 * 60_000
const CYCLE = 'pawl-refresh-and-first-use'
const ORIGINAL_CYCLE = 'the-original-refresh-and-first-use'
const PGBENCH = `pgbench-with-${CONCURRENCY}-clients`

/** Id, contender and reference of each comparison, then its description and the lowest acceptable ratio. */
const COMPARISONS: readonly (readonly [string, string, string, string, number])[] = [
  [
    'cycle-vs-original',
    CYCLE,
    ORIGINAL_CYCLE,
    `refresh and first use of the new token, ${CONCURRENCY} at once: times as many per second as the original`,
    8,
  ],
  [
    'cycle-vs-update',
    CYCLE,
    PGBENCH,
    `refresh and first use of the new token, ${CONCURRENCY} at once: times as many per second as bare updates of one row (pgbench with ${CONCURRENCY} clients)`,
    1,
  ],
  [
    'create-vs-insert',
    'pawl-create',
    'the-same-insert',
    `create, ${CONCURRENCY} at once: share of the rate of the same insert through pg`,
    0.9,
  ],
  [
    'revoke-vs-update',
    'pawl-revoke',
    'the-same-update',
    `revoke, ${CONCURRENCY} at once: share of the rate of the same update through pg`,
    0.9,
  ],
]

/** Refreshes, logins and logouts, with PostgreSQL's default durability. */
export async function write({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const [pool, barePool] = [poolOf(database), poolOf(database)]
  const secret = randomBytes(32)
  let now = Date.now()
  const sessions = await createSessions({
    store: postgres({ pool }),
    secret,
    now: () => now,
    // The clock jumps, so the feed would look stale.
    maxStaleness: 86_400,
    refreshLimit: null,
    pruneInterval: null,
  })
  const { insert, update } = await recordStatements(barePool, secret, CLAIMS)
  const theOriginal = await original(database)
  const pgbench = await createPgbench(barePool, database, CONCURRENCY)
  if (pgbench === null) console.error('pgbench is not installed, so refreshes are not compared with it.')

  const create = (count: number) =>
    runConcurrently(CONCURRENCY, count, () => sessions.create({ userId: randomUUID(), claims: CLAIMS }))
  const createIds = async (count: number): Promise<string[]> =>
    (await create(count)).results.map(({ session }) => session.sessionId)
  const runBare = async (statement: Statement, name: string, ids: readonly string[]): Promise<number> => {
    const values = ids.map((id) => statement.valuesFor(id, randomUUID()))
    const { nanoseconds } = await runConcurrently(CONCURRENCY, ids.length, async (index) => {
      const { rowCount } = await barePool.query({ name, text: statement.text, values: values[index]! })
      if (rowCount !== 1) throw new Error(`a bare ${name} changed ${rowCount} rows`)
    })
    return nanoseconds
  }

  const cycled = quick ? 200 : 4000
  const [creates, revokes] = quick ? [200, 200] : [3000, 2000]
  const tokens = (await create(cycled)).results.map(({ refreshToken }) => refreshToken.value)
  let cycles = 0
  const originalLogins = await runConcurrently(CONCURRENCY, cycled / 4, (index) =>
    theOriginal.create(`user-${index}`, CLAIMS, {}),
  )
  const originalTokens = originalLogins.results.map(({ refreshToken }) => refreshToken.value)

  const contenders: Contender[] = [
    {
      id: CYCLE,
      label: 'Pawl: refresh and first use',
      count: cycled,
      async measure(count) {
        now += QUARTER_HOUR
        cycles++
        const startedAt = process.hrtime.bigint()
        await runConcurrently(CONCURRENCY, count, async (index) => {
          const { accessToken, refreshToken } = await sessions.refresh(tokens[index]!)
          sessions.verify(accessToken.value)
          tokens[index] = refreshToken!.value
        })
        // Turns are written in the background, and count until the last is in the database.
        await sessions.flush()
        return Number(process.hrtime.bigint() - startedAt) / count
      },
    },
    {
      id: ORIGINAL_CYCLE,
      label: 'the original: refresh and first use',
      count: cycled / 4,
      async measure(count) {
        const { nanoseconds } = await runConcurrently(CONCURRENCY, count, async (index) => {
          const { newAccessToken, newRefreshToken } = await theOriginal.refresh(originalTokens[index]!)
          const { newAccessToken: confirmed } = await theOriginal.getSession(newAccessToken.value)
          if (confirmed === undefined) throw new Error('the original did not confirm a refresh')
          originalTokens[index] = newRefreshToken.value
        })
        return nanoseconds
      },
    },
    ...(pgbench === null
      ? []
      : [
          {
            id: PGBENCH,
            label: `pgbench with ${CONCURRENCY} clients`,
            count: quick ? 1 : 2,
            measure: pgbench.measure,
          },
        ]),
    {
      id: 'pawl-create',
      label: 'Pawl: create',
      count: creates,
      measure: async (count) => (await create(count)).nanoseconds,
    },
    {
      id: 'the-same-insert',
      label: 'the same insert through pg',
      count: creates,
      measure: (count) => runBare(insert, 'insert', Array.from({ length: count }, uuidv7)),
    },
    {
      id: 'pawl-revoke',
      label: 'Pawl: revoke',
      count: revokes,
      async measure(count) {
        const ids = await createIds(count)
        const { nanoseconds } = await runConcurrently(CONCURRENCY, count, async (index) => {
          if (!(await sessions.revoke(ids[index]!))) throw new Error('revoke found no session')
        })
        return nanoseconds
      },
    },
    {
      id: 'the-same-update',
      label: 'the same update through pg',
      count: revokes,
      measure: async (count) => runBare(update, 'update', await createIds(count)),
    },
  ]
  const rounds = { rounds: quick ? 2 : 7, seconds: 60 }
  const timesOf = await measureInRounds(contenders, rounds, (done) =>
    progress('all contenders in turn', done),
  )

  const { rows } = await pool.query('select count(*)::int turned from pawl.sessions where generation = $1', [
    cycles,
  ])
  if (rows[0].turned !== cycled)
    throw new Error(`${rows[0].turned} of ${cycled} sessions turned ${cycles} times`)
  await sessions.close()
  await Promise.all([theOriginal.close(), pgbench?.close(), pool.end(), barePool.end()])

  const measured = new Set(contenders.map(({ id }) => id))
  return [
    ...COMPARISONS.filter(([, , reference]) => measured.has(reference)).map(
      ([id, contender, reference, what, atLeast]) =>
        figure(`write.${id}`, what, ratio(timesOf(reference), timesOf(contender)), '×', { atLeast }),
    ),
    ...contenders.map(({ id, label }) => {
      const perSecond = timesOf(id).map((nanoseconds) => 1e9 / nanoseconds)
      return figure(
        `write.per-second.${id}`,
        `${CONCURRENCY} at once, per second: ${label}`,
        spread(perSecond),
        '/s',
      )
    }),
  ]
}

const poolOf = (connectionString: string): pg.Pool => new pg.Pool({ connectionString, max: CONCURRENCY })

/** Later than all ids in the table, as Pawl's ids are, so that the index costs the bare insert as much. */
function uuidv7(): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(Date.now(), 0, 6)
  bytes[6] = 0x70 | (bytes[6]! & 0x0f)
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
