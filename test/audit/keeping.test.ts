import { randomBytes } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { createSessions, type Sessions } from '../../src/index.ts'
import { type PostgresOptions, postgres } from '../../src/postgres/index.ts'
import { pawl } from '../cli/pawl.ts'
import { auditOf } from '../support/audit.ts'
import { createFakeCitus } from '../support/citus.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'

const DAY = 24 * 3600
const url = await createDatabase()
const pool = createPool(url).setMaxListeners(50)

const count = async (table: string): Promise<number> =>
  Number((await pool.query(`select count(*) from ${table}`)).rows[0].count)

async function open(
  schema: string,
  options: Partial<PostgresOptions> = {},
  clock: FakeClock = createFakeClock(),
): Promise<Sessions> {
  const store = postgres({ pool, schema, audit: true, listen: false, ...options })
  return openSessions({ store, now: clock.now, revocation: { pollInterval: 60 } })
}

describe('rows past their retention', () => {
  it('are deleted in batches, whether sessions are due or not', async () => {
    const clock = createFakeClock()
    const sessions = await open('retention', { audit: { retention: 30 * DAY } }, clock)
    await pool.query(
      `insert into retention.session_audit (at, session_id, kind, user_id)
       select to_timestamp($1::bigint / 1000) - n * interval '1 hour', gen_random_uuid(), 'created', 'u' from generate_series(1, 1800) n`,
      [clock.now()],
    )
    await sessions.prune()
    expect(await count('retention.session_audit')).toBe(720)
    clock.advance(31 * DAY)
    await sessions.prune()
    expect(await count('retention.session_audit')).toBe(0)
  })

  it('are deleted in batches, also those of one time', async () => {
    const schema = 'one_time'
    const store = postgres({ pool, schema, audit: true, listen: false })
    await openSessions({ store })
    await pool.query(
      `insert into ${schema}.session_audit (at, session_id, kind, user_id)
       select '2020-01-01', gen_random_uuid(), 'ended', 'u' from generate_series(1, 1200) n`,
    )
    expect(await store.prune(Date.now(), 500)).toStrictEqual({ due: 500, deleted: 0 })
    expect(await count(`${schema}.session_audit`)).toBe(700)
  })

  it('stay with `retention: null`, and where nothing is audited', async () => {
    const clock = createFakeClock()
    const sessions = await open('forever', { audit: { retention: null } }, clock)
    const plain = await open('forever', { audit: false }, clock)
    await sessions.create({ userId: 'u' })
    clock.advance(3000 * DAY)
    await plain.prune()
    await sessions.prune()
    expect(await count('forever.session_audit')).toBe(1)
  })

  it('are kept for 400 days unless the option says otherwise', async () => {
    const clock = createFakeClock()
    const sessions = await open('unless', {}, clock)
    const { session } = await sessions.create({ userId: 'u' })
    await sessions.revoke(session.sessionId)
    clock.advance(400 * DAY - 1)
    await sessions.prune()
    expect(await count('unless.session_audit')).toBe(2)
    clock.advance(2)
    await sessions.prune()
    expect(await count('unless.session_audit')).toBe(0)
  })
})

