import { describe, expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { multiply } from '../support/multiply.ts'
import { openSessions } from '../support/sessions.ts'
import { pawl } from './pawl.ts'

const HOUR = 3_600_000

describe('sessions revoke, for all users', () => {
  it('revokes exactly the sessions last seen before a time, and then all', async () => {
    const url = await createDatabase()
    let now = Date.now() - 3 * HOUR
    const sessions = await openSessions({ store: postgres({ connectionString: url }), now: () => now })
    const old = await sessions.create({ userId: 'anna' })
    now = Date.now() - HOUR
    const recent = await sessions.create({ userId: 'anna' })
    const before = new Date(Date.now() - 2 * HOUR).toISOString()
    const run = (...parameters: string[]) =>
      pawl(['sessions', 'revoke', ...parameters], { DATABASE_URL: url })

    const refused = await Promise.all([
      run('--last-seen-before', before),
      run('--all'),
      run('--last-seen-before', 'yesterday', '--yes'),
      run('--last-seen-before', '2026-02-31T00:00:00Z', '--yes'),
      run('--last-seen-before', '2026-01-01T00:00:00', '--yes'),
      run('--last-seen-before', new Date(Date.now() + HOUR).toISOString(), '--yes'),
      run('--all', '--last-seen-before', before, '--yes'),
    ])
    expect(refused.map(({ code }) => code)).toEqual(refused.map(() => 2))
    expect((await sessions.list('anna')).every(({ active }) => active)).toBe(true)

    const ran = await run('--last-seen-before', before, '--yes', '--json')
    expect([ran.code, ran.stderr, ran.json()]).toEqual([0, '', { lastSeenBefore: before, revoked: 1 }])
    expect((await sessions.get(old.session.sessionId))?.endReason).toBe('revoked')
    expect((await sessions.get(recent.session.sessionId))?.active).toBe(true)

    const all = await run('--all', '--yes')
    expect([all.code, all.stdout]).toEqual([0, 'Revoked 1 session.\n'])
    expect((await sessions.get(recent.session.sessionId))?.active).toBe(false)
  })

  it('shows progress, stops on Ctrl-C, and continues on the next run', async () => {
    const url = await createDatabase()
    const sessions = await openSessions({ store: postgres({ connectionString: url }) })
    await sessions.create({ userId: 'anna' })
    const pool = createPool(url)
    await multiply(pool, 'pawl', 30_000)
    const left = async (): Promise<number> =>
      Number((await pool.query('select count(*) from pawl.sessions where ended_at is null')).rows[0].count)

    const parameters = ['sessions', 'revoke', '--all', '--yes', '--url', url]
    const stopped = await pawl(parameters, {}, (child) => {
      child.stderr!.once('data', () => child.kill('SIGINT'))
    })
    expect([stopped.code, stopped.stdout]).toEqual([130, ''])
    expect(stopped.stderr).toMatch(
      /^revoked 10,000 of 30,001\n[\s\S]*pawl: interrupted: revoked \d\d,\d{3} so far/,
    )
    const rest = await left()
    expect(rest).toBeGreaterThan(0)

    const ran = await pawl([...parameters, '--json'])
    expect([ran.code, ran.stderr, ran.json()]).toEqual([0, '', { lastSeenBefore: null, revoked: rest }])
    expect(await left()).toBe(0)
  })
})
