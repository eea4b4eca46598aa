import { expect, it, onTestFinished, vi } from 'vitest'
import { sessionsConsole } from '../../src/console/index.ts'
import { memory } from '../../src/memory/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { listen as serve } from '../support/http-server.ts'
import { openSessions } from '../support/sessions.ts'
import { browse, MARIA, openConsole, wordsOf } from './support/console.ts'

/** The overview of `npx pawl console`, whose process has no feed. */
async function openOfCommand(url: string, listen: boolean | string): Promise<() => Promise<string>> {
  const store = postgres({ connectionString: url, migrate: false, listen })
  const sessions = await openSessions({ store, revocation: { mode: 'expiry' } })
  const port = await serve(sessionsConsole(sessions, { authorize: () => MARIA, ofCommand: true }))
  return async () => wordsOf((await browse(port).get('/')).text)
}

async function createMigrated(): Promise<string> {
  const url = await createDatabase()
  await postgres({ pool: createPool(url) }).migrate()
  return url
}

it('the console of the command tries LISTEN', async () => {
  const overview = await openOfCommand(await createMigrated(), true)
  expect(await overview()).toMatch(/All well No check .*LISTEN, tried from here works/)
})

it('tries LISTEN at most once in a minute, and not in an application', async () => {
  const store = memory()
  let tried = 0
  const listening = async () => ({ working: ++tried > 0, problem: null })
  const sessions = await openSessions({ store: { ...store, inspect: { ...store.inspect!, listening } } })
  const consoleOf = async (ofCommand: boolean) =>
    browse(await serve(sessionsConsole(sessions, { authorize: () => MARIA, ofCommand })))
  await (await consoleOf(false)).get('/')
  expect(tried).toBe(0)
  const { get } = await consoleOf(true)
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  for (let n = 0; n < 3; n++) await get('/')
  vi.advanceTimersByTime(59_000)
  await get('/')
  expect(tried).toBe(1)
  vi.advanceTimersByTime(2000)
  await get('/')
  expect(tried).toBe(2)
})

it('the console of the command reports that LISTEN does not work, as the status does', async () => {
  const url = await createMigrated()
  await breakNotify(url)
  const words = await (await openOfCommand(url, true))()
  expect(words).toMatch(/Needs attention Warning LISTEN does not work, .*A pooler in transaction mode/)
  expect(words).toContain('LISTEN, tried from here does not work')
  expect(words).not.toMatch(/All well|Nothing found/)
})

it('the console of the command says that it has not tried LISTEN', async () => {
  const words = await (await openOfCommand(await createMigrated(), false))()
  expect(words).toContain('Nothing found The checks that ran found nothing. Not checked: LISTEN.')
  expect(words).toContain('LISTEN, tried from here not tried')
  expect(words).not.toContain('All well')
})

it('says that it could not compare the clocks', async () => {
  let isAway = false
  const store = memory()
  const console = await openConsole({
    store: {
      ...store,
      time: async () => {
        if (isAway) throw new Error('no answer')
        return null
      },
    },
  })
  expect(wordsOf((await console.get('/')).text)).toContain('All well')
  isAway = true
  const words = wordsOf((await console.get('/')).text)
  expect(words).toContain('Nothing found The checks that ran found nothing. Not checked: the clocks.')
  expect(words).not.toContain('All well')
})

/** Messages are lost, as behind a pooler in transaction mode. */
async function breakNotify(url: string): Promise<void> {
  const pool = createPool(url)
  await pool.query(`create schema broken`)
  await pool.query(`create function broken.pg_notify(text, text) returns void language sql as 'select'`)
  const { rows } = await pool.query('select quote_ident(current_database()) as name')
  await pool.query(`alter database ${rows[0].name} set search_path = broken, pg_catalog, public`)
}
