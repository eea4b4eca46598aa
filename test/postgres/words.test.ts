import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type PostgresOptions, postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { aroundQueries } from '../support/pools.ts'
import { openSessions } from '../support/sessions.ts'

// Skips the delays between retries.
vi.mock(import('../../src/core/time/delay.ts'), async (original) => {
  const { skipDelays } = await import('../support/skip-delays.ts')
  return skipDelays(await original())
})

const url = await createDatabase()
const pool = createPool(url)

async function failureOf(options: PostgresOptions): Promise<Error & { cause?: unknown }> {
  return openSessions({ store: postgres(options) }).then(
    () => expect.unreachable(),
    (error: Error) => error,
  )
}

/** An error as the driver throws it, on a statement of a running process. */
async function messageFor(code: string | undefined, text: string): Promise<string> {
  const error = Object.assign(new Error(text), code === undefined ? {} : { code })
  let broken = false
  const through = aroundQueries(pool, (_, run) => (broken ? Promise.reject(error) : run()))
  const sessions = await openSessions({ store: postgres({ pool: through, listen: false }) })
  broken = true
  const thrown = await sessions.create({ userId: 'u' }).then(
    () => expect.unreachable(),
    (reason: Error) => reason,
  )
  broken = false
  expect(thrown).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', cause: error })
  return thrown.message
}

describe('the message of StoreUnavailableError', () => {
  it.each([
    ['53300', 'sorry, too many clients already', /maxConnections.*max_connections/],
    ['28P01', 'password authentication failed for user "app"', /password/],
    ['28000', 'no pg_hba.conf entry for host "192.0.2.1", user "app", database "d", no encryption', /TLS/],
    ['28000', 'role "app" does not exist', /pg_hba/],
    ['3D000', 'database "shop" does not exist', /Create the database/],
    ['57P01', 'terminating connection due to administrator command', /connects again/],
    ['57P03', 'the database system is starting up', /connects again/],
    ['57014', 'canceling statement due to statement timeout', /statement_timeout/],
    ['57P03', 'the database system is not yet accepting connections', /standby.*primary.*connects again/],
    ['57P03', 'the database system is not accepting connections', /`hot_standby`.*primary/],
    ['25006', 'cannot execute INSERT in a read-only transaction', /primary.*readOnly.*After a failover/],
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND db1,db2', /several hosts/],
    ['42501', 'new row violates row-level security policy for table "sessions"', /policy/],
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND db.internal', /DNS/],
    ['ETIMEDOUT', 'connect ETIMEDOUT 192.0.2.1:5432', /firewalls/],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', /certificate authority/],
    ['CERT_HAS_EXPIRED', 'certificate has expired', /renew/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', "Hostname/IP does not match certificate's altnames", /name/],
    [undefined, 'timeout exceeded when trying to connect', /no free connection.*max/],
    [undefined, 'The server does not support SSL connections', /sslmode=disable/],
    [undefined, 'Connection terminated unexpectedly', /DATABASE_URL/],
  ])('for %s has the words of the server or network, and a remedy: %s', async (code, text, remedy) => {
    const message = await messageFor(code, text)
    expect(message).toContain(text)
    if (code !== undefined && !/^E[A-Z]+$/.test(code)) expect(message).toContain(code)
    expect(message).toMatch(remedy)
    expect(message.slice(message.indexOf(text) + text.length)).toMatch(/^\)\. \S.*\.$/)
  })

  it('is one printable line of limited length without credentials', async () => {
    const words = [
      'line\n\u001b[31mred\u202e password=hunter2',
      'PGPASSWORD=hunter2 {"db_password":"hunter2"}',
      'postgres://app:hunter2 hunter2@db/shop',
    ]
    const message = await messageFor('53300', `${words.join(' ')} ${'x'.repeat(10_000)}`)
    expect(message.length).toBeLessThan(700)
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(message).not.toContain('hunter2')
  })

  it('has the words of a real refusal: too many connections of a role', async () => {
    const role = `pawl_test_full_${randomBytes(4).toString('hex')}`
    await pool.query(`create role ${role} login connection limit 1`)
    const roleUrl = new URL(url)
    roleUrl.username = role
    const holder = new pg.Client({ connectionString: roleUrl.href })
    await holder.connect()
    try {
      const error = await failureOf({ connectionString: roleUrl.href })
      expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', cause: { code: '53300' } })
      expect(error.message).toContain('too many connections for role')
    } finally {
      await holder.end()
      await pool.query(`drop role ${role}`)
    }
  })
})

describe('the address in a message', () => {
  afterEach(() => void vi.unstubAllEnvs())

  it.each([
    ['of the environment', {}, '127.0.0.1:1/from_env'],
    ["of the pool's options, with the rest from the environment", { database: 'given' }, '127.0.0.1:1/given'],
    ['of a socket', { host: '/nowhere' }, '/nowhere/.s.PGSQL.1 (database from_env)'],
    ['of a URL without host and port', { connectionString: 'postgres:///given' }, '127.0.0.1:1/given'],
  ])('is the one %s', async (_, config, where) => {
    vi.stubEnv('PGHOST', '127.0.0.1')
    vi.stubEnv('PGPORT', '1')
    vi.stubEnv('PGDATABASE', 'from_env')
    const refused = new pg.Pool(config)
    const error = await failureOf({ pool: refused as never })
    expect(error.message).toContain(`at ${where} (`)
    await refused.end()
    if (!('connectionString' in config)) return
    const own = await failureOf({ connectionString: config.connectionString! })
    expect(own.message).toContain(`at ${where} (`)
  })
})