describe('a table that is partitioned by month', () => {
  const PARTITIONS = (schema: string, months: readonly string[]): string =>
    months
      .map(
        (month) =>
          `create table ${schema}.session_audit_${month.replace('-', '_')} partition of ${schema}.session_audit
           for values from ('${month}-01') to (date '${month}-01' + interval '1 month');`,
      )
      .join('\n')

  it('takes every row, is searched, and is pruned by dropping partitions', async () => {
    const clock = createFakeClock()
    await (await open('monthly', {}, clock)).create({ userId: 'early' })
    // The statements of docs/operate/audit.md.
    await pool.query(`begin;
      alter table monthly.session_audit rename to session_audit_before;
      create table monthly.session_audit (like monthly.session_audit_before including all) partition by range (at);
      create table monthly.session_audit_default partition of monthly.session_audit default;
      ${PARTITIONS('monthly', ['2030-01', '2030-02', '2030-03'])}
      insert into monthly.session_audit select * from monthly.session_audit_before;
      drop table monthly.session_audit_before;
      commit;`)
    expect(await count('monthly.session_audit_2030_01')).toBe(1)
    const store = postgres({ pool, schema: 'monthly', audit: { retention: null }, listen: false })
    const sessions = await openSessions({ store, now: clock.now, revocation: { pollInterval: 60 } })
    expect(await store.migrate()).toStrictEqual([])
    for (let month = 0; month < 4; month++) {
      const { session } = await sessions.create({ userId: 'anna', ip: '192.0.2.1' })
      await Promise.all([sessions.create({ userId: 'ben' }), sessions.create({ userId: 'ben' })])
      clock.advance(DAY)
      await sessions.revoke(session.sessionId)
      await sessions.revokeUser('ben')
      clock.advance(30 * DAY)
    }
    expect(await count('monthly.session_audit_2030_02')).toBe(6)
    expect(await count('monthly.session_audit_default')).toBe(6)
    const history = store.inspect!.history!
    const ofAnna = await history({ userId: 'anna', limit: 5 })
    expect(ofAnna.found.map(({ kind }) => kind)).toStrictEqual([
      'ended',
      'created',
      'ended',
      'created',
      'ended',
    ])
    const rest = await history({ userId: 'anna', limit: 5, after: ofAnna.next })
    expect(rest.found.map(({ kind }) => kind)).toStrictEqual(['created', 'ended', 'created'])
    expect((await history({ network: '192.0.2.0/24', limit: 100 })).found).toHaveLength(8)
    await pool.query('drop table monthly.session_audit_2030_01')
    expect((await history({ userId: 'anna', limit: 100 })).found).toHaveLength(6)
    await sessions.deleteUser('anna')
    expect((await history({ userId: 'anna', limit: 100 })).found).toStrictEqual([])
    expect(await count('monthly.session_audit')).toBe(12)
    // An expiry of a month whose partition is gone.
    await sessions.create({ userId: 'late', ip: '192.0.2.9' })
    await pool.query(`update monthly.sessions set expires_at = '2030-01-15', absolute_expires_at = '2031-01-01',
      prune_on = '2030-01-16' where user_id = 'late'`)
    await sessions.prune()
    expect((await history({ userId: 'late', limit: 100 })).found.map(({ end }) => end?.reason)).toStrictEqual(
      [undefined, 'idle'],
    )
  })

  it('is made before the first start as well, and deletes by retention as a plain one does', async () => {
    const clock = createFakeClock()
    await open('before', { audit: false }, clock)
    await pool.query('drop table before.session_audit; delete from before.migrations where id = 5')
    await pool.query(`create table before.session_audit (like retention.session_audit including all) partition by range (at);
      create table before.session_audit_default partition of before.session_audit default`)
    await pool.query(PARTITIONS('before', ['2030-01']))
    const sessions = await open('before', { audit: { retention: DAY } }, clock)
    await sessions.create({ userId: 'u' })
    clock.advance(2 * DAY)
    await sessions.create({ userId: 'u' })
    await sessions.prune()
    expect(await count('before.session_audit')).toBe(1)
  })

  it('is refused without a default partition', async () => {
    const schema = 'lacking'
    await open(schema, { audit: false })
    await pool.query(`drop table ${schema}.session_audit;
      create table ${schema}.session_audit (like retention.session_audit including all) partition by range (at)`)
    const error = await createSessions({
      store: postgres({ pool, schema, audit: true, listen: false }),
      secret: SECRET,
      logger: silentLogger,
    }).catch((thrown: Error) => thrown)
    expect(error).toEqual(coded('ERR_SCHEMA_OUTDATED'))
    await pool.query(/Run: (.*)$/.exec((error as Error).message)![1]!)
    const sessions = await open(schema)
    await sessions.create({ userId: 'u' })
    expect(await auditOf(pool, schema)).toStrictEqual(['created'])
  })
})

