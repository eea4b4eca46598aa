import { expect, it } from 'vitest'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { recording } from '../support/pools.ts'
import { openSessions } from '../support/sessions.ts'

const url = await createDatabase()
const pool = createPool(url)

/** The connections of Pawl's own pools and listeners. */
async function countConnections(): Promise<number> {
  const { rows } = await pool.query(
    "select count(*)::integer as count from pg_stat_activity where datname = current_database() and application_name like 'pawl%'",
  )
  return rows[0].count
}

it.each([
  [undefined, 2],
  [4, 4],
])(
  'with `serverless` and `maxConnections: %s` Pawl opens %i connections, and none to listen',
  async (given, most) => {
    const sessions = await openSessions({
      store: postgres({ connectionString: url, ...(given !== undefined && { maxConnections: given }) }),
      serverless: true,
    })
    await Promise.all(Array.from({ length: 20 }, (_, index) => sessions.list(`user-${index}`)))
    expect(await countConnections()).toBe(most)
    await sessions.close()
    // The server notices the closed connections asynchronously.
    await expect.poll(countConnections).toBe(0)
  },
)

it.each([true, 'postgres://user:hidden@localhost/app', { host: 'localhost' }])(
  'refuses `listen: %j` with `serverless`, in words',
  async (listen) => {
    const attempt = openSessions({ store: postgres({ connectionString: url, listen }), serverless: true })
    await expect(attempt).rejects.toThrow(
      coded('ERR_INVALID_OPTIONS', {
        option: 'listen',
        message: expect.stringMatching(
          /^option `listen` got (?!.*hidden).*; it takes nothing or `false` with `serverless`: a frozen process hears nothing, so it polls when a request comes$/,
        ),
      }) as Error,
    )
  },
)

it('with `serverless` a confirmation takes two statements, because the answer waits for it', async () => {
  const { pool: recorded, statements } = recording(pool)
  const sessions = await openSessions({
    store: postgres({ pool: recorded }),
    serverless: true,
    revocation: { pollInterval: 60 },
  })
  const { refreshToken } = await sessions.create({ userId: 'u' })
  const { accessToken } = await sessions.refresh(refreshToken.value)
  statements.length = 0
  const headers = { authorization: `Bearer ${accessToken.value}` }
  await fetchSessions(sessions)(
    new Request('https://app.example/', { headers }),
    (session) => new Response(session.userId),
  )
  expect(statements).toStrictEqual(['select', 'update'])
})
