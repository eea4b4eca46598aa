import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { type PostgresOptions, postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'

const url = await createDatabase()
const pool = createPool(url)
const role = `pawl_reads_${randomBytes(4).toString('hex')}`
const roleUrl = new URL(url)
roleUrl.username = role
const database = roleUrl.pathname.slice(1)
await pool.query(`create role ${role} login superuser`)
afterAll(() => pool.query(`drop role ${role}`))

async function failureOf(options: PostgresOptions): Promise<Error> {
  const store = postgres({ listen: false, ...options })
  return createSessions({ store, secret: SECRET, logger: silentLogger }).then(
    () => expect.unreachable(),
    (error: Error) => error,
  )
}

describe('a primary that takes no writes from the role', () => {
  const OFF = 'default_transaction_read_only'

  it.each([
    [`alter role ${role} set ${OFF} = on`, `alter role "${role}" reset ${OFF};`],
    [`alter database ${database} set ${OFF} = on`, `alter database "${database}" reset ${OFF};`],
    [
      `alter role ${role} in database ${database} set ${OFF} = on`,
      `alter role "${role}" in database "${database}" reset ${OFF};`,
    ],
  ])('is named at the start with the statement that helps: %s', async (set, remedy) => {
    const undo = set.replace(/set (\w+) = on/, 'reset $1')
    await pool.query(set)
    try {
      const store = postgres({ connectionString: roleUrl.href, listen: false })
      const error = await failureOf({ connectionString: roleUrl.href })
      expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
      expect(error.message).toMatch(/^PostgreSQL at .* takes no writes from the role .*readOnly: true/)
      expect(error.message).toContain(remedy)
      expect(error.message).not.toContain('standby')
      await expect(store.migrate()).rejects.toThrow(remedy)
      await store.close()
    } finally {
      // The setting itself would refuse its removal.
      await pool.query(`begin read write; ${undo}; commit`)
    }
  })

  it('is named with the parameter of the URL that causes it', async () => {
    const withOptions = `${url}?options=${encodeURIComponent(`-c ${OFF}=on`)}`
    const error = await failureOf({ connectionString: withOptions })
    expect(error.message).toMatch(/takes no writes.*`options`.*PGOPTIONS/)
  })
})

describe('a list of hosts in PGHOST', () => {
  afterEach(() => void vi.unstubAllEnvs())

  it('is refused at the start, and by a command that does not start', async () => {
    vi.stubEnv('PGHOST', 'db1,db2')
    const refused = {
      code: 'ERR_INVALID_OPTIONS',
      message: expect.stringMatching(/PGHOST.*several hosts.*primary/),
    }
    expect(await failureOf({ connectionString: 'postgres:///shop' })).toMatchObject(refused)
    const given = new pg.Pool({ database: 'shop' })
    expect(await failureOf({ pool: given as never })).toMatchObject(refused)
    await given.end()
    const store = postgres({ connectionString: 'postgres:///shop', listen: false })
    await expect(store.status()).rejects.toThrow(expect.objectContaining(refused))
    await store.close()
  })
})
