import { describe, expect, it } from 'vitest'
import type { RefreshedSession, Sessions } from '../../src/index.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { listen, openSessions } from '../support/sessions.ts'
import { storeKinds } from '../support/stores.ts'

const REUSED = coded('ERR_REFRESH_TOKEN_REUSED') as Error

/** One has stolen the refresh token of the other, and both have refreshed with it. */
interface Theft {
  readonly sessions: Sessions
  readonly elsewhere: Sessions
  readonly clock: FakeClock
  readonly sessionId: string
  readonly owner: RefreshedSession<Readonly<Record<string, unknown>>, unknown>
  readonly thief: RefreshedSession<Readonly<Record<string, unknown>>, unknown>
}

describe.each(await storeKinds())('a stolen refresh token, on $name,', ({ newPlace }) => {
  async function steal(): Promise<Theft> {
    const clock = createFakeClock()
    const place = newPlace()
    const sessions = await openSessions({ store: place.open(), now: clock.now })
    const elsewhere = await openSessions({ store: place.open(), now: clock.now })
    const { refreshToken, session } = await sessions.create({ userId: 'u' })
    const owner = await sessions.refresh(refreshToken.value)
    const thief = await elsewhere.refresh(refreshToken.value)
    sessions.verify(owner.accessToken.value)
    await sessions.flush()
    elsewhere.verify(thief.accessToken.value)
    await elsewhere.flush()
    clock.advance(900)
    return { sessions, elsewhere, clock, sessionId: session.sessionId, owner, thief }
  }

  it('is found when the second holder refreshes with its grandchild', async () => {
    const { sessions, elsewhere, clock, sessionId, owner, thief } = await steal()
    const reused = listen(elsewhere, 'reused')
    const ended = listen(elsewhere, 'ended')
    const mine = await sessions.refresh(owner.refreshToken!.value)
    const theirs = await elsewhere.refresh(thief.refreshToken!.value)
    clock.advance(900)
    // Whoever comes first turns the row ...
    expect((await elsewhere.refresh(theirs.refreshToken!.value)).session.generation).toBe(2)
    // ... and the other one proves the theft.
    await expect(
      elsewhere.refresh(mine.refreshToken!.value, { ip: '192.0.2.1', userAgent: 'Browser' }),
    ).rejects.toThrow(coded('ERR_REFRESH_TOKEN_REUSED', { sessionId, userId: 'u' }) as Error)

    expect(await sessions.get(sessionId)).toMatchObject({
      active: false,
      endReason: 'reuse',
      endedAt: new Date(clock.now()),
    })
    expect(reused).toStrictEqual([{ sessionId, userId: 'u', ip: '192.0.2.1', userAgent: 'Browser' }])
    expect(ended).toStrictEqual([{ sessionId, userId: 'u', reason: 'reuse' }])
    for (const { refreshToken } of [mine, theirs]) {
      await expect(sessions.refresh(refreshToken!.value)).rejects.toThrow(
        coded('ERR_SESSION_ENDED', { sessionId, reason: 'reuse' }) as Error,
      )
    }
  })

  it('is found when the second holder uses the access token of its grandchild', async () => {
    const { sessions, elsewhere, sessionId, owner, thief } = await steal()
    const mine = await sessions.refresh(owner.refreshToken!.value)
    const theirs = await elsewhere.refresh(thief.refreshToken!.value)
    elsewhere.verify(theirs.accessToken.value)
    await elsewhere.flush()
    const reused = listen(sessions, 'reused')
    sessions.verify(mine.accessToken.value, { ip: '192.0.2.1' })
    await sessions.flush()
    expect(reused).toStrictEqual([{ sessionId, userId: 'u', ip: '192.0.2.1', userAgent: null }])
    expect(await sessions.get(sessionId)).toMatchObject({ active: false, endReason: 'reuse' })
    expect(() => sessions.verify(mine.accessToken.value)).toThrow(
      coded('ERR_SESSION_ENDED', { reason: 'reuse' }) as Error,
    )
  })

  it('is found when the thief shows up after the late window with the old token', async () => {
    const { sessions, elsewhere, clock, owner, sessionId } = await steal()
    const next = await sessions.refresh(owner.refreshToken!.value)
    sessions.verify(next.accessToken.value)
    await sessions.flush()
    clock.advance(126)
    await expect(elsewhere.refresh(owner.refreshToken!.value)).rejects.toThrow(REUSED)
    expect(await sessions.get(sessionId)).toMatchObject({ endReason: 'reuse' })
  })

  it('does not stay hidden from a thief that polls and from an owner that does not', async () => {
    const { sessions, elsewhere, clock, thief, owner, sessionId } = await steal()
    let held = thief.refreshToken!.value
    for (let polls = 0; polls < 8; polls++) {
      const answer = await elsewhere.refresh(held)
      elsewhere.verify(answer.accessToken.value)
      await elsewhere.flush()
      held = answer.refreshToken?.value ?? held
      clock.advance(66)
    }
    await expect(sessions.refresh(owner.refreshToken!.value)).rejects.toThrow(REUSED)
    await expect(elsewhere.refresh(held)).rejects.toThrow(coded('ERR_SESSION_ENDED', { sessionId }) as Error)
  })

  // A use that were no evidence would let the thief stay for the rest of that access token.
  it('is found when the access token of a grandchild is first used minutes after its issue', async () => {
    const { sessions, elsewhere, clock, sessionId, owner, thief } = await steal()
    const mine = await sessions.refresh(owner.refreshToken!.value)
    const theirs = await elsewhere.refresh(thief.refreshToken!.value)
    elsewhere.verify(theirs.accessToken.value)
    await elsewhere.flush()
    clock.advance(600)
    const reused = listen(sessions, 'reused')
    sessions.verify(mine.accessToken.value)
    await sessions.flush()
    expect(reused).toStrictEqual([{ sessionId, userId: 'u', ip: null, userAgent: null }])
    expect(await sessions.get(sessionId)).toMatchObject({ active: false, endReason: 'reuse' })
  })
})
