import { describe, expect } from 'vitest'
import { browserTest } from '../browser/support/browser-test.ts'
import type { TransferMode } from './support/client.ts'
import { KINDS } from './support/devices.ts'
import { requests, signIn } from './support/sign-in.ts'
import { REFRESH } from './support/site.ts'

const TOKENS: Readonly<Record<TransferMode, readonly string[]>> = {
  cookie: ['sAccessToken', 'sFrontToken', 'sRefreshToken'],
  header: ['sFrontToken', 'st-access-token', 'st-refresh-token'],
}

describe.each(KINDS)('$name', (kind) => {
  const { mode } = kind
  const other = mode === 'cookie' ? 'header' : 'cookie'

  browserTest('keeps a session when a release of the application changes the mode', async () => {
    const { site, device } = await signIn(kind)
    const client = await device.start({ mode: other })
    expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
    site.expire()
    expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
    expect(requests(site).filter((line) => line.startsWith('POST'))).toStrictEqual([`${REFRESH} 200`])
    // The answer comes by the way of the refresh token.
    expect(await device.tokens()).toStrictEqual(TOKENS[mode])
    expect(site.ended).toStrictEqual([])
  })

  browserTest('has the tokens of one mode after a login in the other', async () => {
    const { site, device } = await signIn(kind)
    const client = await device.start({ mode: other })
    await client.login('berta')
    expect(await device.tokens()).toStrictEqual(TOKENS[other])
    expect(await client.ask()).toMatchObject({ status: 200, id: 'berta' })
    site.expire()
    expect(await client.ask()).toMatchObject({ status: 200, id: 'berta' })
    expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['replaced'])
    await client.signOut()
    expect(await device.tokens()).toStrictEqual([])
  })

  browserTest('sends both: the header decides, and a sign-out removes both', async () => {
    const header = await signIn({ ...kind, mode: 'header' })
    const { site, device, client } = header
    const { accessToken, refreshToken } = await site.sessions.create({ userId: 'berta' })
    await device.addCookie('sAccessToken', accessToken.value)
    await device.addCookie('sRefreshToken', refreshToken.value, '/auth/session/refresh')
    expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
    site.expire()
    expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
    // The refresh removed the tokens that did not decide.
    expect(await device.tokens()).toStrictEqual(TOKENS.header)
    await client.signOut()
    expect(await device.tokens()).toStrictEqual([])
    expect(site.ended.map(({ userId, reason }) => `${userId}: ${reason}`)).toStrictEqual(['anna: logout'])
  })

  browserTest('is told that it has no session any more when the cookies are gone', async ({ skip }) => {
    skip(mode === 'header', 'It has no cookies.')
    const { site, device, client } = await signIn(kind)
    await device.clearCookies()
    expect(await client.ask()).toStrictEqual({ status: 401, message: 'unauthorised' })
    expect(requests(site)).toStrictEqual(['GET /me 401', `${REFRESH} 401`])
    expect(await client.events()).toStrictEqual([{ action: 'UNAUTHORISED', sessionExpiredOrRevoked: true }])
    expect(await device.tokens()).toStrictEqual([])
    expect(await client.ask()).toStrictEqual({ status: 401, message: 'unauthorised' })
    expect(requests(site)).toStrictEqual(['GET /me 401'])
  })

  browserTest('finds its session again after Safari has removed what the script stored', async ({ skip }) => {
    skip(mode === 'header' || kind.isNative, 'In header mode the script stores the tokens.')
    const { site, device, client } = await signIn(kind)
    await device.clearStored()
    expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
    expect(requests(site)).toStrictEqual([`${REFRESH} 200`, 'GET /me 200'])
    expect(await client.userId()).toBe('anna')
  })

  browserTest(
    'gives way to a second access cookie of a parent domain, and does not loop',
    async ({ skip }) => {
      skip(mode === 'header' || kind.isNative, 'Only a browser has a parent domain.')
      const { site, device, client } = await signIn(kind)
      await device.addCookie('sAccessToken', 'of-another-release', '/', '.example.com')
      const got = await client.ask()
      expect([200, 0, 401]).toContain(got.status)
      expect(site.ended).toStrictEqual([])
    },
  )
})
