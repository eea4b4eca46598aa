import { describe, expect, it } from 'vitest'
import { openSdkSite, parseFrontToken } from './support/sdk.ts'

describe.each(['cookie', 'header'] as const)('a client in %s mode', (mode) => {
  it('signs in, is recognized, refreshes and signs out', async () => {
    const { sdk, clock } = await openSdkSite()
    const anna = sdk(mode)
    await anna.login()
    expect(parseFrontToken(anna.stored.front)).toMatchObject({ uid: 'anna' })
    expect(await anna.me()).toMatchObject({ status: 200, body: { userId: 'anna' } })
    clock.advance(3600)
    const expired = await anna.me()
    expect(expired).toMatchObject({ status: 401, body: { message: 'try refresh token' } })
    await anna.refresh()
    expect(await anna.me()).toMatchObject({ status: 200 })
    await anna.signOut()
  })
})
