import { chmod, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createEmbeddedPostgres, type EmbeddedPostgres } from '../../demo/embedded-postgres.ts'
import type { Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { coded } from '../support/errors.ts'
import { listen, openSessions } from '../support/sessions.ts'

// Skips the delays between retries.
vi.mock(import('../../src/core/time/delay.ts'), async (original) => {
  const { skipDelays } = await import('../support/skip-delays.ts')
  return skipDelays(await original())
})

const UNAVAILABLE = coded('ERR_STORE_UNAVAILABLE') as Error

let server: EmbeddedPostgres
const hba = join(tmpdir(), `pawl-test-${process.pid}-pg_hba.conf`)

/** A server of its own, because this file stops it. */
beforeAll(async () => {
  await writeFile(hba, 'host all locked 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n')
  // If the tests run as root, the server runs as another user and must be able to read the file.
  await chmod(hba, 0o644)
  server = await createEmbeddedPostgres([`hba_file=${hba}`])
  await server.start()
})
afterAll(async () => {
  await server.remove()
  await rm(hba, { force: true })
})

describe('a database that stops and starts again', () => {
  it.each([
    { how: 'stops', signal: 'SIGINT', whose: 'a pool of its own' },
    { how: 'crashes', signal: 'SIGKILL', whose: 'the pool of the application' },
  ] as const)(
    'ends no session and stops no verification: it $how, with $whose',
    async ({ signal, whose }) => {
      const pool = new pg.Pool({ connectionString: server.url, max: 3 })
      pool.on('error', () => {})
      const options =
        whose === 'a pool of its own' ? { connectionString: server.url } : { pool: pool as never }
      const sessions = await openSessions({ store: postgres(options), revocation: { pollInterval: 60 } })
      const ended = listen(sessions, 'ended')
      const dropped = listen(sessions, 'confirmationsDropped')
      const { accessToken, refreshToken, session } = await sessions.create({ userId: 'u' })
      const child = await sessions.refresh(refreshToken.value)

      await server.stop(signal)
      expect(sessions.verify(accessToken.value).userId).toBe('u')
      expect(sessions.verify(child.accessToken.value).generation).toBe(1)
      await expect(sessions.refresh(child.refreshToken!.value)).rejects.toThrow(UNAVAILABLE)
      await expect(sessions.create({ userId: 'u' })).rejects.toThrow(UNAVAILABLE)
      await expect(sessions.check(accessToken.value)).rejects.toThrow(UNAVAILABLE)
      await expect(sessions.revoke(session.sessionId)).rejects.toThrow(UNAVAILABLE)
      await expect(sessions.setData(session.sessionId, 1)).rejects.toThrow(UNAVAILABLE)
      await sessions.flush()
      expect(dropped).toStrictEqual([{ count: 1, reason: 'store' }])
      expect(sessions.verify(accessToken.value).userId).toBe('u')

      await server.start()
      const after = await sessions.refresh(child.refreshToken!.value)
      expect(after.session).toMatchObject({ sessionId: session.sessionId, generation: 1, active: true })
      expect((await sessions.create({ userId: 'v' })).session.active).toBe(true)
      expect(ended).toStrictEqual([])
      await sessions.close()
      await pool.end()
    },
  )
})

describe('a wrong password', () => {
  it('is an error without the password in its message', async () => {
    const admin = new pg.Client({ connectionString: server.url })
    await admin.connect()
    await admin.query(`create role locked login password 'right one'`)
    await admin.end()
    const url = new URL(server.url)
    url.username = 'locked'
    url.password = 'hunter2'
    const error = await openSessions({ store: postgres({ connectionString: url.href }) }).catch(
      (e: Error) => e,
    )
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', cause: { code: '28P01' } })
    expect((error as Error).message).not.toContain('hunter2')
  })

  it('of the URL for LISTEN is told as the reason, and the password function of the pool is used without one', async () => {
    const { hostname: host, port } = new URL(server.url)
    const pool = new pg.Pool({
      host,
      port: Number(port),
      user: 'locked',
      database: 'postgres',
      password: async () => 'right one',
    })
    pool.on('error', () => {})
    // Runs after the sessions are closed, because hooks run in reverse order.
    onTestFinished(() => pool.end())
    const admin = new pg.Client({ connectionString: server.url })
    await admin.connect()
    await admin.query('create schema locked authorization locked')
    await admin.end()
    const open = (target: string): Promise<Sessions> =>
      openSessions({
        store: postgres({ pool: pool as never, schema: 'locked', listen: target }),
        revocation: { pollInterval: 0.1 },
      })
    const works = listen(await open(`postgres://${host}:${port}`), 'feedListening')
    await expect.poll(() => works.length, { timeout: 10_000 }).toBe(1)
    const polling = listen(await open(`postgres://locked:hunter2@${host}:${port}/postgres`), 'feedPolling')
    await expect.poll(() => polling.length, { timeout: 10_000 }).toBe(1)
    expect(polling[0]!.error!.message).toContain('password authentication failed for user "locked"')
    expect(polling[0]!.error!.message).not.toContain('hunter2')
  })
})
