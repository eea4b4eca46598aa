import { randomBytes } from 'node:crypto'
import { createSessions, type Sessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { type Filled, fill } from '../harness/fill.ts'
import { type Figure, figure } from '../harness/report.ts'
import { type Contender, inRounds, quantile, ratio, spread } from '../harness/rounds.ts'
import type { Settings } from '../harness/suite.ts'

/** How a refresh and a user's list become slower as the table grows. One call after another. */
export async function growth({ quick, database, progress }: Settings): Promise<Figure[]> {
  const [smallest, ...larger] = quick ? [2000, 50_000] : [10_000, 1_000_000, 10_000_000]
  const sizes = [smallest!, ...larger]
  const pool = new pg.Pool({ connectionString: database, max: 4 })
  const opened: Sessions[] = []
  const contenders: Contender[] = []
  for (const size of sizes) {
    const secret = randomBytes(32)
    const schema = `rows_${size}`
    const filled = await fill(pool, {
      schema,
      secret,
      count: size,
      indexLater: true,
      progress: (done) => progress(`${shown(size)} rows`, done),
    })
    const sessions = await createSessions({
      store: postgres({ pool, schema, listen: false }),
      secret,
      privacy: { pruneInterval: null },
      limits: { refreshesPerMinute: null },
    })
    opened.push(sessions)
    contenders.push(
      { name: `refresh/${size}`, count: 500, measure: (count) => refreshes(sessions, filled, count) },
      { name: `list/${size}`, count: 500, measure: (count) => lists(sessions, filled, size, count) },
    )
  }
  const timings = await inRounds(contenders, { rounds: quick ? 3 : 15, within: 30 }, (done) =>
    progress('by turns', done),
  )
  await Promise.all(opened.map((sessions) => sessions.close()))
  await pool.end()

  return (['refresh', 'list'] as const).flatMap((call) => {
    const what = call === 'refresh' ? 'refresh' : "a user's list of sessions"
    const of = (size: number) => timings.get(`${call}/${size}`)!
    return [
      ...larger.map((size) =>
        figure(
          `growth.${call}.${size}`,
          `${what}, p50 with ${shown(size)} sessions against ${shown(smallest!)}`,
          ratio(of(size), of(smallest!)),
          { unit: '×', target: { atMost: 1.3 } },
        ),
      ),
      ...sizes.map((size) =>
        figure(
          `growth.${call}.p50.${size}`,
          `${what}, p50 with ${shown(size)} sessions`,
          spread(of(size).rounds.map((ns) => ns / 1000)),
          {
            unit: 'µs',
          },
        ),
      ),
    ]
  })
}

/** @returns p50 */
async function refreshes(sessions: Sessions, { refreshTokens }: Filled, count: number): Promise<number> {
  return each(count, async () => {
    const { refreshToken } = await sessions.refresh(pick(refreshTokens))
    if (refreshToken === null) throw new Error('a refresh gave no refresh token')
  })
}

async function lists(sessions: Sessions, { userOf }: Filled, users: number, count: number): Promise<number> {
  let found = 0
  const p50 = await each(count, async () => {
    found += (await sessions.list(userOf(Math.floor(Math.random() * users)))).length
  })
  if (found !== count) throw new Error(`${count} users have ${found} sessions`)
  return p50
}

async function each(count: number, call: () => Promise<void>): Promise<number> {
  const taken: number[] = []
  for (let i = 0; i < count; i++) {
    const startedAt = process.hrtime.bigint()
    await call()
    taken.push(Number(process.hrtime.bigint() - startedAt))
  }
  return quantile(taken, 0.5)
}

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!
const shown = (count: number): string => count.toLocaleString('en-US')
