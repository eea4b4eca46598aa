import { describe, expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { listen, openSessions } from '../support/sessions.ts'

const url = await createDatabase()
const PROCESSES = 20
const ROUNDS = 5

describe('twenty processes that refresh and confirm one session concurrently', () => {
  it('advance it by exactly one generation per round and detect no reuse', async () => {
    const clock = createFakeClock()
    const fleet = await Promise.all(
      Array.from({ length: PROCESSES }, () =>
        openSessions({
          store: postgres({ pool: createPool(url, { max: 2 }) }),
          now: clock.now,
          revocation: { pollInterval: 60 },
        }),
      ),
    )
    const alarms = fleet.flatMap((sessions) => [listen(sessions, 'reused'), listen(sessions, 'ended')])
    const turns = fleet.map((sessions) => listen(sessions, 'rotated'))
    const { refreshToken, session } = await fleet[0]!.create({ userId: 'u' })

    let held = refreshToken.value
    for (let round = 1; round <= ROUNDS; round++) {
      const answers = await Promise.all(fleet.map((sessions) => sessions.refresh(held)))
      const children = answers.map((answer) => answer.refreshToken!.value)
      expect(new Set(children).size).toBe(PROCESSES)
      // Uses the tokens in other processes than issued them, and refreshes with the children, concurrently.
      await Promise.all(
        fleet.flatMap((sessions, index) => {
          sessions.verify(answers[(index + 1) % PROCESSES]!.accessToken.value)
          sessions.verify(answers[(index + 7) % PROCESSES]!.accessToken.value)
          return [sessions.flush(), sessions.refresh(children[(index + 3) % PROCESSES]!)]
        }),
      )
      expect(await fleet[round]!.get(session.sessionId)).toMatchObject({ generation: round, active: true })
      held = children[(round * 5) % PROCESSES]!
      clock.advance(900)
    }

    expect(
      turns
        .flat()
        .map(({ generation }) => generation)
        .sort(),
    ).toStrictEqual([1, 2, 3, 4, 5])
    expect(alarms.flat()).toStrictEqual([])
  })
})
