import pg from 'pg'
import { createSessions, type Verdict } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { silentLogger } from '../support/logger.ts'
import { type Database, startDatabase } from './database.ts'
import { createRandom } from './random.ts'
import { lifetimeOptions, REAL_TIME, SECRET } from './settings.ts'

export interface LostCommitsFigures {
  readonly kills: number
  /** Turns that `flush` acknowledged. */
  readonly turns: number
  /** Rows with a lower generation after a kill -9 than before. */
  readonly rowsGoneBack: number
  readonly turnsLost: number
  readonly loggedOut: number
  /** Verdicts of the next refresh for rows that went back. */
  readonly verdicts: Partial<Record<Verdict, number>>
}

/**
 * Keeps turns out of the disk until the kill: the WAL writer sleeps as long as possible, and no other
 * transaction commits.
 */
const LAZY = [
  'wal_writer_delay=10s',
  'wal_writer_flush_after=1GB',
  'wal_buffers=16MB',
  'autovacuum=off',
  'checkpoint_timeout=1h',
]
const CALM = 2 * REAL_TIME.overlap * 1000 + 5000

/** Turns many sessions, kills PostgreSQL right after `flush`, and refreshes the sessions again. */
export async function loseCommits(
  { seed, clients, kills, stopped }: { seed: number; clients: number; kills: number; stopped: AbortSignal },
  say: (text: string) => void,
): Promise<LostCommitsFigures> {
  const random = createRandom(seed)
  const database = await startDatabase(LAZY)
  const pool = new pg.Pool({ connectionString: database.url, max: 10, connectionTimeoutMillis: 5000 })
  pool.on('error', () => {})
  try {
    // The clock jumps over the calm after each turn, so that several turns precede one kill.
    let ahead = 0
    await using sessions = await createSessions({
      ...lifetimeOptions(REAL_TIME),
      secret: SECRET,
      logger: silentLogger,
      store: postgres({ pool }),
      now: () => Date.now() + ahead,
    })
    const figures = { kills: 0, turns: 0, rowsGoneBack: 0, turnsLost: 0, loggedOut: 0 }
    const verdicts: Partial<Record<Verdict, number>> = {}
    const holders = await Promise.all(
      Array.from({ length: clients }, async (_, index) => {
        const { session, refreshToken } = await sessions.create({ userId: `client-${index}` })
        return { id: session.sessionId, refreshToken: refreshToken.value }
      }),
    )
    let lastVerdict = new Map<string, Verdict>()
    sessions.on('refreshed', ({ sessionId, verdict }) => lastVerdict.set(sessionId, verdict))

    for (let kill = 0; kill < kills && !stopped.aborted; kill++) {
      const rounds = 1 + Math.floor(random.next() * 3)
      for (let round = 0; round < rounds; round++) {
        ahead += CALM + 1
        for (const holder of holders) {
          const { accessToken, refreshToken } = await sessions.refresh(holder.refreshToken)
          holder.refreshToken = refreshToken?.value ?? holder.refreshToken
          sessions.verify(accessToken.value)
        }
        await sessions.flush()
      }
      // The generations before the crash.
      const acknowledged = await generations(database)
      await database.crash(0)
      const kept = await generations(database)
      figures.kills++
      figures.turns += rounds * clients

      lastVerdict = new Map()
      for (const holder of holders) {
        const back = acknowledged.get(holder.id)! - kept.get(holder.id)!
        try {
          const { accessToken, refreshToken } = await sessions.refresh(holder.refreshToken)
          holder.refreshToken = refreshToken?.value ?? holder.refreshToken
          sessions.verify(accessToken.value)
        } catch (error) {
          figures.loggedOut++
          say(`logged out after a lost commit: ${String(error)}`)
        }
        if (back <= 0) continue
        figures.rowsGoneBack++
        figures.turnsLost += back
        const verdict = lastVerdict.get(holder.id)
        if (verdict !== undefined) verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
      }
      await sessions.flush()
      say(`kill ${kill + 1}: ${figures.rowsGoneBack} rows have lost ${figures.turnsLost} turns so far`)
    }
    return { ...figures, verdicts }
  } finally {
    await pool.end()
    await database.remove()
  }
}

async function generations(database: Database): Promise<Map<string, number>> {
  const rows = await database.query<{ id: string; generation: number }>(
    'select id, generation from pawl.sessions',
  )
  return new Map(rows.map(({ id, generation }) => [id, generation]))
}
