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

const LABELS = {
  'pawl-refresh-and-first-use': 'Pawl, refresh and first use of the new token',
  'the-original-refresh-and-first-use': 'the original, the same',
  'pgbench-with-16-clients': 'bare updates of one row by pgbench',
  'pawl-create': 'Pawl, create',
  'the-same-insert': 'the same insert through pg',
  'pawl-revoke': 'Pawl, revoke',
  'the-same-update': 'the same update through pg',
}
type Id = keyof typeof LABELS

/** Refreshes, logins and logouts, with PostgreSQL's default durability. */
export async function write({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const [pool, barePool] = [poolOf(database), poolOf(database)]
  const secret = randomBytes(32)
  let now = Date.now()
  const sessions = await createSessions({
    store: postgres({ pool }),
    secret,
    // The published types leave the clock out.
    ...({ now: () => now } as object),
    // The clock jumps, so the feed would look stale.
    revocation: { maxStaleness: 86_400 },
    limits: { refreshesPerMinute: null },
    privacy: { pruneInterval: null },
  })
  const { insert, update } = await recordStatements(barePool, secret, CLAIMS)
  const theOriginal = await original(database)
  const pgbench = await createPgbench(barePool, database, CONCURRENCY)
  if (pgbench === null) console.error('pgbench is not installed, so refreshes are not compared with it.')

  const time = async (count: number, work: (index: number) => Promise<void>): Promise<number> =>
    (await runConcurrently(CONCURRENCY, count, work)).nanoseconds
  const create = (count: number) =>
    runConcurrently(CONCURRENCY, count, () => sessions.create({ userId: randomUUID(), claims: CLAIMS }))
  const createIds = async (count: number): Promise<string[]> =>
    (await create(count)).results.map(({ session }) => session.sessionId)
  const timeBare = (
    name: string,
    { text, valuesFor }: Statement,
    ids: readonly string[],
  ): Promise<number> => {
    const values = ids.map((id) => valuesFor(id, randomUUID()))
    return time(ids.length, async (index) => {
      const { rowCount } = await barePool.query({ name, text, values: values[index]! })
      if (rowCount !== 1) throw new Error(`a bare ${name} changed ${rowCount} rows`)
    })
  }

  const count = quick
    ? { cycles: 200, creates: 200, revokes: 200 }
    : { cycles: 4000, creates: 3000, revokes: 2000 }
  const tokens = (await create(count.cycles)).results.map(({ refreshToken }) => refreshToken.value)
  let cycles = 0
  const { results: originalLogins } = await runConcurrently(CONCURRENCY, count.cycles / 4, (index) =>
    theOriginal.create(`user-${index}`, CLAIMS, {}),
  )
  const originalTokens = originalLogins.map(({ refreshToken }) => refreshToken.value)

  const contenders = [
    contender('pawl-refresh-and-first-use', count.cycles, async (count) => {
      now += QUARTER_HOUR
      cycles++
      const startedAt = process.hrtime.bigint()
      await time(count, async (index) => {
        const { accessToken, refreshToken } = await sessions.refresh(tokens[index]!)
        sessions.verify(accessToken.value)
        tokens[index] = refreshToken!.value
      })
      // The background writes of the turns count as well.
      await sessions.flush()
      return Number(process.hrtime.bigint() - startedAt) / count
    }),
    contender('the-original-refresh-and-first-use', count.cycles / 4, (count) =>
      time(count, async (index) => {
        const { newAccessToken, newRefreshToken } = await theOriginal.refresh(originalTokens[index]!)
        const { newAccessToken: confirmed } = await theOriginal.getSession(newAccessToken.value)
        if (confirmed === undefined) throw new Error('the original did not confirm a refresh')
        originalTokens[index] = newRefreshToken.value
      }),
    ),
    ...(pgbench === null ? [] : [contender('pgbench-with-16-clients', quick ? 1 : 2, pgbench.measure)]),
    contender('pawl-create', count.creates, async (count) => (await create(count)).nanoseconds),
    contender('the-same-insert', count.creates, (count) =>
      timeBare('insert', insert, Array.from({ length: count }, uuidv7)),
    ),
    contender('pawl-revoke', count.revokes, async (count) => {
      const ids = await createIds(count)
      return time(count, async (index) => {
        if (!(await sessions.revoke(ids[index]!))) throw new Error('revoke found no session')
      })
    }),
    contender('the-same-update', count.revokes, async (count) =>
      timeBare('update', update, await createIds(count)),
    ),
  ]
  const rounds = { rounds: quick ? 2 : 7, seconds: 60 }
  const timesOf = await measureInRounds(contenders, rounds, (done) =>
    progress('all contenders in turn', done),
  )

  const { rows } = await pool.query(
    'select count(*)::int as turned from pawl.sessions where generation = $1',
    [cycles],
  )
  if (rows[0].turned !== count.cycles)
    throw new Error(`only ${rows[0].turned} sessions turned ${cycles} times`)
  await sessions.close()
  await Promise.all([theOriginal.close(), pgbench?.close(), pool.end(), barePool.end()])

  const compare = (id: string, a: Id, b: Id, atLeast?: number): Figure => {
    const what = `${LABELS[a]}, ${CONCURRENCY} at once: times as many per second as ${LABELS[b]}`
    return figure(`write.${id}`, what, ratio(timesOf(b), timesOf(a)), '×', { atLeast })
  }
  return [
    compare('cycle-vs-original', 'pawl-refresh-and-first-use', 'the-original-refresh-and-first-use', 6),
    ...(pgbench === null
      ? []
      : [compare('cycle-vs-update', 'pawl-refresh-and-first-use', 'pgbench-with-16-clients')]),
    compare('create-vs-insert', 'pawl-create', 'the-same-insert', 0.9),
    compare('revoke-vs-update', 'pawl-revoke', 'the-same-update', 0.65),
    ...contenders.map(({ id }) => {
      const perSecond = spread(timesOf(id).map((nanoseconds) => 1e9 / nanoseconds))
      return figure(
        `write.per-second.${id}`,
        `per second, ${CONCURRENCY} at once: ${LABELS[id]}`,
        perSecond,
        '/s',
      )
    }),
  ]
}

const contender = (id: Id, count: number, measure: Contender['measure']) => ({ id, count, measure })
const poolOf = (connectionString: string): pg.Pool => new pg.Pool({ connectionString, max: CONCURRENCY })

/** Later than all ids in the table, as Pawl's ids are, so that the index costs the bare insert as much. */
function uuidv7(): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(Date.now(), 0, 6)
  bytes[6] = 0x70 | (bytes[6]! & 0x0f)
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
