import { randomBytes } from 'node:crypto'
import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { CALLS, callByCall } from '../../test/support/calls.ts'
import { multiply } from '../../test/support/multiply.ts'
import { watching } from '../../test/support/pools.ts'
import { type Figure, figure } from '../harness/figures.ts'
import { CLAIMS } from '../harness/sessions-table.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { openWal } from '../harness/wal.ts'

/** Rows between two sessions, so that each lies in another page. */
const ROWS_BETWEEN = 200

/** The database work of each call. */
export async function counts({ database, progress }: SuiteOptions): Promise<Figure[]> {
  const pool = new pg.Pool({ connectionString: database, max: 4 })
  const { pool: watched, sent } = watching(pool)
  let now = Date.now()
  const sessions = await createSessions({
    store: postgres({ pool: watched, listen: false }),
    secret: randomBytes(32),
    // The published types leave the clock out.
    ...({ now: () => now } as object),
    revocation: { pollInterval: 60, maxStaleness: 86_400 },
    privacy: { pruneInterval: null },
    limits: { refreshesPerMinute: null },
  })
  const markWal = await openWal(pool)
  const wait = (seconds: number): void => {
    now += seconds * 1000
  }
  const figures: Figure[] = []
  await callByCall(sessions, CLAIMS, wait, async (call, times, each) => {
    progress(CALLS[call])
    let [statements, rows, bytes] = [0, 0, 0]
    for (let index = 0; index < times; index++) {
      sent()
      const wal = await markWal()
      await each(index)
      bytes += await wal()
      const all = sent()
      statements += all.length
      rows += all.reduce((sum, statement) => sum + statement.rows, 0)
      if (call === 'create') await multiply(pool, 'pawl', ROWS_BETWEEN)
    }
    const id = `counts.${call}`
    figures.push(
      figure(`${id}.statements`, `${CALLS[call]}: statements`, statements / times, ''),
      figure(`${id}.rows`, `${CALLS[call]}: rows read or written`, rows / times, ''),
      figure(`${id}.wal`, `${CALLS[call]}: write-ahead log, without page images`, bytes / times, 'B'),
    )
    if (call === 'create') await pool.query('vacuum analyze pawl.sessions')
  })
  await sessions.close()
  await pool.end()
  return figures
}
