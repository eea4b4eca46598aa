import { randomBytes } from 'node:crypto'
import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { aroundQueries } from '../../test/support/pools.ts'
import { CLAIMS } from '../harness/fill.ts'
import type { Figure } from '../harness/report.ts'
import type { Settings } from '../harness/suite.ts'

const QUARTER_HOUR = 15 * 60_000
/** What a process asks by itself now and then, whatever it is used for: keys, the time, the feed. */
const BACKGROUND = /signing_keys|clock_timestamp|invalidated_at >=/

/** What each call asks of the database, counted: statements, rows that came back or changed, bytes of WAL. */
export async function counts({ quick, database, progress }: Settings): Promise<Figure[]> {
  const count = quick ? 100 : 500
  const pool = new pg.Pool({ connectionString: database, max: 4 })
  let [statements, rows] = [0, 0]
  const counted = aroundQueries(pool, async ({ text }, run) => {
    const answer = (await run()) as { rowCount?: number | null }
    if (BACKGROUND.test(text)) return answer as never
    statements++
    rows += answer.rowCount ?? 0
    return answer as never
  })
  let now = Date.now()
  const sessions = await createSessions({
    store: postgres({ pool: counted, listen: false }),
    secret: randomBytes(32),
    now: () => now,
    maxStaleness: 86_400,
    pollInterval: 60,
    pruneInterval: null,
    refreshLimit: null,
  })
  const wal = async (): Promise<number> =>
    Number((await pool.query(`select pg_current_wal_insert_lsn() - '0/0' lsn`)).rows[0].lsn)
  const figures: Figure[] = []

  /** `calls` of something, one after another. */
  async function measure(
    id: string,
    what: string,
    calls: number,
    each: (index: number) => unknown,
  ): Promise<void> {
    progress(what)
    ;[statements, rows] = [0, 0]
    const before = await wal()
    for (let index = 0; index < calls; index++) await each(index)
    const [sent, touched] = [statements, rows]
    const bytes = (await wal()) - before
    const add = (name: string, text: string, value: number, unit: Figure['unit']): void => {
      figures.push({ id: `counts.${id}.${name}`, what: `${what}: ${text}`, value: value / calls, unit })
    }
    add('statements', 'statements', sent, '')
    add('rows', 'rows read or written', touched, '')
    add('wal', 'write-ahead log', bytes, 'B')
  }

  const created: Awaited<ReturnType<typeof sessions.create>>[] = []
  await measure('create', 'create', count, async (index) => {
    created.push(await sessions.create({ userId: `user-${String(index).padStart(8, '0')}`, claims: CLAIMS }))
  })
  await measure('verify', 'verify', count, (index) => sessions.verify(created[index]!.accessToken.value))

  now += QUARTER_HOUR
  const children: Awaited<ReturnType<typeof sessions.refresh>>[] = []
  await measure('refresh', 'refresh', count, async (index) => {
    children.push(await sessions.refresh(created[index]!.refreshToken.value))
  })
  const half = count / 2
  await measure('confirm', 'confirm a turn, one at a time', half, async (index) => {
    sessions.verify(children[index]!.accessToken.value)
    await sessions.flush()
  })
  await measure('confirm-together', `confirm ${half} turns at once`, 1, async () => {
    for (const { accessToken } of children.slice(half)) sessions.verify(accessToken.value)
    await sessions.flush()
  })
  await measure('revoke', 'revoke (with a notification every 50 ms at most)', count, async (index) => {
    if (!(await sessions.revoke(created[index]!.session.sessionId))) throw new Error('a revoke ended nothing')
  })
  await sessions.close()
  await pool.end()
  return figures
}
