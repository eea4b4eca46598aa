import { expect, it } from 'vitest'
import { createDatabase, createPool } from '../support/database.ts'
import { NEW_SECRET, SECRET } from '../support/secrets.ts'
import type { MemberConfig } from './commands.ts'
import { openFleet } from './open-fleet.ts'
import type { Member } from './process.ts'
import { startTraffic } from './traffic.ts'
import { until } from './until.ts'

const url = await createDatabase()
const empty = await createDatabase()
const admin = createPool(empty, { max: 1 })
const fleet = openFleet()

it('a rolling restart that changes the secret logs nobody out and refuses no valid token', {
  timeout: 60_000,
}, async () => {
  const deploy = (secret: MemberConfig['secret']): MemberConfig => ({
    url,
    secret,
    options: { accessToken: { lifetime: 2 }, limits: { refreshesPerMinute: null } },
  })
  const members: Member[] = await fleet.startMany(4, deploy([SECRET, NEW_SECRET]))
  const traffic = startTraffic(() => members, { clients: 30, pause: 100, refreshEvery: 5 })
  const { outcomes } = traffic
  for (const [index, old] of [...members].entries()) {
    // As in a deployment: one at a time, and the new process starts before the old one stops.
    const next = await fleet.start(deploy([NEW_SECRET, SECRET]))
    members[index] = next
    await old.close()
    const { verified } = outcomes
    await until('the clients go on', 10_000, () => outcomes.verified > verified + 60)
  }
  const { refreshed: refreshedBefore } = outcomes
  await until('the clients refresh', 20_000, () => outcomes.refreshed > Math.max(100, refreshedBefore + 50))
  const { verified, refreshed, retries, refused, loggedOut } = await traffic.stop()
  console.log(`rolling restart: ${verified} verifications, ${refreshed} refreshes, ${retries} retries`)
  expect(loggedOut).toStrictEqual([])
  expect(refused).toStrictEqual([])
  expect(refreshed).toBeGreaterThan(100)
  for (const { events } of members)
    expect(events.filter(({ name }) => ['ended', 'reused', 'secretUnknown'].includes(name))).toStrictEqual([])
  await Promise.all(members.map((member) => member.close()))
})

it('20 processes that start concurrently on an empty database share one schema and one key', {
  timeout: 60_000,
}, async () => {
  const startedAt = performance.now()
  const members = await fleet.startMany(20, { url: empty, secret: SECRET, maxConnections: 2 })
  console.log(`20 processes started within ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  const epochs = await Promise.all(members.map((member) => member.do.epochs()))
  expect(new Set(epochs.map(String)).size).toBe(1)
  expect((await admin.query('select epoch from pawl.signing_keys')).rows).toHaveLength(1)
  expect(
    (await admin.query('select id from pawl.migrations group by id having count(*) > 1')).rows,
  ).toStrictEqual([])
  const logins = await Promise.all(members.map((member, index) => member.do.create(`u${index}`)))
  for (const [index, { accessToken, sessionId }] of logins.entries())
    expect(await members[(index + 7) % 20]!.do.verify(accessToken)).toBe(sessionId)
  await Promise.all(members.map((member) => member.close()))
})
