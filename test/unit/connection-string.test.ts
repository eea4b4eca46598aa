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
  ['postgres://app:hunter2@db1:5432,db2:5432/shop', /several hosts/],
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

it.each([
  'postgres://app:p%40ss@db:5432/shop?sslmode=require',
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
