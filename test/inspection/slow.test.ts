import { expect, it, onTestFinished, vi } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { aroundQueries } from '../support/pools.ts'
import { untilTrue } from '../support/until-true.ts'

it('shows the figures that were read in time, within two seconds', async () => {
  const pool = createPool(await createDatabase())
  await postgres({ pool, listen: false }).migrate()
  let stuck = 0
  let running = 0
  const slow = aroundQueries(pool, async ({ text }, run) => {
    // The ends, whose rows come from a slow disk.
    if (/unnest\(\$1::timestamptz\[\]/.test(text) || /invalidated_at < \$1/.test(text)) {
      stuck++
      return new Promise(() => {})
    }
    running++
    return run().finally(() => running--)
  })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const reading = postgres({ pool: slow, listen: false }).inspect!.overview(Date.now(), 2)
  await untilTrue(() => stuck === 1 && running === 0)
  await vi.advanceTimersByTimeAsync(1700)
  await untilTrue(() => stuck === 2)
  await vi.advanceTimersByTimeAsync(200)
  const unknown = { value: null, how: 'unknown' }
  expect((await reading).days.at(-1)).toMatchObject({
    signIns: { value: 0, how: 'counted' },
    ends: { ...unknown, byReason: {} },
    reuse: unknown,
  })
})

it('shows no figure that the audit does not give in time, and does not fail', async () => {
  const pool = createPool(await createDatabase())
  await postgres({ pool, listen: false }).migrate()
  let stuck = 0
  const slow = aroundQueries(pool, ({ text }, run) => {
    if (!text.includes('session_audit')) return run()
    stuck++
    return new Promise(() => {})
  })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const reading = postgres({ pool: slow, audit: true, listen: false }).inspect!.overview(Date.now(), 2)
  await untilTrue(() => stuck === 1)
  await vi.advanceTimersByTimeAsync(1700)
  expect(await reading).toMatchObject({ source: 'sessions', days: [{}, {}] })
})
