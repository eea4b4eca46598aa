import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { SECRET } from '../support/secrets.ts'
import { openFleet } from './open-fleet.ts'
import type { Member } from './process.ts'
import { startTraffic } from './traffic.ts'
import { until, untilListening } from './until.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND

const url = await createDatabase()
const fleet = openFleet()

/** Seconds for which a token that one process issued is accepted by another. */
async function lifetimeOf(by: Member, elsewhere: Member): Promise<number> {
  const { accessToken, sessionId } = await by.do.create('u')
  const startedAt = performance.now()
  expect(await elsewhere.do.verify(accessToken)).toBe(sessionId)
  const refused = async (): Promise<boolean> => {
    try {
      await elsewhere.do.verify(accessToken)
      return false
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_ACCESS_TOKEN_EXPIRED', reason: 'expired' })
      return true
    }
  }
  await until('it expires', 6 * SECOND, refused)
  return (performance.now() - startedAt) / SECOND
}

it('clocks 20 s apart make no difference: tokens, confirmations, revocation and reuse are as ever', async () => {
  const OVERLAP = 11
  const options = {
    rotation: { overlap: OVERLAP, gracePeriod: OVERLAP },
    accessToken: { lifetime: 3 },
    limits: { refreshesPerMinute: null },
  }
  const offs = [-10 * SECOND, 10 * SECOND, 0]
  const [early, late, right] = (await fleet.startMany(3, (index) => ({
    url,
    secret: SECRET,
    clockOff: offs[index]!,
    options,
  }))) as [Member, Member, Member]
  const all = [early, late, right]
  await untilListening(all)

  // The answer of one process is used at another, which confirms it: a turn.
  const first = await early.do.create('thief and owner')
  const second = await late.do.refresh(first.refreshToken)
  await early.do.verify(second.accessToken)
  await early.do.flush()
  const turnedAt = performance.now()
  // Late but honest, within the window, wherever it is asked.
  for (const member of all)
    expect((await member.do.refresh(first.refreshToken)).sessionId).toBe(first.sessionId)

  const lifetimes = await Promise.all([
    lifetimeOf(early, late),
    lifetimeOf(late, early),
    lifetimeOf(right, early),
  ])
  for (const lifetime of lifetimes) {
    expect(lifetime).toBeGreaterThan(1.5)
    expect(lifetime).toBeLessThan(5)
  }

  const ended = await early.do.create('revoked')
  await late.do.revoke(ended.sessionId)
  await until('all refuse', 2 * SECOND, async () => {
    const answers = await Promise.allSettled(all.map((member) => member.do.verify(ended.accessToken)))
    return answers.every(({ status }) => status === 'rejected')
  })

  // The window is over once everyone's tolerance is, and not 20 s before or after.
  await sleep((OVERLAP + 5 + 1) * SECOND - (performance.now() - turnedAt))
  await expect(late.do.refresh(first.refreshToken)).rejects.toEqual(coded('ERR_REFRESH_TOKEN_REUSED'))
  await Promise.all(all.map((member) => member.close()))
}, 60_000)

it('a clock that is set back an hour, and forward again, logs nobody out', async () => {
  const members = await fleet.startMany(3, {
    url,
    secret: SECRET,
    options: {
      revocation: { pollInterval: 0.5 },
      limits: { refreshesPerMinute: null },
      accessToken: { lifetime: 60 },
    },
  })
  await untilListening(members)
  const jumping = members[1]!
  const traffic = startTraffic(() => members, { clients: 20, pause: 50, refreshEvery: 4 })
  await until('clients are at work', 10 * SECOND, () => traffic.met.verified > 50)
  for (const off of [-HOUR, 0]) {
    await jumping.do.setClockOff(off)
    // Tokens of the others are "not valid yet" for it, or "expired", until it has looked at the database's clock.
    const { sessionId } = await members[0]!.do.create('after the jump')
    const fresh = await members[0]!.do.create('after the jump, too')
    await until('it follows the database again', 3 * SECOND, () =>
      jumping.do.verify(fresh.accessToken).then(
        () => true,
        () => false,
      ),
    )
    // And what it ends from then on is learned by the others.
    expect((await jumping.do.revoke(fresh.sessionId)).ended).toBe(true)
    await until('the revocation is learned', 2 * SECOND, () =>
      members[2]!.do.verify(fresh.accessToken).then(
        () => false,
        () => true,
      ),
    )
    expect((await members[0]!.do.revoke(sessionId)).ended).toBe(true)
  }
  await sleep(1000)
  const { loggedOut, refreshed, verified, refused } = await traffic.stop()
  console.log(
    `clock set back and forward an hour: ${verified} verifications, ${refreshed} refreshes, ` +
      `${refused.length} access tokens answered "refresh"`,
  )
  expect(loggedOut).toStrictEqual([])
  expect(members.flatMap(({ events }) => events.filter(({ name }) => name === 'reused'))).toStrictEqual([])
  await Promise.all(members.map((member) => member.close()))
})
