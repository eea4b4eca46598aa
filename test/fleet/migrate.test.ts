import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { MIGRATIONS } from '../../src/postgres/migrations.ts'
import { dumpSchema } from '../support/catalog.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'

const OUTDATED = coded('ERR_SCHEMA_OUTDATED') as Error
const url = await createDatabase()
// Each store adds an error listener to its pool, and Node.js warns about more than ten.
const pool = createPool(url).setMaxListeners(30)
const emptyUrl = await createDatabase()

const count = async (table: string): Promise<number> =>
  Number((await pool.query(`select count(*) from ${table}`)).rows[0].count)

describe('the schema', () => {
  it('equals the golden file', async () => {
    await postgres({ pool, schema: 'pawl' }).migrate()
    await expect(await dumpSchema(pool, 'pawl')).toMatchFileSnapshot('../postgres/schema.sql')
  })

  it('is created once', async () => {
    const store = postgres({ pool, schema: 'once' })
    expect(await store.migrate()).toStrictEqual([1, 2, 3, 4, 5])
    expect(await store.migrate()).toStrictEqual([])
    expect(await count('once.migrations')).toBe(5)
  })

  it('is brought up to date from each earlier step', async () => {
    const complete = await dumpSchema(pool, 'pawl')
    for (const { id } of MIGRATIONS.slice(0, -1)) {
      const schema = `from_${id}`
      const store = postgres({ pool, schema })
      await store.migrate()
      // The columns and the table of the later steps, which an older release has not added.
      const added = [
        'renewals',
        'reuse_since',
        'actor_session_id',
        'actor_user_id',
        'device_key',
        'device_kind',
      ]
      for (const column of added.slice(2 * (id - 1)))
        await pool.query(`alter table ${schema}.sessions drop column ${column}`)
      await pool.query(`drop table ${schema}.session_audit`)
      await pool.query(`delete from ${schema}.migrations where id > ${id}`)
      expect(await store.migrate()).toStrictEqual(MIGRATIONS.slice(id).map((step) => step.id))
      expect((await dumpSchema(pool, schema)).replaceAll(schema, 'pawl')).toBe(complete)
    }
  })

  it('is complete after a migration that was interrupted and repeated', async () => {
    const complete = await dumpSchema(pool, 'pawl')
    for (const missing of ['sessions_user_id_idx', 'sessions_invalidated_at_idx', 'session_audit_ip_idx']) {
      const store = postgres({ pool, schema: 'interrupted' })
      await store.migrate()
      await pool.query(`drop index interrupted.${missing}`)
      await pool.query('drop table interrupted.signing_keys')
      await pool.query('delete from interrupted.migrations')
      await store.migrate()
      expect((await dumpSchema(pool, 'interrupted')).replaceAll('interrupted', 'pawl')).toBe(complete)
    }
  })

  it.each(['My "own" Schema', "it's", 'select', '$1', ':sessions', '😀'])(
    'may have the name %s',
    async (schema) => {
      const sessions = await openSessions({ store: postgres({ pool, schema }) })
      const { refreshToken, session } = await sessions.create({ userId: 'u', data: {} })
      const child = await sessions.refresh(refreshToken.value)
      sessions.verify(child.accessToken.value)
      await sessions.flush()
      await sessions.patchData(session.sessionId, { a: 1 })
      expect(await sessions.get(session.sessionId)).toMatchObject({ generation: 1, data: { a: 1 } })
      const found = await pool.query('select 1 from pg_namespace where nspname = $1', [schema])
      expect(found.rowCount).toBe(1)
    },
  )

  it('separates two installations in one database: neither accepts tokens of the other', async () => {
    const one = await openSessions({ store: postgres({ pool, schema: 'one' }) })
    const other = await openSessions({ store: postgres({ pool, schema: 'other' }) })
    const { accessToken, refreshToken } = await one.create({ userId: 'u' })
    expect(() => other.verify(accessToken.value)).toThrow(coded('ERR_ACCESS_TOKEN_INVALID') as Error)
    await expect(other.refresh(refreshToken.value)).rejects.toThrow(coded('ERR_SECRET_UNKNOWN') as Error)
  })
})

