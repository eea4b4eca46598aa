import { randomBytes } from 'node:crypto'
import { createSessions } from 'pawl'
import { sessionsConsole } from 'pawl/console'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { type Figure, figure, spread } from '../harness/figures.ts'
import { fillSessionsTable } from '../harness/sessions-table.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { type Contender, measureInRounds, medianOf } from '../harness/timing.ts'

const BUDGET = { atMost: 200 }
/** Every fifth session has ended, at the time of its last use or later. */
const END_EVERY_FIFTH = `update rows.sessions set ended_at = ended, invalidated_at = ended,
    end_reason = case when random() < 0.001 then 'reuse' when random() < 0.6 then 'logout' else 'revoked' end
  from (select id as ended_id, created_at + random() * (now() - created_at) as ended from rows.sessions
    where random() < 0.2) as chosen
  where id = ended_id`

/** How long the pages of the console take on a large table. The requests come one after another. */
export async function console({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const size = quick ? 50_000 : 10_000_000
  const pool = new pg.Pool({ connectionString: database, max: 4 })
  const secret = randomBytes(32)
  const { userOf } = await fillSessionsTable(pool, {
    schema: 'rows',
    secret,
    count: size,
    indexLast: true,
    progress: (done) => progress(`${size.toLocaleString('en-US')} sessions`, done),
  })
  progress('every fifth session ends')
  await pool.query(END_EVERY_FIFTH)
  await pool.query('vacuum analyze rows.sessions')
  const sessions = await createSessions({
    store: postgres({ pool, schema: 'rows', listen: false }),
    secret,
    privacy: { pruneInterval: null },
  })
  const show = sessionsConsole(sessions, { authorize: () => ({ actor: 'bench' }) })
  const open = async (path: string): Promise<void> => {
    const { status } = await show(new Request(`http://localhost/admin/sessions${path}`))
    if (status !== 200) throw new Error(`${path} answered ${status}`)
  }
  const userId = (): string => userOf(Math.floor(Math.random() * size))
  const [known] = await sessions.list(userOf(1))
  const pages: Readonly<Record<string, () => string>> = {
    overview: () => '/',
    users: () => `/users?q=${userId().slice(0, -3)}`,
    user: () => `/user?id=${userId()}`,
    session: () => `/sessions/${known!.sessionId}`,
    reuse: () => '/reuse',
    question: () => `/actions/end-user?user=${userId()}`,
  }
  const contenders = Object.entries(pages).map(
    ([id, path]): Contender => ({ id, count: 5, measure: (count) => medianOf(count, () => open(path())) }),
  )
  const rounds = { rounds: quick ? 3 : 15, seconds: 60 }
  const timesOf = await measureInRounds(contenders, rounds, (done) => progress('all pages in turn', done))
  await sessions.close()
  await pool.end()
  return contenders.map(({ id }) => {
    const milliseconds = timesOf(id).map((nanoseconds) => nanoseconds / 1e6)
    const what = `page ${id} of the console, with ${size.toLocaleString('en-US')} sessions`
    return figure(`console.${id}`, what, spread(milliseconds), 'ms', BUDGET)
  })
}
