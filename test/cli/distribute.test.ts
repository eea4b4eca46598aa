import { describe, expect, it } from 'vitest'
import { postgres, type StoreStatus } from '../../src/postgres/index.ts'
import { createFakeCitus } from '../support/citus.ts'
import { createDatabase } from '../support/database.ts'
import { openSessions } from '../support/sessions.ts'
import { pawl } from './pawl.ts'

interface Status extends StoreStatus {
  readonly ok: boolean
  readonly attention: string[]
}

const tablesIn = async ({ pool }: Awaited<ReturnType<typeof createFakeCitus>>): Promise<unknown[]> =>
  (await pool.query(`select relname from pg_class where relnamespace = to_regnamespace('pawl')`)).rows

describe('migrate --distribute', () => {
  it('creates the tables, distributes sessions by id, and does nothing the second time', async () => {
    const { url } = await createFakeCitus()
    const env = { DATABASE_URL: url }
    const ran = await pawl(['migrate', '--distribute', '--json'], env)
    expect([ran.code, ran.json()]).toStrictEqual([
      0,
      { applied: [1, 2, 3, 4, 5], distributed: ['migrations', 'signing_keys', 'sessions'] },
    ])
    const again = await pawl(['migrate', '--distribute'], env)
    expect([again.code, again.stdout]).toStrictEqual([
      0,
      'The schema is up to date.\nThe tables are distributed already.\n',
    ])
    const status = await pawl(['status'], env)
    expect([status.code, status.stdout]).toStrictEqual([
      0,
      expect.stringMatching(
        /^layout +Citus coordinator, sessions distributed by id \(32 shards\), signing_keys local, migrations local$/m,
      ),
    ])
    expect(status.stdout).toMatch(/^table +394 MB with its indexes$/m)
    expect(status.stdout).toMatch(/^dead rows +unknown: each node counts those of its shards$/m)
    expect(status.stdout).toMatch(/^feed +0 processes listen to this node/m)
  })

  it('keeps the rows of tables that exist', async () => {
    const { url, pool } = await createFakeCitus()
    const sessions = await openSessions({ store: postgres({ pool, listen: false }) })
    const { refreshToken } = await sessions.create({ userId: 'anna' })
    const ran = await pawl(['migrate', '--distribute'], { DATABASE_URL: url })
    expect([ran.code, ran.stdout]).toStrictEqual([
      0,
      `The schema is up to date.
Made migrations visible to the workers.
Made signing_keys visible to the workers.
Distributed sessions by id.
`,
    ])
    await expect(sessions.refresh(refreshToken.value)).resolves.toMatchObject({ session: { userId: 'anna' } })
  })

  it('refuses plain PostgreSQL, a worker, and a coordinator that its workers do not know', async () => {
    const plain = await createDatabase()
    const worker = await createFakeCitus()
    await worker.becomeWorker()
    const unknown = await createFakeCitus()
    await unknown.forgetCoordinator()
    for (const [url, reason] of [
      [plain, /^pawl: The database at .* has no Citus.* without --distribute/],
      [worker.url, /^pawl: The server at .* is a worker of Citus\..* Give the URL of the coordinator\.$/m],
      [unknown.url, /^pawl: The workers do not know the coordinator.*select citus_set_coordinator_host\(/],
    ] as const) {
      const ran = await pawl(['migrate', '--distribute'], { DATABASE_URL: url })
      expect([ran.code, ran.stdout, ran.stderr]).toStrictEqual([1, '', expect.stringMatching(reason)])
    }
    expect(await tablesIn(worker)).toStrictEqual([])
    expect(await tablesIn(unknown)).toStrictEqual([])
  })

  it('refuses another distribution column; status warns of it and of tables that workers do not see', async () => {
    const { url, pool } = await createFakeCitus()
    const env = { DATABASE_URL: url }
    await pawl(['migrate'], env)
    expect((await pawl(['status', '--json'], env)).json<Status>().attention).toStrictEqual([])
    await pool.query(`select create_distributed_table('pawl.sessions', 'user_id')`)
    const ran = await pawl(['migrate', '--distribute'], env)
    expect([ran.code, ran.stderr]).toStrictEqual([
      1,
      expect.stringMatching(
        /distributed by user_id.*select alter_distributed_table\('"pawl"\.sessions', distribution_column => 'id', colocate_with => 'none'\);$/m,
      ),
    ])
    const status = await pawl(['status', '--json'], env)
    expect([status.code, status.json<Status>().attention]).toStrictEqual([
      1,
      [
        expect.stringMatching(
          /^sessions is distributed by user_id.*alter_distributed_table\('pawl\.sessions'/,
        ),
        expect.stringMatching(/^Workers do not see signing_keys and migrations.*--distribute/),
      ],
    ])
  })

  it('names the owner of the tables to a role that may not distribute them', async () => {
    const { url, pool } = await createFakeCitus()
    await pawl(['migrate'], { DATABASE_URL: url })
    const role = `pawl_app_${Math.random().toString(36).slice(2)}`
    await pool.query(`create role ${role} login password 'x'`)
    await pool.query(
      `grant usage on schema pawl to ${role}; grant all on all tables in schema pawl to ${role}`,
    )
    const asRole = new URL(url)
    asRole.username = role
    asRole.password = 'x'
    const ran = await pawl(['migrate', '--distribute'], { DATABASE_URL: asRole.href })
    await pool.query(`drop owned by ${role}; drop role ${role}`)
    expect([ran.code, ran.stderr]).toStrictEqual([
      1,
      expect.stringMatching(
        /may not change the tables in schema "pawl" at .*; have .* run: `npx pawl migrate --distribute`$/m,
      ),
    ])
  })
})

it('neither migrates nor starts on a worker that does not see the tables, and status says so', async () => {
  const { url, pool, becomeWorker } = await createFakeCitus()
  await becomeWorker()
  const ran = await pawl(['migrate'], { DATABASE_URL: url })
  expect([ran.code, ran.stderr]).toStrictEqual([
    1,
    expect.stringMatching(
      /is a worker of Citus and does not see.*--distribute` with the URL of the coordinator\.$/m,
    ),
  ])
  for (const migrate of [true, false])
    await expect(openSessions({ store: postgres({ pool, migrate, listen: false }) })).rejects.toThrow(
      'is a worker of Citus',
    )
  const status = await pawl(['status'], { DATABASE_URL: url })
  expect(status.code).toBe(1)
  expect(status.stdout).toMatch(/^schema +pawl: not visible from here$/m)
  expect(status.stdout).toMatch(/^This server is a worker of Citus, and tables of Pawl/m)
  expect(status.stdout).not.toContain('There are no Pawl tables')
})
