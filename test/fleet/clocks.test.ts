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

/** Seconds for which one process accepts a token that another process issued. */
async function lifetimeOf(issuer: Member, verifier: Member): Promise<number> {
  const { accessToken, sessionId } = await issuer.do.create('u')
  const startedAt = performance.now()
  expect(await verifier.do.verify(accessToken)).toBe(sessionId)
  const refused = async (): Promise<boolean> => {
    try {
      await verifier.do.verify(accessToken)
      return false
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_ACCESS_TOKEN_EXPIRED', reason: 'expired' })
      return true
    }
  }
  await until('the token expires', 10 * SECOND, refused)
  return (performance.now() - startedAt) / SECOND
}

it('clocks 20 s apart do not affect tokens, confirmations, revocation and reuse detection', async () => {
  const OVERLAP = 11
  const options = {
    rotation: { overlap: OVERLAP, gracePeriod: OVERLAP },
    accessToken: { lifetime: 3 },
    limits: { refreshesPerMinute: null },
  }
  const offsets = [-10 * SECOND, 10 * SECOND, 0]
  const [early, late, right] = (await fleet.startMany(3, (index) => ({
    url,
    secret: SECRET,
    clockOffset: offsets[index]!,
    options,
  }))) as [Member, Member, Member]
  const all = [early, late, right]
  await untilListening(all)

  // Another process sees the new access token and confirms the turn.
  const first = await early.do.create('thief and owner')
  const second = await late.do.refresh(first.refreshToken)
  await early.do.verify(second.accessToken)
  await early.do.flush()
  const turnedAt = performance.now()
  // Within the grace period every process accepts the superseded refresh token.
  for (const member of all)
    expect((await member.do.refresh(first.refreshToken)).sessionId).toBe(first.sessionId)

  const lifetimes = await Promise.all([
    lifetimeOf(early, late),
    lifetimeOf(late, early),
    lifetimeOf(right, early),
  ])
  for (const lifetime of lifetimes) {
    expect(lifetime).toBeGreaterThan(1.5)
    expect(lifetime).toBeLessThan(8)
  }

  const ended = await early.do.create('revoked')
  await late.do.revoke(ended.sessionId)
  await until('every process refuses the token', 10 * SECOND, async () => {
    const answers = await Promise.allSettled(all.map((member) => member.do.verify(ended.accessToken)))
    return answers.every(({ status }) => status === 'rejected')
  })

  // Real time must pass: the grace period ends with the clock tolerance, and not 20 s before or after.
  await sleep((OVERLAP + 5 + 1) * SECOND - (performance.now() - turnedAt))
  await expect(late.do.refresh(first.refreshToken)).rejects.toEqual(coded('ERR_REFRESH_TOKEN_REUSED'))
  await Promise.all(all.map((member) => member.close()))
}, 60_000)

it('a clock that jumps back an hour and forward again logs nobody out', async () => {
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
  await until('the clients have started', 10 * SECOND, () => traffic.outcomes.verified > 50)
  for (const offset of [-HOUR, 0]) {
    await jumping.do.setClockOffset(offset)
    // Until it reads the database's clock, it refuses tokens of the others as "not yet valid" or "expired".
    const { sessionId } = await members[0]!.do.create('after the jump')
    const fresh = await members[0]!.do.create('after the jump, too')
    await until('the process follows the database clock again', 3 * SECOND, () =>
      jumping.do.verify(fresh.accessToken).then(
        () => true,
        () => false,
      ),
    )
    // From then on, the other processes learn of its revocations.
    expect((await jumping.do.revoke(fresh.sessionId)).ended).toBe(true)
    await until('another process learns of the revocation', 2 * SECOND, () =>
      members[2]!.do.verify(fresh.accessToken).then(
        () => false,
        () => true,
      ),
    )
    expect((await members[0]!.do.revoke(sessionId)).ended).toBe(true)
  }
  const verifiedBefore = traffic.outcomes.verified
  await until('the clients go on', 10 * SECOND, () => traffic.outcomes.verified > verifiedBefore + 200)
  const { loggedOut, refreshed, verified, refused } = await traffic.stop()
  console.log(
    `clock set back and forward an hour: ${verified} verifications, ${refreshed} refreshes, ` +
      `${refused.length} access tokens refused with "refresh"`,
  )
  expect(loggedOut).toStrictEqual([])
  expect(members.flatMap(({ events }) => events.filter(({ name }) => name === 'reused'))).toStrictEqual([])
  await Promise.all(members.map((member) => member.close()))
})
