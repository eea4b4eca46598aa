import { randomBytes } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { type PostgresStore, postgres } from '../../src/postgres/index.ts'
import { pawl } from '../cli/pawl.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'

const OUTDATED = coded('ERR_SCHEMA_OUTDATED') as Error
const suffix = randomBytes(4).toString('hex')
/** A role without any right of its own, with a name that must be quoted. */
const app = `pawl Test "app" ${suffix}`
const admin = `pawl_test_admin_${suffix}`
const APP = `"${app.replaceAll('"', '""')}"`

const url = await createDatabase()
const pool = createPool(url).setMaxListeners(30)
await pool.query(`create role ${APP} login; create role ${admin} login;
  revoke create on schema public from public;
  grant create on database ${new URL(url).pathname.slice(1)} to ${admin}`)
afterAll(async () => {
  await pool.query(`drop owned by ${APP}, ${admin} cascade; drop role ${APP}, ${admin}`)
})

function as(role: string): string {
  const roleUrl = new URL(url)
  roleUrl.username = encodeURIComponent(role)
  return roleUrl.href
}
const storeOf = (role: string, schema: string, migrate = true): PostgresStore =>
  postgres({ connectionString: as(role), schema, migrate })

/** A login, a refresh and a revocation: with them the role has used each right. */
async function live(store: PostgresStore): Promise<void> {
  const sessions = await openSessions({ store })
  const { refreshToken, session } = await sessions.create({ userId: 'u' })
  expect((await sessions.refresh(refreshToken.value)).session.active).toBe(true)
  expect(await sessions.revoke(session.sessionId)).toBe(true)
}

const failure = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => expect.unreachable(),
    (error: Error) => error,
  )

/** Runs the statements that a message names, as the role that it names. */
async function obey({ message }: Error): Promise<void> {
  const [, by, statements] = /have "(.+?)" \(.*?run: (.*)$/.exec(message) ?? []
  await pool.query('begin')
  await pool.query(`set local role "${by}"; ${statements}`)
  await pool.query('commit')
}

describe('a migration needs no more rights than the missing parts take', () => {
  it.each([
    ['a schema that the role owns', `create schema one authorization ${APP}`, 'one'],
    [
      "the administrator's schema, with usage and create",
      `set role ${admin}; create schema two; grant usage, create on schema two to ${APP}; reset role`,
      'two',
    ],
    ['a schema that it may create', `grant create on database :db to ${APP}`, 'three'],
  ])('%s', async (_, prepare, schema) => {
    const database = new URL(url).pathname.slice(1)
    // One client, because `set role` belongs to a connection.
    await pool.query(prepare.replace(':db', database))
    await live(storeOf(app, schema))
    await pool.query(`revoke create on database ${database} from ${APP}`)
    // Repeated starts, also at once, write nothing.
    await Promise.all([storeOf(app, schema).migrate(), live(storeOf(app, schema))])
  })

  it('starts at once from several processes in a schema that the role cannot create', async () => {
    await pool.query(`create schema together; grant usage, create on schema together to ${APP}`)
    await Promise.all(Array.from({ length: 8 }, () => storeOf(app, 'together').migrate()))
    await live(storeOf(app, 'together'))
  })

  it('needs only DML on tables of another role', async () => {
    await storeOf(admin, 'dml').migrate()
    await pool.query(`grant usage on schema dml to ${APP};
      grant select on dml.migrations to ${APP};
      grant select, insert, update, delete on dml.sessions, dml.signing_keys to ${APP}`)
    await live(storeOf(app, 'dml'))
    await live(storeOf(app, 'dml', false))
  })

  it('completes tables that exist without a record in the ledger', async () => {
    await storeOf(admin, 'handmade').migrate()
    await pool.query(`delete from handmade.migrations; grant usage on schema handmade to ${APP};
      grant select, insert, update, delete on all tables in schema handmade to ${APP}`)
    expect(await storeOf(app, 'handmade').migrate()).toStrictEqual([1, 2, 3, 4, 5])
  })
})

describe('a missing right', () => {
  it.each([
    ['to create the schema', 'select 1', 'absent'],
    ['to create tables in `public`', 'select 1', 'public'],
    ['to create tables', `set role ${admin}; create schema closed; reset role`, 'closed'],
    [
      'to create tables, with usage',
      `create schema usable; grant usage on schema usable to ${APP}`,
      'usable',
    ],
  ])('%s is an error with the statement to run and by whom', async (_, prepare, schema) => {
    await pool.query(prepare)
    const error = await failure(openSessions({ store: storeOf(app, schema) }))
    expect(error).toEqual(OUTDATED)
    expect(error.message).toContain(`"${schema}"`)
    expect(error.message).not.toMatch(/URL/)
    await obey(error)
    await live(storeOf(app, schema))
  })

  it('to use the tables is an error with the grants, at the start and in `npx pawl status`', async () => {
    await storeOf(admin, 'ungranted').migrate()
    const error = await failure(openSessions({ store: storeOf(app, 'ungranted') }))
    expect(error).toEqual(OUTDATED)
    await obey(error)
    await live(storeOf(app, 'ungranted'))

    // Also the right that only the polls for revocations need, whatever `onStale` says.
    await pool.query(`revoke select on ungranted.sessions from ${APP}`)
    const unread = await failure(openSessions({ store: storeOf(app, 'ungranted') }))
    expect(unread).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', cause: { code: '42501' } })
    await obey(unread)

    await pool.query(`revoke insert on ungranted.sessions from ${APP}`)
    const ran = await pawl(['status', '--json', '--url', as(app), '--schema', 'ungranted'])
    const { attention } = ran.json<{ attention: string[] }>()
    expect([ran.code, attention]).toEqual([
      1,
      [
        expect.stringContaining(
          `run: grant select, insert, update, delete on "ungranted"."sessions" to ${APP}`,
        ),
      ],
    ])
    const sessions = await openSessions({ store: storeOf(app, 'ungranted') })
    const refused = await failure(sessions.create({ userId: 'u' }))
    expect(refused).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', cause: { code: '42501' } })
    await obey(refused)
    expect((await sessions.create({ userId: 'u' })).session.active).toBe(true)
  })

  it('to change a table is an error that names its owner, also on the command line', async () => {
    await storeOf(admin, 'owned').migrate()
    await pool.query(`alter table owned.sessions drop column renewals; delete from owned.migrations where id = 2;
      grant usage, create on schema owned to ${APP};
      grant select, insert, update, delete on all tables in schema owned to ${APP}`)
    const ran = await pawl(['migrate', '--url', as(app), '--schema', 'owned'])
    expect([ran.code, ran.stdout]).toEqual([1, ''])
    expect(ran.stderr).toMatch(
      new RegExp(`have "${admin}" \\(the owner of the tables\\).*run: \`npx pawl migrate\``),
    )
    const repaired = await pawl(['migrate', '--url', as(admin), '--schema', 'owned'])
    expect([repaired.code, repaired.stdout]).toEqual([0, expect.stringContaining('Applied migration 2')])
    await live(storeOf(app, 'owned'))
  })
})
