import { expect, it, onTestFinished } from 'vitest'
import { createSessions, type Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { silentLogger } from '../support/logger.ts'
import { multiply } from '../support/multiply.ts'
import { watching } from '../support/pools.ts'
import { SECRET } from '../support/secrets.ts'

const COUNT = 50_001
/** The most rows that a statement may return or change. */
const MAX_ROWS = 1000
/** Milliseconds of this process for each statement, on average: the event loop is blocked for no longer. */
const MAX_WORK = 20

const pool = createPool(await createDatabase())
let schemas = 0

/** Sessions of one user with many rows. */
async function openCrowded(sessionsPerUser: number | null = null): Promise<{
  sessions: Sessions
  /** Runs the work within the limits of rows and delays. */
  bounded<T>(work: () => Promise<T>): Promise<T>
}> {
  const schema = `crowded_${++schemas}`
  const { pool: watched, sent } = watching(pool)
  const sessions = await createSessions({
    secret: SECRET,
    logger: silentLogger,
    store: postgres({ pool: watched, schema, listen: false }),
    privacy: { pruneInterval: null },
    limits: { sessionsPerUser },
  })
  onTestFinished(() => sessions.close())
  await sessions.create({ userId: 'u', claims: { role: 'member' }, data: { cart: [1, 2, 3] } })
  await multiply(pool, schema, COUNT - 1)
  await pool.query(`update ${schema}.sessions set user_id = 'u'`)
  await pool.query(`vacuum analyze ${schema}.sessions`)
  return {
    sessions,
    async bounded(work) {
      sent()
      const before = process.cpuUsage()
      const result = await work()
      const { user, system } = process.cpuUsage(before)
      const rows = sent().map((statement) => statement.rows)
      expect(Math.max(...rows)).toBeLessThanOrEqual(MAX_ROWS)
      expect((user + system) / 1000 / rows.length).toBeLessThan(MAX_WORK)
      return result
    },
  }
}

it('a user with 50,001 sessions is listed, expired, revoked and deleted in bounded steps', async () => {
  const { sessions, bounded } = await openCrowded()
  expect(await sessions.list('u')).toHaveLength(100)
  expect(await sessions.list('u', { active: true, limit: 1000 })).toHaveLength(1000)
  expect(await bounded(() => sessions.expireAccessTokens({ userId: 'u' }))).toBe(COUNT)
  const except = (await sessions.list('u', { limit: 1 }))[0]!.sessionId
  expect(await bounded(() => sessions.revokeUser('u', { except }))).toBe(COUNT - 1)
  expect(await sessions.list('u', { active: true })).toMatchObject([{ sessionId: except }])
  expect(await bounded(() => sessions.deleteUser('u'))).toBe(COUNT)
}, 240_000)

it('a login of a user with 50,001 sessions ends all that the limit does not allow', async () => {
  const { sessions, bounded } = await openCrowded(5)
  await bounded(() => sessions.create({ userId: 'u' }))
  expect(await sessions.list('u', { active: true })).toHaveLength(5)
}, 240_000)