describe('many processes that start at once on an empty database', () => {
  it('create one schema and one key: twenty stores in one process', async () => {
    const starts = Array.from({ length: 20 }, () =>
      openSessions({ store: postgres({ pool, schema: 'twenty' }) }),
    )
    const fleet = await Promise.all(starts)
    expect(await count('twenty.migrations')).toBe(5)
    expect(await count('twenty.signing_keys')).toBe(1)
    const { accessToken } = await fleet[0]!.create({ userId: 'u' })
    for (const sessions of fleet) expect(sessions.verify(accessToken.value).userId).toBe('u')
  })

  it('create one schema and one key: five processes', async () => {
    const script = fileURLToPath(new URL('../support/start-sessions.ts', import.meta.url))
    const start = async (): Promise<{ sessionId: string; kids: string[] }> => {
      const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, emptyUrl])
      return JSON.parse(stdout) as { sessionId: string; kids: string[] }
    }
    const fleet = await Promise.all(Array.from({ length: 5 }, start))
    expect(fleet[0]!.kids).toHaveLength(1)
    for (const { kids } of fleet) expect(kids).toStrictEqual(fleet[0]!.kids)
    expect(new Set(fleet.map(({ sessionId }) => sessionId)).size).toBe(5)
  })
})

describe('`migrate: false`', () => {
  it('refuses an empty database', async () => {
    const store = postgres({ pool, schema: 'nothing_here', migrate: false })
    await expect(openSessions({ store })).rejects.toThrow(OUTDATED)
    const found = await pool.query(`select 1 from pg_namespace where nspname = 'nothing_here'`)
    expect(found.rowCount).toBe(0)
  })

  it('starts after `migrate()`', async () => {
    const store = postgres({ pool, schema: 'by_hand', migrate: false })
    await store.migrate()
    const sessions = await openSessions({ store })
    expect((await sessions.create({ userId: 'u' })).session.active).toBe(true)
  })

  it('works for a role without the right to create', async () => {
    await postgres({ pool, schema: 'granted' }).migrate()
    // Other runs of the tests may use the same server.
    const role = `pawl_app_${randomBytes(4).toString('hex')}`
    await pool.query(`
      create role ${role} login;
      grant usage on schema granted to ${role};
      grant select, insert, update, delete on all tables in schema granted to ${role}`)
    try {
      const appUrl = new URL(url)
      appUrl.username = role
      const store = (migrate: boolean, schema: string): ReturnType<typeof postgres> =>
        postgres({ connectionString: appUrl.href, migrate, schema })
      const sessions = await openSessions({ store: store(false, 'granted') })
      const { refreshToken } = await sessions.create({ userId: 'u' })
      expect((await sessions.refresh(refreshToken.value)).refreshToken).not.toBeNull()
      await expect(openSessions({ store: store(true, 'not_mine') })).rejects.toThrow(OUTDATED)
      await expect(openSessions({ store: store(false, 'by_hand') })).rejects.toThrow(OUTDATED)
      await sessions.close()
    } finally {
      await pool.query(`drop owned by ${role}; drop role ${role}`)
    }
  })
})

describe('a database that a newer release has migrated', () => {
  it('is refused only if the migration is breaking', async () => {
    const open = (migrate: boolean): ReturnType<typeof openSessions> =>
      openSessions({ store: postgres({ pool, schema: 'newer', migrate }) })
    await postgres({ pool, schema: 'newer' }).migrate()
    await pool.query('insert into newer.migrations (id, breaking) values (900, false)')
    expect((await (await open(true)).create({ userId: 'u' })).session.active).toBe(true)
    await pool.query('insert into newer.migrations (id, breaking) values (901, true)')
    await expect(open(true)).rejects.toThrow(OUTDATED)
    await expect(open(false)).rejects.toThrow(OUTDATED)
  })
})
