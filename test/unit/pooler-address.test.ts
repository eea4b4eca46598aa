import { expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { coded } from '../support/errors.ts'

const DATABASE = 'postgres://app:hidden@db.example:5432/app'
const NEON = 'ep-cool-name-123-pooler.eu-central-1.aws.neon.tech'
const SUPABASE = 'aws-0-eu-central-1.pooler.supabase.com'
const open = (listen: string | object) => () =>
  postgres({ connectionString: DATABASE, listen: listen as string })

it.each([
  [`postgres://app:hidden@${NEON}/app?sslmode=require`, 'without `-pooler`'],
  [{ host: NEON }, 'without `-pooler`'],
  [{ connectionString: `postgres://app:hidden@${NEON}/app` }, 'without `-pooler`'],
  [`postgres://app:hidden@${SUPABASE}:6543/postgres`, 'on port 5432'],
  [{ host: 'db.abcdef.supabase.co', port: 6543 }, 'on port 5432'],
  ['postgres://app:hidden@db.example:6432/app?pgbouncer=true', 'the address of the database itself'],
])('refuses the pooler %j for `listen`, and says what to give', (listen, advice) => {
  const message = expect.stringMatching(
    new RegExp(`^option \`listen\` (?!.*hidden).*LISTEN delivers nothing.*${advice}`),
  )
  expect(open(listen)).toThrow(coded('ERR_INVALID_OPTIONS', { option: 'listen', message }) as Error)
})

it.each([
  `postgres://app:hidden@${NEON.replace('-pooler', '')}/app`,
  `postgres://app:hidden@${SUPABASE}:5432/postgres`,
  'postgres://app:hidden@db.example:6543/app',
])('takes %s for `listen`', (listen) => {
  expect(open(listen)).not.toThrow()
})
