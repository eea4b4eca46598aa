import { randomBytes } from 'node:crypto'
import { createSessions, type Sessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { type Figure, figure, spread } from '../harness/figures.ts'
import { fillSessionsTable } from '../harness/sessions-table.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { type Contender, measureInRounds, medianOf, ratio } from '../harness/timing.ts'

const CALLS = { refresh: 'refresh', list: "a user's list of sessions" }
const COUNT = 500
const BUDGET = { atMost: 1.3 }

/** How much slower calls become as the table grows. The calls run one after another. */
export async function growth({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const sizes = quick ? [2000, 50_000] : [10_000, 1_000_000, 10_000_000]
  const pool = new pg.Pool({ connectionString: database, max: 4 })
  const opened: Sessions[] = []
  const contenders: Contender[] = []
  for (const size of sizes) {
    const secret = randomBytes(32)
    const schema = `rows_${size}`
    const { refreshTokens, userOf } = await fillSessionsTable(pool, {
      schema,
      secret,
      count: size,
      indexLast: true,
      progress: (done) => progress(`${size.toLocaleString('en-US')} sessions`, done),
    })
    const sessions = await createSessions({
      store: postgres({ pool, schema, listen: false }),
      secret,
      privacy: { pruneInterval: null },
      limits: { refreshesPerMinute: null },
    })
    opened.push(sessions)
    const refresh = async (): Promise<void> => {
      const { refreshToken } = await sessions.refresh(refreshTokens[random(refreshTokens.length)]!)
      if (refreshToken === null) throw new Error('refresh returned no refresh token')
    }
    const list = async (): Promise<void> => {
      const { length } = await sessions.list(userOf(random(size)))
      if (length !== 1) throw new Error(`list returned ${length} sessions instead of 1`)
    }
    for (const [call, run] of Object.entries({ refresh, list })) {
      const measure = (count: number): Promise<number> => medianOf(count, run)
      contenders.push({ id: `${call}.${size}`, count: COUNT, measure })
    }
  }
  const rounds = { rounds: quick ? 3 : 15, seconds: 30 }
  const timesOf = await measureInRounds(contenders, rounds, (done) => progress('all sizes in turn', done))
  await Promise.all(opened.map((sessions) => sessions.close()))
  await pool.end()

  const [smallest, ...larger] = sizes as [number, ...number[]]
  return Object.entries(CALLS).flatMap(([call, what]) => {
    const p50 = (size: number): string => `${what}, p50 with ${size.toLocaleString('en-US')} sessions`
    const times = (size: number): readonly number[] => timesOf(`${call}.${size}`)
    return [
      ...larger.map((size) => {
        const against = `${p50(size)} against ${smallest.toLocaleString('en-US')}`
        return figure(`growth.${call}.${size}`, against, ratio(times(size), times(smallest)), '×', BUDGET)
      }),
      ...sizes.map((size) => {
        const microseconds = times(size).map((nanoseconds) => nanoseconds / 1000)
        return figure(`growth.${call}.p50.${size}`, p50(size), spread(microseconds), 'µs')
      }),
    ]
  })
}

const random = (below: number): number => Math.floor(Math.random() * below)
