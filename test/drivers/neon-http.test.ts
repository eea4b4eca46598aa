import { neon, neonConfig } from '@neondatabase/serverless'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'
import { describeDriver } from './describe-driver.ts'
import { startNeonHttpServer } from './neon-http-server.ts'

const url = await createDatabase()
const server = await startNeonHttpServer(url)
afterAll(() => server.close())
neonConfig.fetchEndpoint = () => server.endpoint
const address = new URL(url)
// The driver wants a password, and the test server has the real URL.
const sql = neon(`postgres://user:password@${address.host}${address.pathname}`, {
  fullResults: true,
  arrayMode: true,
})

describeDriver("Neon's HTTP function", { options: { sql }, listens: false, rolledBack: null })

it('refuses a transaction, and says what has one', async () => {
  const sessions = await openSessions({ store: postgres({ sql }) })
  expect(() => sessions.using(sql)).toThrow(
    "Neon's HTTP function has no transactions for `using`. Give Pawl the Pool of @neondatabase/serverless as `pool`, and pass its client.",
  )
})

it('an endpoint that does not answer is an outage', async () => {
  const sessions = await openSessions({ store: postgres({ sql }) })
  const { refreshToken } = await sessions.create({ userId: 'u' })
  neonConfig.fetchEndpoint = () => 'http://127.0.0.1:1/sql'
  onTestFinished(() => {
    neonConfig.fetchEndpoint = () => server.endpoint
  })
  const error = await sessions.refresh(refreshToken.value).catch((thrown: unknown) => thrown)
  expect(error).toEqual(coded('ERR_STORE_UNAVAILABLE'))
  expect(String(error)).toContain('Cannot reach PostgreSQL at the address of the given `sql`')
})
