import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { createSessions, lazySessions } from '../../src/index.ts'
import { type PoolLike, type PostgresOptions, postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { silentLogger } from '../support/logger.ts'
import { aroundQueries, driverError, recording } from '../support/pools.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'

const pool = createPool(await createDatabase())
const first = await createSessions({
  store: postgres({ pool, listen: false }),
  secret: SECRET,
  logger: silentLogger,
})
await first.close()

type Statements = readonly string[]

/** The statements before `createSessions` has resolved, without those of background work that nothing waits for. */
async function statementsOfStart(
  options: Partial<PostgresOptions> = {},
  on: PoolLike = pool as unknown as PoolLike,
): Promise<Statements> {
  const texts: string[] = []
  const counted = aroundQueries(on as never, (config, run) => {
    if (!config.text.includes('pg_notify')) texts.push(config.text)
    return run()
  })
  await openSessions({ store: postgres({ pool: counted, listen: false, ...options }) })
  return [...texts]
}

describe('a start on a database that is up to date', () => {
  it.each([{}, { migrate: false }, { readOnly: true }])(
    'takes three round trips with %o',
    async (options) => {
      // An answer that takes longer than half a second makes the start read the time again.
      vi.useFakeTimers({ toFake: ['performance'] })
      onTestFinished(() => void vi.useRealTimers())
      const statements = await statementsOfStart(options)
      expect(statements).toHaveLength(3)
      expect(
        statements.map((text) => /json_build_object|signing_keys|invalidated_at/.exec(text)?.[0]),
      ).toStrictEqual(['json_build_object', 'signing_keys', 'invalidated_at'])
    },
  )

  it('reads step by step from an engine that refuses the one statement', async () => {
    const refusing = aroundQueries(pool, (config, run) => {
      if (config.text.includes('json_build_object')) throw driverError('42883')
      return run()
    })
    expect((await statementsOfStart({}, refusing)).length).toBeGreaterThan(3)
  })

  it('does not repeat the one statement step by step during an outage', async () => {
    const texts: string[] = []
    const away = aroundQueries(pool, async (config) => {
      texts.push(config.text)
      throw driverError('57P01')
    })
    await expect(openSessions({ store: postgres({ pool: away, listen: false }) })).rejects.toThrow(
      coded('ERR_STORE_UNAVAILABLE') as Error,
    )
    expect(new Set(texts).size).toBe(1)
  })
})

describe('the time that a start has read', () => {
  afterEach(() => void vi.useRealTimers())

  it('is measured again if the answer was slow', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const slow = aroundQueries(pool, async (config, run) => {
      const answer = await run()
      if (config.text.includes('json_build_object')) vi.advanceTimersByTime(600)
      return answer
    })
    const statements = await statementsOfStart({}, slow)
    expect(statements.filter((text) => text.includes('clock_timestamp'))).toHaveLength(2)
  })
})

it('sends nothing for lazy sessions before the first request', async () => {
  const { pool: recorded, statements } = recording(pool)
  const lazy = lazySessions(() => openSessions({ store: postgres({ pool: recorded, listen: false }) }))
  const withSession = fetchSessions(lazy)
  await new Promise((resolve) => setImmediate(resolve))
  expect(statements).toStrictEqual([])
  await withSession(new Request('https://example.com/'), () => new Response('public'))
  expect(statements.length).toBeGreaterThanOrEqual(3)
})
