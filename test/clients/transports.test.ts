import { describe, expect } from 'vitest'
import { browserTest } from '../browser/support/browser-test.ts'
import { SITE } from '../browser/support/hosts.ts'
import type { TransferMode } from './support/client.ts'
import { KINDS, type Kind, WEBSITES } from './support/devices.ts'
import { TOKENS, UNAUTHORISED } from './support/expected.ts'
import { requests, signIn } from './support/sign-in.ts'
import { openClientSite, REFRESH } from './support/site.ts'

const WEBSITE = WEBSITES[0]!

/** In the form of an access token of SuperTokens. */
const OLD_TOKEN = [
  { kid: 'd-1', typ: 'JWT', version: '5', alg: 'RS256' },
  { sub: 'anna', sessionHandle: 'h' },
  {},
]
  .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .join('.')

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
})

const ofMode = (mode: TransferMode): readonly Kind[] => KINDS.filter((kind) => kind.mode === mode)

browserTest.each(ofMode('header'))(
  '$name beside cookies of another session: the header decides, and a sign-out ends both',
  async (kind) => {
    const { site, device, client } = await signIn(kind)
    const { accessToken, refreshToken } = await site.sessions.create({ userId: 'berta' })
    const addCookies = async (): Promise<void> => {
      await device.addCookie('sAccessToken', accessToken.value)
      await device.addCookie('sRefreshToken', refreshToken.value, '/auth/session/refresh')
    }
    await addCookies()
    expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
    site.expire()
    expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
    // The refresh removed the tokens that did not decide.
    expect(await device.tokens()).toStrictEqual(TOKENS.header)
    await addCookies()
    await client.signOut()
    expect(await device.tokens()).toStrictEqual([])
    expect(site.ended.map(({ userId, reason }) => `${userId}: ${reason}`)).toStrictEqual([
      'anna: logout',
      'berta: logout',
    ])
  },
)

browserTest.each(ofMode('cookie'))('$name is told that its cookies are gone, once', async (kind) => {
  const { site, device, client } = await signIn(kind)
  await device.clearCookies()
  expect(await client.ask()).toStrictEqual(UNAUTHORISED)
  expect(requests(site)).toStrictEqual(['GET /me 401', `${REFRESH} 401`])
  expect(await client.events()).toStrictEqual([{ action: 'UNAUTHORISED', sessionExpiredOrRevoked: true }])
  expect(await device.tokens()).toStrictEqual([])
  expect(await client.ask()).toStrictEqual(UNAUTHORISED)
  expect(requests(site)).toStrictEqual(['GET /me 401'])
})

browserTest('a browser that has removed what the script stored finds its session again', async () => {
  const { site, device, client } = await signIn(WEBSITE)
  await device.clearStored()
  expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
  expect(requests(site)).toStrictEqual([`${REFRESH} 200`, 'GET /me 200'])
  expect(await client.userId()).toBe('anna')
})

browserTest(
  'cookies of a SuperTokens backend for the parent domain do not take the place of a session',
  async () => {
    const site = await openClientSite()
    const device = await WEBSITE.open(site)
    const client = await device.start()
    await device.addCookie('sAccessToken', OLD_TOKEN, '/', `.${SITE}`)
    await device.addCookie('sRefreshToken', 'old', '/auth/session/refresh', `.${SITE}`)
    expect((await client.ask()).status).toBe(401)
    expect((await client.login()).status).toBe(200)
    site.network.log.splice(0)
    for (let round = 0; round < 3; round++) {
      expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
      site.expire()
    }
    expect(site.refreshes()).toBe(2)
    expect(site.ended).toStrictEqual([])
  },
)

browserTest('cookies that another subdomain sets do not take the place of a session', async () => {
  const { site, device, client } = await signIn(WEBSITE)
  const { accessToken, refreshToken } = await site.sessions.create({ userId: 'mallory' })
  for (const path of ['/', '/auth/session/refresh']) {
    await device.addCookie('sAccessToken', accessToken.value, path, `.${SITE}`)
    await device.addCookie('sRefreshToken', refreshToken.value, path, `.${SITE}`)
  }
  for (let round = 0; round < 3; round++) {
    expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
    site.expire()
  }
  expect(site.refreshes()).toBe(2)
  expect(site.ended).toStrictEqual([])
})
