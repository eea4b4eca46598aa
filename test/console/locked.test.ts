import { expect, it, onTestFinished } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { aroundQueries } from '../support/pools.ts'
import { type OpenConsole, openConsole, wordsOf } from './support/console.ts'

/** A console on a table that somebody has locked, as `vacuum full` and `alter table` do. */
async function openLocked(): Promise<{ console: OpenConsole; query(text: string): Promise<unknown[]> }> {
  const url = await createDatabase()
  const console = await openConsole({ store: postgres({ pool: createPool(url), listen: false }) })
  await console.sessions.create({ userId: 'anna' })
  const [other, locker] = [createPool(url), await createPool(url).connect()]
  onTestFinished(async () => {
    await locker.query('rollback')
    locker.release()
  })
  await locker.query('begin; lock table pawl.sessions in access exclusive mode')
  return { console, query: async (text) => (await other.query(text)).rows }
}

it('shows what it can read of a locked table within two seconds, and what to do', async () => {
  const { console, query } = await openLocked()
  await query('delete from pawl.migrations where id = (select max(id) from pawl.migrations)')
  const words = wordsOf((await console.get('/')).text)
  expect(words).toMatch(/Needs attention .*Migration \d+ is missing\./)
  expect(words).toContain('could not read the table and the state of VACUUM (no answer in time). Check ')
  expect(words).toMatch(/Database Server PostgreSQL [\d.]+ .*Schema pawl, migration \d+, lacks \d+/)
  expect(words).not.toMatch(/All well|No answer within/)
})

it('leaves no more statements behind if somebody reloads a page of a locked table', async () => {
  const { console, query } = await openLocked()
  const waiting = (): Promise<unknown[]> =>
    query(`select query from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()
      and query not like '%invalidated_at >= $1%' and query not like '%clock_timestamp%' order by query`)
  await console.get('/')
  const left = await waiting()
  expect(left.length).toBeGreaterThan(0)
  for (let n = 0; n < 5; n++) await console.get('/')
  expect(await waiting()).toStrictEqual(left)
})

it('says of the page of a user that it takes too long', async () => {
  const { console } = await openLocked()
  const words = wordsOf((await console.get('/user?id=anna')).text)
  expect(words).toContain('This page took too long')
})

it('gives up the list of a user with the page, and that of the application later', async () => {
  const lists: (number | undefined)[] = []
  const pool = aroundQueries(createPool(await createDatabase()), (config, run) => {
    if (/where user_id = \$1 and .* order by/s.test(config.text)) lists.push(config.query_timeout)
    return run()
  })
  const { sessions, get } = await openConsole({ store: postgres({ pool, listen: false }) })
  await sessions.create({ userId: 'anna' })
  expect(wordsOf((await get('/user?id=anna')).text)).toContain('User anna')
  expect(wordsOf((await get('/actions/end-user?user=anna')).text)).toContain('has 1 active session now')
  await sessions.list('anna')
  expect(lists).toStrictEqual([2600, 2600, 10_500])
})
