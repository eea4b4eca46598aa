import { randomBytes, randomUUID } from 'node:crypto'
import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { createRawUpdate } from '../harness/raw-update.ts'
import { type Figure, figure } from '../harness/report.ts'
import { atOnce, type Contender, inRounds, ratio, spread } from '../harness/rounds.ts'
import { type Statement, statementsOf } from '../harness/statements.ts'
import type { Settings } from '../harness/suite.ts'
import { original } from '../peers/original.ts'

const AT_ONCE = 16
const CLAIMS = { role: 'user' }
const QUARTER_HOUR = 15 * 60_000

/** What is written: a refresh and its confirmation, a login, a logout. Everything as durable as it comes. */
export async function write({ quick, database, progress }: Settings): Promise<Figure[]> {
  const [ours, raw] = [poolOf(database), poolOf(database)]
  const secret = randomBytes(32)
  let now = Date.now()
  const sessions = await createSessions({
    store: postgres({ pool: ours }),
    secret,
    now: () => now,
    // The clock jumps, and news of revocations do not.
    revocation: { maxStaleness: 86_400 },
    limits: { refreshesPerMinute: null },
    privacy: { pruneInterval: null },
  })
  const { insert, end } = await statementsOf(raw, secret, CLAIMS)
  const first = await original(database)
  const update = await createRawUpdate(database, AT_ONCE)

  const create = (count: number) =>
    atOnce(AT_ONCE, count, () => sessions.create({ userId: randomUUID(), claims: CLAIMS }))
  const bare = (statement: Statement, name: string, ids: readonly string[]) => {
    const values = ids.map((id) => statement.values(id, randomUUID()))
    return atOnce(AT_ONCE, ids.length, async (index) => {
      const { rowCount } = await raw.query({ name, text: statement.text, values: values[index]! })
      if (rowCount !== 1) throw new Error(`a bare ${name} changed ${rowCount} rows`)
    })
  }
  const idsOf = async (count: number): Promise<string[]> =>
    (await create(count)).results.map(({ session }) => session.sessionId)

  const cycled = quick ? 200 : 4000
  const tokens = (await create(cycled)).results.map(({ refreshToken }) => refreshToken.value)
  let cycles = 0
  const theirs = (
    await atOnce(AT_ONCE, cycled / 4, (index) => first.create(`user-${index}`, CLAIMS, {}))
  ).results.map(({ refreshToken }) => refreshToken.value)

  const contenders: Contender[] = [
    {
      name: 'pawl: refresh and first use',
      count: cycled,
      async measure(count) {
        now += QUARTER_HOUR
        cycles++
        const startedAt = process.hrtime.bigint()
        await atOnce(AT_ONCE, count, async (index) => {
          const { accessToken, refreshToken } = await sessions.refresh(tokens[index]!)
          sessions.verify(accessToken.value)
          tokens[index] = refreshToken!.value
        })
        // Until the last turn is in the database.
        await sessions.flush()
        return Number(process.hrtime.bigint() - startedAt) / count
      },
    },
    {
      name: 'the original: refresh and first use',
      count: cycled / 4,
      async measure(count) {
        const { each } = await atOnce(AT_ONCE, count, async (index) => {
          const { newAccessToken, newRefreshToken } = await first.refresh(theirs[index]!)
          const { newAccessToken: settled } = await first.getSession(newAccessToken.value)
          if (settled === undefined) throw new Error('the original has confirmed nothing')
          theirs[index] = newRefreshToken.value
        })
        return each
      },
    },
    { name: update.by, count: quick ? 1 : 2, measure: update.measure },
    { name: 'pawl: create', count: quick ? 200 : 3000, measure: async (count) => (await create(count)).each },
    {
      name: 'the same insert',
      count: quick ? 200 : 3000,
      measure: async (count) => (await bare(insert, 'insert', Array.from({ length: count }, uuidv7))).each,
    },
    {
      name: 'pawl: revoke',
      count: quick ? 200 : 2000,
      async measure(count) {
        const ids = await idsOf(count)
        const { each } = await atOnce(AT_ONCE, count, async (index) => {
          if (!(await sessions.revoke(ids[index]!))) throw new Error('a revoke ended nothing')
        })
        return each
      },
    },
    {
      name: 'the same update',
      count: quick ? 200 : 2000,
      measure: async (count) => (await bare(end, 'update', await idsOf(count))).each,
    },
  ]
  const timings = await inRounds(contenders, { rounds: quick ? 2 : 7, within: 60 }, (done) =>
    progress('all by turns', done),
  )

  const { rows } = await ours.query('select count(*)::int turned from pawl.sessions where generation = $1', [
    cycles,
  ])
  if (rows[0].turned !== cycled)
    throw new Error(`${rows[0].turned} of ${cycled} sessions have turned ${cycles} times`)
  await sessions.close()
  await Promise.all([first.close(), update.close(), ours.end(), raw.end()])

  const of = (name: string) => timings.get(name)!
  const compare = (id: string, what: string, a: string, b: string, atLeast: number): Figure =>
    figure(`write.${id}`, what, ratio(of(a), of(b)), { unit: '×', target: { atLeast } })
  const cycle = 'pawl: refresh and first use'
  return [
    compare(
      'cycle-vs-original',
      `refresh and first use of the new token, ${AT_ONCE} at once: times as many per second as the original`,
      'the original: refresh and first use',
      cycle,
      8,
    ),
    compare(
      'cycle-vs-update',
      `refresh and first use of the new token, ${AT_ONCE} at once: times as many per second as bare updates of one row (${update.by})`,
      update.by,
      cycle,
      1,
    ),
    compare(
      'create-vs-insert',
      `create, ${AT_ONCE} at once: share of the rate of the same insert through pg`,
      'the same insert',
      'pawl: create',
      0.9,
    ),
    compare(
      'revoke-vs-update',
      `revoke, ${AT_ONCE} at once: share of the rate of the same update through pg`,
      'the same update',
      'pawl: revoke',
      0.9,
    ),
    ...contenders.map(({ name }) =>
      figure(
        `write.per-second.${name.replaceAll(/\W+/g, '-')}`,
        `${AT_ONCE} at once, per second: ${name}`,
        spread(of(name).rounds.map((ns) => 1e9 / ns)),
        { unit: '/s' },
      ),
    ),
  ]
}

const poolOf = (connectionString: string): pg.Pool => new pg.Pool({ connectionString, max: AT_ONCE })

/** As new ids are: after all there are, so that the bare insert has the same work with the index. */
function uuidv7(): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(Date.now(), 0, 6)
  bytes[6] = 0x70 | (bytes[6]! & 0x0f)
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