describe('the command line', () => {
  it('records ends in an installation that keeps an audit, and expiries, and deletes none', async () => {
    const schema = 'commands'
    const sessions = await open(schema, { audit: { retention: DAY } }, createFakeClock(Date.now()))
    const { session } = await sessions.create({ userId: 'anna' })
    await sessions.create({ userId: 'ben' })
    const flags = ['--schema', schema, '--url', url]
    expect(await pawl(['sessions', 'revoke', session.sessionId, '--yes', ...flags])).toMatchObject({
      code: 0,
    })
    expect(await auditOf(pool, schema, session.sessionId)).toStrictEqual(['created', 'ended revoked'])
    await pool.query(`update ${schema}.sessions set prune_on = '2020-01-01', expires_at = now() - interval '20 days'
      where user_id = 'ben'`)
    await pool.query(`update ${schema}.session_audit set at = at - interval '30 days' where user_id = 'anna'`)
    expect(await pawl(['prune', ...flags])).toMatchObject({ code: 0 })
    expect((await auditOf(pool, schema)).toSorted()).toStrictEqual([
      'created',
      'created',
      'ended idle',
      'ended revoked',
    ])
  })

  it('records nothing where no audit is kept', async () => {
    const schema = 'unkept'
    const sessions = await open(schema, { audit: false }, createFakeClock(Date.now()))
    const { session } = await sessions.create({ userId: 'anna' })
    const ran = await pawl([
      'sessions',
      'revoke',
      session.sessionId,
      '--yes',
      '--schema',
      schema,
      '--url',
      url,
    ])
    expect(ran).toMatchObject({ code: 0 })
    expect(await auditOf(pool, schema)).toStrictEqual([])
  })
})

describe('a role without rights on the table', () => {
  const app = `pawl_audit_${randomBytes(4).toString('hex')}`
  const roleUrl = new URL(url)
  roleUrl.username = app
  const schema = 'granted'
  afterAll(async () => {
    await pool.query(`drop owned by ${app} cascade; drop role ${app}`)
  })

  it('goes on without the option, and is refused with it, with the grants', async () => {
    const owner = await open(schema, { audit: false })
    await owner.create({ userId: 'anna' })
    await pool.query(`create role ${app} login; grant usage on schema ${schema} to ${app};
      grant select on ${schema}.migrations to ${app};
      grant select, insert, update, delete on ${schema}.sessions, ${schema}.signing_keys to ${app}`)
    const as = (audit: boolean): Promise<Sessions> => open(schema, { pool: createPool(roleUrl.href), audit })
    const plain = await as(false)
    expect(await plain.deleteUser('anna')).toBe(1)
    const error = await as(true).catch((thrown: Error) => thrown)
    expect(error).toEqual(coded('ERR_SCHEMA_OUTDATED'))
    const [, statements] = /run: (.*)$/.exec((error as Error).message) ?? []
    expect(statements).toBe(
      `grant select, insert, update, delete on "${schema}"."session_audit" to "${app}";`,
    )
    await pool.query(statements!)
    const audited = await as(true)
    await audited.create({ userId: 'ben' })
    // Another process keeps an audit, so a process that may not erase it must not say that it has.
    await pool.query(`revoke all on ${schema}.session_audit from ${app}`)
    const refused = (await as(false)).deleteUser('ben')
    await expect(refused).rejects.toThrow(/session_audit/)
  })
})

it('is refused on Citus, and in a table of another program', async () => {
  const citus = await createFakeCitus()
  const start = (options: PostgresOptions): Promise<Sessions> =>
    createSessions({ store: postgres({ listen: false, ...options }), secret: SECRET, logger: silentLogger })
  await postgres({ pool: citus.pool, listen: false }).distribute()
  await expect(start({ pool: citus.pool, audit: true })).rejects.toThrow(
    coded('ERR_INVALID_OPTIONS', { option: 'audit' }) as Error,
  )
  const plain = await start({ pool: citus.pool })
  await plain.create({ userId: 'u' })
  expect(await plain.deleteUser('u')).toBe(1)
  await plain.close()
  await pool.query('create schema another; create table another.session_audit (id int)')
  await expect(start({ pool, schema: 'another' })).rejects.toThrow(
    /session_audit at .* is not a table of Pawl/,
  )
})

it('is read by a process that only reads', async () => {
  const sessions = await open('read_only')
  await sessions.create({ userId: 'anna' })
  const store = postgres({ pool, schema: 'read_only', audit: true, readOnly: true })
  const reader = await openSessions({ store })
  expect((await store.inspect!.history!({ userId: 'anna', limit: 1 })).found).toHaveLength(1)
  await expect(reader.create({ userId: 'anna' })).rejects.toThrow(coded('ERR_STORE_UNAVAILABLE') as Error)
})
