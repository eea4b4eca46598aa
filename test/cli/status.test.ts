import { describe, expect, it, onTestFinished } from 'vitest'
import type { Finding } from '../../src/core/doctor/finding.ts'
import { postgres, type StoreStatus } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { multiply } from '../support/multiply.ts'
import { FOREIGN_SECRET, SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'
import { pawl } from './pawl.ts'

const DAY = 86_400_000

interface Status extends StoreStatus {
  readonly ok: boolean
  readonly attention: string[]
  readonly findings: Finding[]
}

describe('status', () => {
  it('says what to do if there is no schema, and shows the rest', async () => {
    const url = await createDatabase()
    const [json, people] = await Promise.all([
      pawl(['status', '--json', '--url', url, '--schema', 'elsewhere']),
      pawl(['status', '--url', url]),
    ])
    expect([json.code, json.json<Status>()]).toMatchObject([
      1,
      {
        ok: false,
        attention: [expect.stringContaining('npx pawl migrate')],
        server: { version: expect.stringMatching(/^PostgreSQL \d+/) },
        schema: { name: 'elsewhere', applied: [], missing: [1, 2, 3, 4, 5] },
        sessions: null,
        table: null,
        keys: null,
      },
    ])
    expect([people.code, people.stdout]).toEqual([1, expect.stringMatching(/^sessions +not available$/m)])
  })

  it('counts sessions by state, revocations, prunable rows and listeners; prune deletes the prunable rows', async () => {
    const url = await createDatabase()
    const env = { DATABASE_URL: url }
    let now = Date.now() - 60 * DAY
    const store = postgres({ connectionString: url })
    const sessions = await openSessions({ store, now: () => now })
    await sessions.create({ userId: 'anna', idleTimeout: 100 })
    const due = await sessions.create({ userId: 'anna', idleTimeout: 100 })
    await sessions.revoke(due.session.sessionId)
    now = Date.now()
    const active = await sessions.create({ userId: 'anna' })
    // Of these two, only one is active.
    for (const { sessionId } of [active.session, due.session])
      await createPool(url).query(
        `update pawl.sessions set device_key = $2, device_kind = 'dbsc' where id = $1`,
        [sessionId, Buffer.alloc(33, 2)],
      )
    const { session } = await sessions.create({ userId: 'anna' })
    await sessions.revoke(session.sessionId)

    const ran = await pawl(['status', '--json'], env)
    expect([ran.code, ran.json<Status>()]).toMatchObject([
      0,
      {
        ok: true,
        attention: [],
        schema: {
          name: 'pawl',
          applied: [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }, { id: 5 }],
          missing: [],
          unknown: [],
        },
        sessions: { exact: true, active: 1, bound: 1, expired: 1, ended: 2, prunable: 2 },
        revocations: 1,
        table: { bytes: expect.any(Number), deadRows: expect.any(Number) },
        notifications: { listeners: 1, queueUsage: 0 },
        keys: expect.arrayContaining([expect.objectContaining({ role: 'signs' })]),
      },
    ])
    const pruned = await pawl(['prune', '--json'], env)
    expect([pruned.code, pruned.json()]).toEqual([0, { sessions: 2, keys: expect.any(Number) }])
    const again = await pawl(['prune'], env)
    expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/^Deleted 0 sessions /)])

    const people = await pawl(['status', '--exact'], env)
    expect(people.code).toBe(0)
    expect(people.stdout).toMatch(/^sessions +1 active, 0 expired, 1 ended and kept$/m)
    expect(people.stdout).toMatch(/^bound +1 session to a device, 100 % of the active$/m)
    expect(people.stdout).toMatch(/^feed +1 process listens, NOTIFY queue 0 % full$/m)
  })

  it('counts in batches with `exact`, and estimates large tables without it', async () => {
    const url = await createDatabase()
    const store = postgres({ connectionString: url, listen: false })
    const sessions = await openSessions({ store })
    await sessions.create({ userId: 'anna' })
    const pool = createPool(url)
    // Autovacuum would correct the estimate below.
    await pool.query('alter table pawl.sessions set (autovacuum_enabled = off)')
    await multiply(pool, 'pawl', 50_000)
    const seen: number[] = []
    const lastSeenBefore = new Date(Date.now() + DAY)
    const status = await store.status({ exact: true, lastSeenBefore, onProgress: (rows) => seen.push(rows) })
    expect(seen).toEqual([50_000])
    expect(status.sessions).toEqual({
      exact: true,
      active: 50_001,
      bound: 0,
      expired: 0,
      ended: 0,
      prunable: 0,
      lastSeenBefore: 50_001,
    })

    // Makes the planner estimate more than a million rows.
    await pool.query('analyze pawl.sessions')
    await pool.query(`update pg_class set reltuples = reltuples * 100 where oid = 'pawl.sessions'::regclass`)
    const large = (await store.status({ lastSeenBefore })).sessions!
    expect(large.exact).toBe(false)
    expect(large.active / 5_000_000).toBeCloseTo(1, 0)
    expect(large.bound / large.active).toBeLessThan(0.01)
    expect(large.lastSeenBefore! / 5_000_000).toBeCloseTo(1, 0)
  })

  it('shows a migration of a later version, and fails for a breaking one', async () => {
    const url = await createDatabase()
    const store = postgres({ connectionString: url })
    await store.migrate()
    const pool = createPool(url)
    await pool.query('insert into pawl.migrations (id, breaking) values (99, false)')
    expect((await pawl(['status', '--url', url])).code).toBe(0)
    await pool.query('update pawl.migrations set breaking = true where id = 99')
    const ran = await pawl(['status', '--url', url, '--json'])
    expect([ran.code, ran.json<Status>().attention]).toEqual([
      1,
      [expect.stringMatching(/99.*Update `pawl`/)],
    ])
    await store.close()
  })

  it('checks the secret, and a note does not fail', async () => {
    const url = await createDatabase()
    const env = { DATABASE_URL: url }
    await openSessions({ store: postgres({ connectionString: url, listen: false }) })
    const [right, wrong] = await Promise.all([
      pawl(['status'], { ...env, PAWL_SECRET: SECRET }),
      pawl(['status', '--json'], { ...env, PAWL_SECRET: FOREIGN_SECRET }),
    ])
    expect([right.code, right.stdout]).toEqual([0, expect.stringMatching(/^Nothing needs attention\.$/m)])
    expect([wrong.code, wrong.json<Status>()]).toMatchObject([
      1,
      {
        ok: false,
        attention: [expect.stringMatching(/^This `secret` does not decrypt the signing key .* \(epoch 1\)/)],
        findings: [{ id: 'secret-differs', severity: 'problem' }],
      },
    ])
    const client = await createPool(url, { application_name: 'pawl listen 0.0.1' }).connect()
    onTestFinished(() => client.release())
    const noted = await pawl(['status'], env)
    expect([noted.code, noted.stdout]).toEqual([
      0,
      expect.stringMatching(
        /^Nothing needs attention\.\n\nNote: Processes run an older release of Pawl than \S+: 0\.0\.1\s\(1\sprocess\)\./m,
      ),
    ])
  })

  it('shows the rest of a table that is locked, and what could not be read', async () => {
    const url = await createDatabase()
    await postgres({ connectionString: url }).migrate()
    const client = await createPool(url).connect()
    onTestFinished(() => client.release(true))
    await client.query('begin; lock table pawl.sessions in access exclusive mode')
    const ran = await pawl(['status'], { DATABASE_URL: url })
    expect(ran.code).toBe(1)
    expect(ran.stdout).toMatch(/^schema +pawl: migration 1, 2, 3, 4, 5 applied, up to date$/m)
    expect(ran.stdout).toMatch(/^sessions +unknown: no answer in time$/m)
    expect(ran.stdout).toMatch(/^bound +unknown$/m)
    expect(ran.stdout).toMatch(
      /^Pawl could not read the sessions, the revocations, the table and the state of VACUUM \(no answer in\stime\)\./m,
    )
  })
})
