import { describe, expect, it } from 'vitest'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'
import { storeKinds } from '../support/stores.ts'

const superseded = coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'superseded' }) as Error

describe.each(await storeKinds())('setClaims for a user, on $name,', ({ newPlace }) => {
  it('replaces the claims of all active sessions, and of no other user', async () => {
    const sessions = await openSessions({ store: newPlace().open() })
    const login = (userId: string) => sessions.create({ userId, claims: { role: 'admin' } })
    const [one, two, over, other] = await Promise.all(['anna', 'anna', 'anna', 'bert'].map(login))
    await sessions.revoke(over!.session.sessionId)
    expect(await sessions.setClaims({ userId: 'anna' }, { role: 'user' })).toBe(2)
    for (const { session, accessToken, refreshToken } of [one!, two!]) {
      expect(() => sessions.verify(accessToken.value)).toThrow(superseded)
      const refreshed = await sessions.refresh(refreshToken.value)
      expect(refreshed.session).toMatchObject({ claims: { role: 'user' }, version: 1 })
      expect(await sessions.get(session.sessionId)).toMatchObject({ claims: { role: 'user' } })
    }
    expect((await sessions.get(over!.session.sessionId))!.claims).toStrictEqual({ role: 'admin' })
    expect(sessions.verify(other!.accessToken.value).claims).toStrictEqual({ role: 'admin' })
    expect(await sessions.setClaims({ userId: 'nobody' }, {})).toBe(0)
  })

  it('replaces those of pending renewals, too', async () => {
    const sessions = await openSessions({ store: newPlace().open() })
    const { session } = await sessions.create({ userId: 'anna', claims: { role: 'user' } })
    const { refreshToken } = await sessions.renew(session.sessionId, { claims: { role: 'admin' } })
    await sessions.setClaims({ userId: 'anna' }, { role: 'none' })
    expect((await sessions.refresh(refreshToken.value)).session.claims).toStrictEqual({ role: 'none' })
  })
})

describe('setClaims for a user', () => {
  it.each([undefined, null, 7, {}, { userId: '' }, { userId: 7 }])('refuses %j', async (which) => {
    const sessions = await openSessions()
    await expect(sessions.setClaims(which as never, {})).rejects.toThrow(
      /`userId` takes a string|`setClaims` takes an object with userId/,
    )
  })

  it('refuses claims that fit no cookie', async () => {
    const sessions = await openSessions()
    const claims = { text: 'x'.repeat(4000) }
    await expect(sessions.setClaims({ userId: 'nobody' }, claims)).rejects.toThrow(/but a cookie holds/)
  })
})
