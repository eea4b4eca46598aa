import { once } from 'node:events'
import { createServer } from 'node:net'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ListenConfig, type PoolLike, type PostgresOptions, postgres } from '../../src/postgres/index.ts'
import { createListener } from '../../src/postgres/listen.ts'
import { pawl } from '../cli/pawl.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { listen, openSessions } from '../support/sessions.ts'

const url = await createDatabase()
const pool = createPool(url).setMaxListeners(30)
/** Nothing listens on port 1. */
const NOWHERE = 'postgres://app:hunter2@127.0.0.1:1/shop'

async function reasonOf(options: PostgresOptions): Promise<string> {
  const sessions = await openSessions({ store: postgres(options), revocation: { pollInterval: 0.1 } })
  const polling = listen(sessions, 'feedPolling')
  await expect.poll(() => polling.length, { timeout: 10_000 }).toBe(1)
  return polling[0]!.error!.message
}

/** A server that refuses TLS, as PostgreSQL without a certificate does. @returns its port, and what it was sent first */
async function withoutTls(): Promise<{ port: number; received: number[] }> {
  const received: number[] = []
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .once('data', (data) => {
        received.push(data.readInt32BE(4))
        socket.end('N')
      })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as { port: number }).port, received }
}

/** A pool with `ssl`, whose own statements go to the server of the tests, which has no TLS. */
function withTls(): PoolLike {
  return {
    query: (config) => pool.query(config as pg.QueryConfig),
    connect: () => pool.connect() as never,
    end: async () => {},
    options: { ...pool.options, ssl: { rejectUnauthorized: true } } as PoolLike['options'] & object,
    Client: pg.Client,
  }
}

/** The code of the message by which a client asks for TLS. */
const SSL_REQUEST = 80877103

/** A pool whose driver has a bug in LISTEN. */
function withBug(): PoolLike {
  class Client extends pg.Client {
    override query = (): never => {
      throw new TypeError('r.replace is not a function')
    }
  }
  return { ...withTls(), options: pool.options as PoolLike['options'] & object, Client }
}

