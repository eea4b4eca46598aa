import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { SECRET } from '../support/secrets.ts'
import { measureLatency, summary } from './latency.ts'
import { openFleet } from './open-fleet.ts'
import { percentile } from './percentile.ts'

const POLL = 1
/** Milliseconds that a poll may take on a busy machine, and that one process may stand still. */
const MARGIN = 500
const STALL = 2000

const url = await createDatabase()
const fleet = openFleet()

it('without LISTEN all other processes refuse a revoked session within the poll interval', async () => {
  const members = await fleet.startMany(3, {
    url,
    secret: SECRET,
    listen: false,
    options: { revocation: { pollInterval: POLL } },
  })
  const { fromCommit } = await measureLatency(members, members, { sessions: 30, pause: 200, timeout: 10_000 })
  console.log(`without LISTEN, poll interval ${POLL} s: ${summary(fromCommit)}`)
  expect(fromCommit).toHaveLength(60)
  expect(percentile(fromCommit, 0.9)).toBeLessThan(POLL * 1000 + MARGIN)
  expect(Math.max(...fromCommit)).toBeLessThan(POLL * 1000 + STALL)
  const startedAt = performance.now()
  const { feed, polls } = await members[0]!.do.stats()
  expect(feed.listening).toBe(false)
  // Shows that no notification causes further polls: there is one per second.
  await sleep(2000)
  const more = (await members[0]!.do.stats()).polls - polls
  expect(more).toBeLessThanOrEqual(1 + Math.floor((performance.now() - startedAt) / (POLL * 1000)))
  await Promise.all(members.map((member) => member.close()))
})
