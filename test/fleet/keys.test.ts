import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createDatabase, createPool } from '../support/database.ts'
import { SECRET } from '../support/secrets.ts'
import { openFleet } from './open-fleet.ts'
import { startTraffic } from './traffic.ts'
import { until } from './until.ts'

/** One minute of the sessions' clock takes one second. Signing processes still read the keys often enough. */
const SPEED = 60
const MINUTES = 18

const url = await createDatabase()
const admin = createPool(url, { max: 1 })
const fleet = openFleet()

it('keys rotate across processes under load without a failed verification', async () => {
  const members = await fleet.startMany(4, {
    url,
    secret: SECRET,
    fast: { speed: SPEED, epoch: Date.now() },
    // A request of half a second takes half a minute on this clock.
    options: {
      accessToken: { lifetime: 900 },
      rotation: { overlap: 300, gracePeriod: 3600 },
      keys: { rotationInterval: 1200 },
    },
  })
  const traffic = startTraffic(() => members, { clients: 24, pause: 60, refreshEvery: 3 })
  await until('the clients have started', 10_000, () => traffic.outcomes.verified > 100)
  const startedAt = performance.now()
  const signers = new Set<string>()
  // In addition to the scheduled rotation, several processes rotate concurrently.
  for (let round = 0; performance.now() - startedAt < MINUTES * 1000; round++) {
    if (round % 4 === 0) await Promise.all(members.map((member) => member.do.rotate()))
    const { accessToken } = await members[round % 4]!.do.create('reads the header')
    signers.add(accessToken.split('.')[0]!)
    // One minute of the sessions' clock.
    await sleep(1000)
  }
  const { verified, refreshed, retries, refused, loggedOut } = await traffic.stop()
  const { rows } = await admin.query('select epoch, kid from pawl.signing_keys order by epoch')
  console.log(
    `${rows.length} keys in ${MINUTES} minutes of a clock that runs ${SPEED} times as fast, ` +
      `${verified} verifications, ${refreshed} refreshes, ${retries} retries`,
  )
  expect(refused).toStrictEqual([])
  expect(loggedOut).toStrictEqual([])
  expect(signers.size).toBeGreaterThan(2)
  expect(rows.map(({ epoch }) => epoch)).toStrictEqual(rows.map((_, index) => index + 1))
  expect(verified).toBeGreaterThan(1000)
  const trouble = members.flatMap(({ events }) => events.filter(({ name }) => name === 'keyTrouble'))
  expect(trouble).toStrictEqual([])
  await Promise.all(members.map((member) => member.close()))
}, 60_000)
