import { describe, expect } from 'vitest'
import { browserTest } from '../browser/support/browser-test.ts'
import type { Sender } from './support/client.ts'
import { KINDS } from './support/devices.ts'
import { TOKENS, UNAUTHORISED } from './support/expected.ts'
import { requests, signIn } from './support/sign-in.ts'
import { openClientSite, REFRESH, SIGN_OUT } from './support/site.ts'

describe.each(KINDS)('$name', (kind) => {
  const own = TOKENS[kind.mode]
  const senders: readonly Sender[] = kind.isNative ? ['fetch', 'axios'] : ['fetch', 'xhr', 'axios']
  /** Only the browser's client asks whether there is a session that it does not know of. */
  const probe = kind.isNative ? [] : [`${REFRESH} 401`]

  describe('signs in', () => {
    browserTest('and knows the user, the claims and the tokens', async () => {
      const site = await openClientSite()
      const device = await kind.open(site)
      const client = await device.start()
      expect(await client.exists()).toBe(false)
      site.network.log.splice(0)
      expect(await client.login()).toMatchObject({ status: 200, expiresIn: expect.any(Number) })
      expect(requests(site)).toStrictEqual(['POST /login 200'])
      expect(await client.actions()).toStrictEqual(['SESSION_CREATED'])
      expect(await client.exists()).toBe(true)
      expect(await client.userId()).toBe('anna')
      const now = site.clock.now() / 1000
      const payload = await client.payload()
      expect(payload).toMatchObject({ sub: 'anna', role: 'user', iat: Math.floor(now) })
      expect(payload['exp']).toBeGreaterThan(now)
      expect(await device.tokens()).toStrictEqual(own)
      expect(await client.ask()).toStrictEqual({ status: 200, id: 'anna', role: 'user' })
      expect(requests(site)).toStrictEqual(['GET /me 200'])
      const token = await client.accessToken()
      expect(token === undefined).toBe(kind.mode === 'cookie')
    })

    browserTest('as somebody else, and the old session ends', async () => {
      const { site, device, client } = await signIn(kind)
      expect((await client.login('berta')).status).toBe(200)
      expect(await client.ask()).toMatchObject({ status: 200, id: 'berta' })
      expect(await client.userId()).toBe('berta')
      expect(await device.tokens()).toStrictEqual(own)
      expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['replaced'])
      expect(await client.actions()).not.toContain('UNAUTHORISED')
    })
  })

  describe('refreshes', () => {
    browserTest.each(senders)('an expired session, and repeats the request of %s', async (sender) => {
      const { site, client } = await signIn(kind)
      site.expire()
      const body = { text: 'x' }
      expect(await client.ask('/notes', { method: 'POST', body }, sender)).toStrictEqual({
        status: 200,
        id: 'anna',
      })
      expect(site.notes).toStrictEqual(['anna: x'])
      expect(requests(site)).toStrictEqual(['POST /notes 401', `${REFRESH} 200`, 'POST /notes 200'])
      expect(await client.actions()).toContain('REFRESH_SESSION')
      expect(await client.ask('/me', {}, sender)).toMatchObject({ status: 200 })
      expect(site.ended).toStrictEqual([])
    })

    browserTest('by its own clock', async () => {
      const { site, client } = await signIn(kind)
      site.expire()
      await client.shift(3600)
      expect(await client.exists()).toBe(true)
      expect(requests(site)).toStrictEqual([`${REFRESH} 200`])
      expect((await client.payload())['iat']).toBe(Math.floor(site.clock.now() / 1000))
      expect(requests(site)).toStrictEqual([])
    })

    browserTest('on request, and after new signing keys', async () => {
      const { site, client } = await signIn(kind)
      await site.sessions.keys.rotate()
      expect(await client.refresh()).toBe(true)
      site.expire(3 * 86_400)
      expect((await client.ask()).status).toBe(200)
      expect(site.ended).toStrictEqual([])
    })

    browserTest('once for many requests at the same time', async () => {
      const { site, client } = await signIn(kind)
      site.expire()
      const answers = await Promise.all(Array.from({ length: 10 }, () => client.ask()))
      expect(answers.map(({ status }) => status)).toStrictEqual(Array.from({ length: 10 }, () => 200))
      expect(site.refreshes()).toBe(1)
    })
  })

  describe('signs out', () => {
    browserTest('and nothing is left', async () => {
      const { site, device, client } = await signIn(kind)
      await client.signOut()
      expect(requests(site)).toStrictEqual([`${SIGN_OUT} 200`])
      expect(await client.actions()).toStrictEqual(['SIGN_OUT'])
      expect(await device.tokens()).toStrictEqual([])
      expect(await client.exists()).toBe(false)
      expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['logout'])
      expect(await client.ask()).toStrictEqual(UNAUTHORISED)
      expect(requests(site)).toStrictEqual(['GET /me 401'])
    })

    browserTest('with an expired access token', async () => {
      const { site, device, client } = await signIn(kind)
      site.expire()
      await client.signOut()
      expect(requests(site)).toStrictEqual([`${SIGN_OUT} 200`])
      expect(await device.tokens()).toStrictEqual([])
      expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['logout'])
    })

    browserTest('without a session', async () => {
      const site = await openClientSite()
      const client = await (await kind.open(site)).start()
      await client.signOut()
      expect(requests(site).slice(kind.isNative ? 0 : 2)).toStrictEqual(probe)
      expect(await client.actions()).toStrictEqual(['SIGN_OUT'])
    })
  })
})
