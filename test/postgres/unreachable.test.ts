import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import pg from 'pg'
import { afterEach, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { type PostgresOptions, postgres } from '../../src/postgres/index.ts'
import { coded } from '../support/errors.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'

const UNAVAILABLE = coded('ERR_STORE_UNAVAILABLE', { retryAfter: 5 })

const start = (options: PostgresOptions): Promise<unknown> =>
  createSessions({ store: postgres(options), secret: SECRET, logger: silentLogger })

async function listening(): Promise<{ server: Server; port: number }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => void sockets.add(socket.on('error', () => {}))).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { server, port: (server.address() as { port: number }).port }
}

async function failure(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => expect.unreachable(),
    (error: Error) => error,
  )
}

describe('a database that cannot be reached', () => {
  afterEach(() => void vi.useRealTimers())

  it('is an error at start that names the address without the password', async () => {
    const { server, port } = await listening()
    server.close()
    const error = await failure(start({ connectionString: `postgres://u:hunter2@127.0.0.1:${port}/shop` }))
    expect(error).toEqual(UNAVAILABLE)
    expect(error.message).toContain(`127.0.0.1:${port}/shop`)
    expect(error.message).not.toContain('hunter2')
  })

  it.each(['connectionString', 'pool'] as const)(
    'and does not answer is given up within ten seconds: %s',
    async (kind) => {
      const { port } = await listening()
      const connectionString = `postgres://u:hunter2@127.0.0.1:${port}/shop`
      // Fakes only the timers, because the sockets are real.
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
      const pool = new pg.Pool({ connectionString })
      const starting = failure(start(kind === 'pool' ? { pool: pool as never } : { connectionString }))
      await vi.advanceTimersByTimeAsync(10_000)
      const error = await starting
      expect(error).toEqual(UNAVAILABLE)
      expect(error.message).toContain(`127.0.0.1:${port}/shop`)
      expect(error.message).not.toContain('hunter2')
    },
  )

  it('because its host name does not exist is an error that names the address', async () => {
    const error = await failure(
      start({ connectionString: 'postgres://u:hunter2@no-such-host.invalid:5433/shop' }),
    )
    expect(error).toEqual(UNAVAILABLE)
    expect(error.message).toContain('no-such-host.invalid:5433/shop')
  })

  it('because the database or the user does not exist is an error with the cause', async () => {
    const noDatabase = new URL(inject('serverUrl'))
    noDatabase.pathname = '/no_such_database'
    const error = await failure(start({ connectionString: noDatabase.href }))
    expect(error).toEqual(UNAVAILABLE)
    expect(error.cause).toMatchObject({ code: '3D000' })

    const noUser = new URL(inject('serverUrl'))
    noUser.username = 'no_such_user'
    noUser.password = 'hunter2'
    const refused = await failure(start({ connectionString: noUser.href }))
    expect(refused).toEqual(UNAVAILABLE)
    expect(refused.message).not.toContain('hunter2')
  })

  it('can be tried again with the same store', async () => {
    const url = new URL(inject('serverUrl'))
    const name = `pawl_test_later_${process.pid}`
    url.pathname = `/${name}`
    const store = postgres({ connectionString: url.href })
    await expect(createSessions({ store, secret: SECRET, logger: silentLogger })).rejects.toThrow(
      UNAVAILABLE as Error,
    )
    const client = new pg.Client({ connectionString: inject('serverUrl') })
    await client.connect()
    onTestFinished(async () => {
      await client.query(`drop database if exists ${name} with (force)`)
      await client.end()
    })
    await client.query(`create database ${name}`)
    const sessions = await openSessions({ store })
    expect((await sessions.create({ userId: 'u' })).session.active).toBe(true)
  })
})
