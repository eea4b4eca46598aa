import { afterEach, beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { lazySessions, type Sessions } from '../../src/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import type * as application from '../support/reloads/application.ts'
import { database } from '../support/reloads/database.ts'
import { openSessions } from '../support/sessions.ts'

const IDLE = 5000
const request = new Request('https://app.example.com/')
const answer = (): Response => new Response('hello')
let connections: () => Promise<number>

beforeAll(async () => {
  database.url = await createDatabase()
  const pool = createPool(database.url, { max: 1 })
  connections = async () => {
    const { rows } = await pool.query(
      `select count(*)::int from pg_stat_activity
       where datname = current_database() and backend_type = 'client backend'`,
    )
    return rows[0].count
  }
})
beforeEach(() => void vi.stubEnv('NODE_ENV', 'development'))
afterEach(() => void vi.unstubAllEnvs())

/** Loads the application as a dev server does, and sends a request to each of its two Pawls. */
async function load(edit: string): Promise<typeof application> {
  const module = `${import.meta.dirname}/../support/reloads/application.ts?${edit}`
  const loaded: typeof application = await import(/* @vite-ignore */ module)
  for (const handle of [loaded.withUser, loaded.withAdmin])
    expect((await handle(request, answer)).status).toBe(200)
  // Modules are never loaded again within one turn of the event loop.
  await new Promise(setImmediate)
  return loaded
}

/** Lets the replaced sessions be idle for long enough. A pool keeps a connection that a late poll opened for 10 s. */
async function settle(expected: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(2 * IDLE)
  await vi.waitFor(async () => expect(await connections()).toBe(expected), { timeout: 20_000 })
}

it('edits under a dev server leave no connections behind, and two Pawls in one file stay apart', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const first = await load('development-1')
  const kept = await first.users()
  const one = await connections()
  await load('development-2')
  // A request that began before the edit still has its sessions.
  await kept.create({ userId: 'anna' })
  expect((await first.withUser(request, answer)).status).toBe(200)
  for (let edit = 3; edit <= 6; edit++) await load(`development-${edit}`)
  // At most one evaluation is waiting to be closed.
  await vi.waitFor(async () => expect(await connections()).toBeLessThanOrEqual(2 * one), { timeout: 5000 })
  const last = await load('development-7')
  await settle(one)
  await (await last.users()).create({ userId: 'berta' })
  expect((await (await last.users()).list('anna')).length).toBe(1)
  await last.users.close()
})

it('in production every evaluation keeps its sessions', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  vi.stubEnv('NODE_ENV', 'production')
  const loaded = [await load('production-1'), await load('production-2')]
  await vi.advanceTimersByTimeAsync(2 * IDLE)
  const [first, second] = await Promise.all(loaded.map(({ users }) => users()))
  expect(first).not.toBe(second)
  await first!.create({ userId: 'anna' })
  await Promise.all(loaded.map(({ users }) => users.close()))
})

it('sessions that are used again after their replacement are made again, with a warning, and kept', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const warnings = collectWarnings()
  const make = vi.fn(() => openSessions())
  const key = 'used again'
  const older = lazySessions(() => make(), { key })
  const before = await older()
  await new Promise(setImmediate)
  const newer = lazySessions(() => make(), { key })
  const current = await newer()
  await vi.advanceTimersByTimeAsync(2 * IDLE)
  const again = await older()
  expect([again === before, again === current, warnings.length]).toStrictEqual([false, false, 1])
  expect(warnings[0]).toMatchObject({
    code: 'PAWL_SESSIONS_REPLACED',
    message: expect.stringContaining('`key`'),
  })
  await vi.advanceTimersByTimeAsync(2 * IDLE)
  expect([await older(), await newer()]).toStrictEqual([again, current])
})

it('sessions that the application has made elsewhere are never closed', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const sessions: Sessions = await openSessions()
  const close = vi.spyOn(sessions, 'close')
  const withSession = [1, 2, 3].map(() => async () => {
    await new Promise(setImmediate)
    return fetchSessions(() => sessions)(request, answer)
  })
  for (const handle of withSession) await handle()
  const lazy = lazySessions(() => sessions)
  await lazy()
  await lazy.close()
  await vi.advanceTimersByTimeAsync(2 * IDLE)
  expect(close).not.toHaveBeenCalled()
  await expect(lazy()).rejects.toThrow('are closed')
})