describe('the reason why LISTEN does not work', () => {
  it('is a bug of the driver: the server is not blamed', async () => {
    expect(await reasonOf({ pool: withBug() })).toBe('r.replace is not a function')
  })

  it.each([
    ['host', NOWHERE, /127\.0\.0\.1:1\/shop.*ECONNREFUSED/],
    ['host, as a config', { host: '127.0.0.1', port: 1, password: () => 'hunter2' }, /127\.0\.0\.1:1\//],
    ['database', url.replace(/[^/]+$/, 'no_such_database'), /3D000.*no_such_database.*Create the database/],
    ['file of a certificate', `${url}?sslrootcert=/no/such/file`, /ENOENT/],
  ])('is told: the %s', async (_, target, reason) => {
    const message = await reasonOf({ pool, listen: target })
    expect(message).toMatch(reason)
    expect(message).not.toContain('hunter2')
  })

  it('is told: a pooler that takes LISTEN and delivers nothing', async () => {
    class Deaf extends pg.Client {
      // biome-ignore lint/suspicious/noExplicitAny: the many signatures of `query`
      override query(...parameters: any[]): any {
        const [text] = parameters as [unknown]
        return typeof text === 'string' && text.startsWith('listen')
          ? Promise.resolve()
          : (super.query as (...all: unknown[]) => unknown)(...parameters)
      }
    }
    const deaf = new pg.Pool({ connectionString: url, Client: Deaf as never })
    onTestFinished(() => deaf.end())
    expect(await reasonOf({ pool: deaf as never })).toMatch(
      /pooler.*give `listen` the URL of the database itself/,
    )
  })

  it('is told with the address: the server ended the connection', async () => {
    const sessions = await openSessions({ store: postgres({ pool }), revocation: { pollInterval: 0.1 } })
    await expect.poll(() => sessions.stats().feed.listening, { timeout: 10_000 }).toBe(true)
    const polling = listen(sessions, 'feedPolling')
    await pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name like 'pawl listen%' and datname = current_database()`,
    )
    await expect.poll(() => polling.length, { timeout: 10_000 }).toBe(1)
    const { host, pathname } = new URL(url)
    expect(polling[0]!.error?.message).toMatch(
      `PostgreSQL at ${host}${pathname} refused or ended the connection`,
    )
    expect(polling[0]!.error?.message).toMatch('57P01')
  })

  it('is told at once to a ping that is under way when the server ends the connection', async () => {
    const application = 'loses its connection'
    let connections = 0
    const listener = createListener(
      async () => new pg.Client({ connectionString: url, application_name: application }) as never,
      { name: 'x', quoted: 'x' },
      // The message never arrives.
      async () => true,
      { onChange() {}, onForeign() {}, onConnected: () => void connections++ },
    )
    onTestFinished(() => listener.close())
    await expect.poll(() => connections).toBe(1)
    const arrived = listener.ping(20_000)
    await pool.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      application,
    ])
    expect(await arrived).toBe(false)
    expect(listener.failure?.kind).toBe('57P01')
  })

  it('is a process warning by default', async () => {
    const warned = collectWarnings()
    const sessions = await openSessions({
      store: postgres({ pool, listen: NOWHERE }),
      revocation: { pollInterval: 0.1 },
      logger: undefined as never,
    })
    await expect.poll(() => warned.length, { timeout: 10_000 }).toBe(1)
    expect(warned[0]).toMatchObject({
      code: 'PAWL_FEED_POLLING',
      message: expect.stringMatching(
        /^LISTEN does not work.*\(err: "Cannot reach PostgreSQL at 127\.0\.0\.1:1/,
      ),
    })
    await sessions.close()
  })

  it('is told by `npx pawl status`, which tries LISTEN', async () => {
    await postgres({ pool }).migrate()
    const [fine, failing] = await Promise.all([
      pawl(['status', '--json', '--url', url]),
      pawl(['status', '--url', url, '--listen', NOWHERE]),
    ])
    expect([fine.code, fine.json()]).toMatchObject([0, { notifications: { working: true, problem: null } }])
    expect(failing.code).toBe(1)
    expect(failing.stdout).toMatch(/^feed .*LISTEN does not work$/m)
    expect(failing.stdout.replace(/\s+/g, ' ')).toMatch(
      /by polling\. Cannot reach PostgreSQL at 127\.0\.0\.1:1\/shop/,
    )
    expect(failing.stdout).not.toContain('hunter2')
  })
})

describe('the connection for LISTEN', () => {
  it.each([
    ['a URL', (port: number): string | ListenConfig => `postgres://127.0.0.1:${port}/shop`],
    ['a config', (port: number): string | ListenConfig => ({ host: '127.0.0.1', port })],
  ])('uses `ssl` of the pool if %s does not name it', async (_, target) => {
    const { port, received } = await withoutTls()
    expect(await reasonOf({ pool: withTls(), listen: target(port) })).toMatch(/does not support SSL/)
    expect(received[0]).toBe(SSL_REQUEST)
  })

  it('does not use TLS if its URL says so', async () => {
    const store = postgres({ pool: withTls(), listen: `${url}?sslmode=disable` })
    const sessions = await openSessions({ store, revocation: { pollInterval: 0.5 } })
    await expect.poll(() => sessions.stats().feed.listening, { timeout: 10_000 }).toBe(true)
  })

  it('takes the parts that its URL does not name from `connectionString`', async () => {
    const { host, pathname } = new URL(url)
    const sessions = await openSessions({
      store: postgres({ connectionString: url, listen: `postgres://${host}` }),
    })
    await expect.poll(() => sessions.stats().feed.listening, { timeout: 10_000 }).toBe(true)
    const listening = await pool.query(
      `select from pg_stat_activity where application_name like 'pawl listen%' and datname = $1`,
      [pathname.slice(1)],
    )
    expect(listening.rowCount).toBeGreaterThan(0)
  })
})
