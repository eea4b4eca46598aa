import { randomBytes } from 'node:crypto'
import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { CALLS, callByCall } from '../../test/support/calls.ts'
import { multiply } from '../../test/support/multiply.ts'
import { watching } from '../../test/support/pools.ts'
import { CLAIMS } from '../harness/fill.ts'
import type { Figure } from '../harness/report.ts'
import type { Settings } from '../harness/suite.ts'
import { openWal } from '../harness/wal.ts'

/** Rows between two sessions, so that each is in a page of its own. */
const BETWEEN = 200

/** What each call asks of the database, counted: statements, rows that came back or changed, bytes of WAL. */
export async function counts({ database, progress }: Settings): Promise<Figure[]> {
  const pool = new pg.Pool({ connectionString: database, max: 4 })
  const { pool: watched, sent } = watching(pool)
  let now = Date.now()
  const sessions = await createSessions({
    store: postgres({ pool: watched, listen: false }),
    secret: randomBytes(32),
    now: () => now,
    revocation: { maxStaleness: 86_400, pollInterval: 60 },
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
      bytes += (await wal()).records
      const all = sent()
      statements += all.length
      rows += all.reduce((sum, statement) => sum + statement.rows, 0)
      if (call === 'create') await multiply(pool, 'pawl', BETWEEN)
    }
    const add = (name: string, text: string, value: number, unit: Figure['unit']): void => {
      figures.push({
        id: `counts.${call}.${name}`,
        what: `${CALLS[call]}: ${text}`,
        value: value / times,
        unit,
      })
    }
    add('statements', 'statements', statements, '')
    add('rows', 'rows read or written', rows, '')
    add('wal', 'write-ahead log, without page images', bytes, 'B')
    if (call === 'create') await pool.query('vacuum analyze pawl.sessions')
  })
  await sessions.close()
  await pool.end()
  return figures
}
