import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { openSite, type Site } from '../support/http-site.ts'
import { listen, openSessions } from '../support/sessions.ts'

vi.mock(import('../../src/core/time/delay.ts'), async (original) => {
  const { skipDelays } = await import('../support/skip-delays.ts')
  return skipDelays(await original())
})

const DAY = 86_400
const ENDED = { status: 401, body: { code: 'session_ended' } }
const UNAVAILABLE = { status: 503, body: { code: 'unavailable' }, cookies: [] }

const url = await createDatabase()
const pool = createPool(url)

/** The application on a database of its own, and a process of it that has got the URL of another one. */
async function openMisdirected(): Promise<{ site: Site; other: Site; otherPool: pg.Pool }> {
  const otherPool = createPool(await createDatabase())
  const site = await openSite({}, { store: postgres({ pool, listen: false }) })
  const other = await openSite({}, { store: postgres({ pool: otherPool, listen: false }) })
  return { site, other, otherPool }
}

describe('a process with the URL of another database', () => {
  it('answers 503 to the sessions it does not find, keeps their cookies and says what to check', async () => {
    const { site, other } = await openMisdirected()
    const heard = listen(other.sessions, 'rowsHidden')
    const anna = site.visitor()
    await anna.login()
    const lost = other.visitor(anna.jar)
    expect(await lost.refresh()).toMatchObject(UNAVAILABLE)
    expect(heard).toStrictEqual([{ reason: 'unused-table' }])
    const token = anna.jar.get('__Secure-pawl-refresh')!
    await expect(other.sessions.refresh(token)).rejects.toThrow(/DATABASE_URL.*`schema`.*next login/)
    expect((await anna.refresh()).status).toBe(200)
  })

  it('shows an optional page to a visitor, whose login there counts', async () => {
    const { site, other } = await openMisdirected()
    const anna = site.visitor()
    await anna.login()
    const lost = other.visitor(anna.jar)
    const page = { info: { optional: true }, handler: () => new Response('for visitors') }
    let answer = await lost.navigate('/hello', page)
    for (let hop = 0; hop < 3 && answer.status === 303; hop++)
      answer = await lost.navigate(answer.headers.get('location')!, page)
    expect([answer.status, answer.cookies]).toStrictEqual([200, []])
    await lost.login()
    expect((await lost.me()).status).toBe(200)
  })

  it('answers 401 from the first login in that database on: it is the one to use', async () => {
    const { site, other } = await openMisdirected()
    const anna = site.visitor()
    await anna.login()
    await other.visitor().login()
    expect(await other.visitor(anna.jar).refresh()).toMatchObject(ENDED)
  })

  it('answers 401 to a refresh token that has expired', async () => {
    const { site, other } = await openMisdirected()
    const anna = site.visitor()
    await anna.login()
    other.clock.advance(30 * DAY)
    expect(await other.visitor(anna.jar).refresh()).toMatchObject(ENDED)
  })
})

it('after all sessions were revoked and pruned, their tokens get 401, also from a new process', async () => {
  const options = { store: postgres({ pool, schema: 'pruned', listen: false }) }
  const site = await openSite({}, options)
  const [anna, berta] = [site.visitor(), site.visitor()]
  await anna.login()
  await berta.login()
  await site.sessions.revokeAll()
  site.clock.advance(10 * DAY)
  expect(await site.sessions.prune()).toBe(2)
  expect(await anna.refresh()).toMatchObject(ENDED)
  const restarted = await openSite({}, { store: postgres({ pool, schema: 'pruned', listen: false }) })
  restarted.clock.advance(10 * DAY)
  expect(await restarted.visitor(berta.jar).refresh()).toMatchObject(ENDED)
})

describe('row level security', () => {
  const role = `pawl_${randomBytes(6).toString('hex')}`
  const roleUrl = new URL(url)
  roleUrl.username = role
  roleUrl.password = 'secret'
  const rolePool = createPool(roleUrl.href)
  let schemas = 0
  afterAll(async () => {
    await pool.query(`drop owned by ${role}`)
    await pool.query(`drop role ${role}`)
  })

  async function openAsRole(): Promise<{ site: Site; table: string; schema: string }> {
    const schema = `secured_${++schemas}`
    if (schemas === 1) await pool.query(`create role ${role} login password 'secret'`)
    await openSessions({ store: postgres({ pool, schema, listen: false }) })
    await pool.query(`grant usage on schema ${schema} to ${role}`)
    await pool.query(`grant all on all tables in schema ${schema} to ${role}`)
    const site = await openSite(
      {},
      { store: postgres({ pool: rolePool, schema, listen: false, migrate: false }) },
    )
    return { site, table: `${schema}.sessions`, schema }
  }
  const start = (schema: string): Promise<unknown> =>
    openSessions({ store: postgres({ pool: rolePool, schema, listen: false, migrate: false }) })

  it.each([
    ['without a policy', ''],
    ['with a policy that hides some rows', `create policy p on TABLE using (user_id = 'berta')`],
  ])('%s, turned on while a process runs, answers 503 and keeps the cookies', async (_, policy) => {
    const { site, table } = await openAsRole()
    const heard = listen(site.sessions, 'rowsHidden')
    const anna = site.visitor()
    await anna.login()
    await pool.query(`alter table ${table} enable row level security`)
    if (policy !== '') await pool.query(policy.replace('TABLE', table))
    expect(await anna.refresh()).toMatchObject(UNAVAILABLE)
    expect(heard).toStrictEqual([{ reason: 'row-security' }])
    await pool.query(`alter table ${table} disable row level security`)
    expect((await anna.refresh()).status).toBe(200)
  })

  it('refuses the start, with the table, the role and what to do', async () => {
    const { table, schema } = await openAsRole()
    await pool.query(`alter table ${table} enable row level security`)
    await expect(start(schema)).rejects.toThrow(coded('ERR_SCHEMA_OUTDATED') as Error)
    await expect(start(schema)).rejects.toThrow(
      new RegExp(`Table "${schema}"\\.sessions at .* row level security.* role ${role}\\..*BYPASSRLS`),
    )
    await pool.query(`create policy p on ${table} using (user_id = current_user)`)
    await expect(start(schema)).rejects.toThrow(/row level security/)
  })

  it('does not mind a policy that shows all rows, nor the owner', async () => {
    const { table, schema } = await openAsRole()
    await pool.query(`alter table ${table} enable row level security`)
    await openSessions({ store: postgres({ pool, schema, listen: false }) })
    await pool.query(`create policy p on ${table} using (true)`)
    await start(schema)
  })
})
