import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSessions, type Sessions, type SessionsOptions } from 'pawl'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { aroundQueries } from '../../test/support/pools.ts'
import { type Figure, figure } from '../harness/figures.ts'
import { fillSessionsTable } from '../harness/sessions-table.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { runConcurrently } from '../harness/timing.ts'

/** 10⁸ daily users who sign out once in 21 days, in their busiest hour (docs/understand/performance.md). */
const REVOCATIONS_PER_SECOND = 132
/** The feed keeps a revocation for an access-token lifetime and five minutes. */
const KEPT_SECONDS = 20 * 60
const TICK = 20

/** The database work of one process that grows with the rest of the fleet. */
export async function fleet({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const secret = randomBytes(32)
  const count = quick ? 50_000 : 1_000_000
  const pool = new pg.Pool({ connectionString: database, max: 16 })
  const { refreshTokens } = await fillSessionsTable(pool, {
    schema: 'pawl',
    secret,
    count,
    indexLast: true,
    progress: (done) => progress('sessions', done),
  })
  const options = { secret, privacy: { pruneInterval: null }, limits: { refreshesPerMinute: null } } as const

  progress('confirmations')
  const tokens = refreshTokens.slice(0, quick ? 500 : 5000)
  const rows = `${count.toLocaleString('en-US')} sessions`
  const figures = [
    figure(
      'fleet.confirm',
      `a turn that another process has confirmed: time to find out, 500 at a time (${rows})`,
      await microsecondsPerConfirmation(pool, tokens, options),
      'µs',
    ),
  ]
  const revoke = await openRevoker(pool, quick ? KEPT_SECONDS / 10 : KEPT_SECONDS)
  for (const [id, what, listen] of [
    ['listen', 'with LISTEN', true],
    ['poll', 'polling every 5 s', false],
  ] as const) {
    progress(`revocations, ${what}`)
    const { polls, share } = await measurePolls(database, { ...options, listen }, revoke, quick ? 10 : 30)
    const description = `${REVOCATIONS_PER_SECOND} revocations a second elsewhere, ${what}`
    figures.push(
      figure(`fleet.${id}.polls`, `${description}: polls of a process per second`, polls, '/s'),
      figure(`fleet.${id}.share`, `${description}: time that a process waits for them`, share * 100, '%'),
    )
  }
  await pool.end()
  return figures
}

type Options = Pick<SessionsOptions, 'secret' | 'privacy' | 'limits'>

async function microsecondsPerConfirmation(
  pool: pg.Pool,
  tokens: readonly string[],
  options: Options,
): Promise<number> {
  const open = (): Promise<Sessions> =>
    createSessions({ ...options, store: postgres({ pool, listen: false }) })
  const [first, second] = [await open(), await open()]
  const { results: accessTokens } = await runConcurrently(16, tokens.length, async (index) => {
    const { accessToken } = await first.refresh(tokens[index]!)
    first.verify(accessToken.value)
    return accessToken.value
  })
  await first.flush()
  for (const token of accessTokens) second.verify(token)
  const startedAt = performance.now()
  await second.flush()
  const elapsed = performance.now() - startedAt
  await Promise.all([first.close(), second.close()])
  return (elapsed * 1000) / tokens.length
}

/**
 * Ends sessions at a steady rate, as many other processes do.
 * @param past for how many seconds this has gone on
 */
async function openRevoker(pool: pg.Pool, past: number): Promise<(seconds: number) => Promise<void>> {
  const end = `with ended as (
      update pawl.sessions set ended_at = $2, end_reason = 'logout', invalidated_at = $2 where id = $1 returning id
    ) select id from ended, pg_notify('pawl', '')`
  const { rows } = await pool.query('select id from pawl.sessions where ended_at is null order by random()')
  const ids: string[] = rows.map(({ id }) => id)
  await pool.query(
    `update pawl.sessions s set ended_at = at, end_reason = 'logout', invalidated_at = at
     from (select id, now() - n * interval '1 second' / $2 as at from unnest($1::uuid[]) with ordinality t (id, n)) e
     where s.id = e.id`,
    [ids.splice(0, REVOCATIONS_PER_SECOND * past), REVOCATIONS_PER_SECOND],
  )
  await pool.query('vacuum analyze pawl.sessions')
  return async (seconds) => {
    const startedAt = performance.now()
    const pending = new Set<Promise<unknown>>()
    let sent = 0
    for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - startedAt) / 1000) {
      for (; sent < elapsed * REVOCATIONS_PER_SECOND; sent++) {
        const ended = pool.query({ name: 'end', text: end, values: [ids.pop(), new Date()] })
        pending.add(ended)
        void ended.finally(() => pending.delete(ended)).catch(() => {})
      }
      await sleep(TICK)
    }
    await Promise.all(pending)
  }
}

async function measurePolls(
  database: string,
  { listen, ...options }: Options & { readonly listen: boolean },
  revoke: (seconds: number) => Promise<void>,
  seconds: number,
): Promise<{ polls: number; share: number }> {
  let [polls, waited] = [0, 0]
  const pool = new pg.Pool({ connectionString: database, max: 4 })
  const watched = aroundQueries(pool, async (config, run) => {
    const startedAt = performance.now()
    const answer = await run()
    if (config.text.includes('invalidated_at >=')) {
      polls++
      waited += performance.now() - startedAt
    }
    return answer
  })
  // The watched pool is no `Pool` of `pg`, so it cannot say where to listen.
  const store = postgres({ pool: watched, listen: listen && database })
  const sessions = await createSessions({ ...options, store })
  // The first polls read everything.
  await revoke(2)
  polls = waited = 0
  await revoke(seconds)
  const result = { polls: polls / seconds, share: waited / 1000 / seconds }
  await sessions.close()
  await pool.end()
  return result
}
