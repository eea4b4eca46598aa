import { describe, expect, it } from 'vitest'
import { connectionStringMistake } from '../../src/postgres/connection-string.ts'
import { postgres } from '../../src/postgres/index.ts'
import { coded } from '../support/errors.ts'

const WRONG: [string, RegExp][] = [
  ['mysql://app:hunter2@db/shop', /mysql:\/\/.*PostgreSQL/],
  ['https://app:hunter2@db/shop', /https:\/\/.*not HTTP/],
  ['prisma+postgres://accelerate.example/?api_key=hunter2', /prisma\+postgres:\/\/.*direct URL/],
  ['jdbc:postgresql://app:hunter2@db:5432/shop', /JDBC/],
  ['mongodb+srv://app:hunter2@db/shop', /mongodb\+srv:\/\//],
  ['host=db user=app password=hunter2', /keywords/],
  ['DATABASE_URL=postgres://app:hunter2@db/shop', /assignment/],
  ['"postgres://app:hunter2@db/shop"', /quote/],
  [' postgres://app:hunter2@db/shop', /space/],
  ['app:hunter2@db/shop', /not a PostgreSQL URL/],
  ['postgres:app:hunter2@db/shop', /not a PostgreSQL URL/],
  ['postgres://app:hunter2#x@db/shop', /Percent-encode/],
  ['postgres://app:12/hunter2@db:1/shop', /Percent-encode/],
  ['postgres://app:12#hunter2@db/shop', /Percent-encode/],
  ['postgres://app:12?hunter2@db/shop', /Percent-encode/],
  ['postgres://app:hunter2@db:port/shop', /port/],
  ['postgres://app:hunter2@db1:5432,db2:5432/shop', /several hosts.*primary/],
  ['postgres://app:hunter2@db1%2Cdb2/shop', /several hosts/],
  ['postgres://app:hunter2@/shop?host=db1,db2', /several hosts/],
  ['postgres:///shop?host=db1&host=db2&password=hunter2', /several hosts/],
  ['postgres://app:hunter2@/shop?host=db1%2Cdb2&port=5432%2C5433', /several hosts/],
  ['postgres://app:hunter2@db/shop?port=5432,5433', /several.*ports/],
  ['socket:/run/a,/run/b?db=shop&password=hunter2', /several hosts/],
  ['/run/a,/run/b shop', /several hosts/],
  ['postgres://app:hunter2@/shop?hostaddr=192.0.2.1', /`hostaddr`.*as the host/],
  ['postgres://app:hunter2@db/shop?hostaddr=192.0.2.1,192.0.2.2', /`hostaddr`/],
  ['postgres://app:hunter2@db/shop?target_session_attrs=standby', /`target_session_attrs`.*primary/],
  ['postgres://app:hunter2@db/shop?target_session_attrs=prefer-standby', /`target_session_attrs`.*readOnly/],
  ['postgres://app:hunter2@db/shop?load_balance_hosts=random', /`load_balance_hosts`/],
  ['postgres://app:hunter2@/?service=shop', /`service`/],
  ['postgres://app:hunter2@db?dbname=shop', /`dbname`.*database/],
  ["host=db dbname='the shop' password='hunter2'", /keywords/],
  ['service=shop password=hunter2', /keywords/],
  [' host = db password = hunter2', /keywords/],
  ["'host=db dbname=shop password=hunter2'", /keywords/],
  ['"DATABASE_URL=postgres://app:hunter2@db/shop"', /assignment/],
]

describe('a connection string that the driver would misread', () => {
  it.each(WRONG)('%s is refused at once with its mistake and without its password', (text, mistake) => {
    for (const options of [
      { connectionString: text },
      { connectionString: 'postgres://db/shop', listen: text },
      { connectionString: 'postgres://db/shop', listen: { connectionString: text } },
      { pool: { options: { connectionString: text }, connect() {} } as never },
    ]) {
      let thrown: Error | null = null
      try {
        postgres(options)
      } catch (error) {
        thrown = error as Error
      }
      expect(thrown).toEqual(coded('ERR_INVALID_OPTIONS'))
      expect(thrown!.message).toMatch(mistake)
      expect(`${thrown!.message} ${thrown!.stack}`).not.toContain('hunter2')
    }
  })
})

describe('a config that the driver would misread', () => {
  it.each<[object, RegExp]>([
    [{ host: 'db1,db2' }, /several hosts/],
    [{ host: ['db1', 'db2'] }, /several hosts/],
    [{ host: 'db', port: '5432,5433' }, /several.*ports/],
    [{ host: 'db', hostaddr: '192.0.2.1' }, /`hostaddr`/],
    [{ host: 'db', target_session_attrs: 'read-only' }, /`target_session_attrs`/],
  ])('%j is refused at once, in `pool` and in `listen`', (config, mistake) => {
    const pool = { options: config, connect() {} } as never
    const refused = { name: 'InvalidOptionsError', message: expect.stringMatching(mistake) }
    expect(() => postgres({ pool })).toThrow(expect.objectContaining(refused))
    const listen = config as never
    expect(() => postgres({ connectionString: 'postgres://db/shop', listen })).toThrow(
      expect.objectContaining(refused),
    )
  })
})

it.each([
  'postgres://app:p%40ss@db:5432/shop?sslmode=require',
  'postgres://app:a,b=c@db/shop?target_session_attrs=any&load_balance_hosts=disable',
  'postgres://app:secret@db/shop?target_session_attrs=read-write',
  'postgres://app:secret@db/shop?target_session_attrs=primary',
  'postgres://db/shop?options=-c%20search_path%3Da,b',
  'postgresql://db/shop',
  'postgres:///shop?host=/var/run/postgresql',
  'postgres://app:pw@/shop?host=/cloudsql/a:b:c',
  'postgres://%2Fvar%2Frun%2Fpostgresql/shop',
  'postgres://app@server:pw@db/shop',
  'postgres://db/shop?user=app@server',
  'postgres://app:a b@[::1]:5432/shop\n',
  'socket:/var/run/postgresql/?db=shop',
  '/var/run/postgresql shop',
])('%s is accepted', (text) => {
  expect(connectionStringMistake(text)).toBeNull()
})

it.each([
  [{ connectionString: undefined }, 'connectionString'],
  [{ pool: undefined, connectionString: undefined }, 'connectionString'],
  [{ sql: undefined }, 'sql'],
  [{ pglite: undefined }, 'pglite'],
])('an undefined option for the database is named, with the variable to check: %j', (options, option) => {
  expect(() => postgres(options as never)).toThrow(
    coded('ERR_INVALID_OPTIONS', {
      option,
      message: `option \`${option}\` got undefined; if it comes from the environment, check that the variable is set, such as DATABASE_URL`,
    }) as Error,
  )
})

it.each([{}, { pool: undefined }])(
  'without a database the error names the options for one: %j',
  (options) => {
    expect(() => postgres(options as never)).toThrow(
      expect.objectContaining({
        message:
          'option `pool` got undefined; it takes a `pg` Pool, unless you give `connectionString`, `sql` or `pglite`',
      }),
    )
  },
)
