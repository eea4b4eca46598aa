import { describe, expect } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import { browserTest } from '../browser/support/browser-test.ts'
import { loseAnswer, withoutHeader } from '../browser/support/network.ts'
import { counting } from '../support/stores.ts'
import { RECENT } from './support/application.ts'
import type { Got, Sender } from './support/client.ts'
import { KINDS } from './support/devices.ts'
import { requests, signIn } from './support/sign-in.ts'
import { openClientSite, REFRESH, SIGN_OUT } from './support/site.ts'

const COOKIE_TOKENS = ['sAccessToken', 'sFrontToken', 'sRefreshToken']
const HEADER_TOKENS = ['sFrontToken', 'st-access-token', 'st-refresh-token']

const UNAUTHORISED: Got = { status: 401, message: 'unauthorised' }

describe.each(KINDS)('$name', (kind) => {
  const own = kind.mode === 'cookie' ? COOKIE_TOKENS : HEADER_TOKENS
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
      expect(requests(site)).toStrictEqual([`${SIGN_OUT} 401`, `${REFRESH} 200`, `${SIGN_OUT} 200`])
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

  describe('stays signed in', () => {
    browserTest('if the answers of refreshes are lost, for days', async () => {
      const { site, client } = await signIn(kind)
      for (const seconds of [3600, 3600, 86_400]) {
        site.expire(seconds)
        site.network.always(REFRESH, loseAnswer)
        expect((await client.ask()).status).toBe(0)
        site.network.always(REFRESH, null)
      }
      expect(await client.exists()).toBe(true)
      expect((await client.ask()).status).toBe(200)
      site.expire()
      expect((await client.ask()).status).toBe(200)
      expect(await client.actions()).not.toContain('UNAUTHORISED')
      expect(site.ended).toStrictEqual([])
    })

    browserTest('if the server answers a refresh with 503', async () => {
      let isAllowed = false
      const limits = { refreshesPerMinute: null, allowRefresh: () => isAllowed }
      const { site, device, client } = await signIn(kind, { sessions: { limits } })
      site.expire()
      for (const sender of senders) expect((await client.ask('/me', {}, sender)).status).toBe(503)
      expect(requests(site)).toStrictEqual(senders.flatMap(() => ['GET /me 401', `${REFRESH} 503`]))
      expect(await client.refresh()).toBe('503')
      expect(await device.tokens()).toStrictEqual(own)
      expect(await client.actions()).toStrictEqual([])
      isAllowed = true
      expect((await client.ask()).status).toBe(200)
      expect(site.ended).toStrictEqual([])
    })

    browserTest('if a proxy answers a refresh with 503 or drops the front token', async () => {
      const { site, device, client } = await signIn(kind)
      site.expire()
      site.network.next(REFRESH, () => ({ status: 503, headers: [], body: '' }))
      expect([0, 503]).toContain((await client.ask()).status)
      site.network.next(REFRESH, withoutHeader('front-token'))
      await client.ask()
      expect((await client.ask()).status).toBe(200)
      expect(await device.tokens()).toStrictEqual(own)
      expect(await client.actions()).not.toContain('UNAUTHORISED')
      expect(site.ended).toStrictEqual([])
    })

    browserTest('if a route of the application answers 401 for its own reasons', async () => {
      const { site, client } = await signIn(kind)
      for (const sender of senders) {
        const got = await client.ask('/theirs', {}, sender)
        expect(got.status).toBe(0)
        // The client gives up after ten refreshes.
        const seen = requests(site)
        expect(seen.filter((line) => line === `${REFRESH} 200`)).toHaveLength(10)
        expect(seen.filter((line) => line === 'GET /theirs 401')).toHaveLength(11)
      }
      expect((await client.ask()).status).toBe(200)
      expect(site.ended).toStrictEqual([])
    })

    browserTest('beside a cookie of an older release of SuperTokens', async () => {
      const { site, device, client } = await signIn(kind)
      await device.addCookie('sIdRefreshToken', 'old')
      expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
      expect(requests(site)).toStrictEqual(['GET /me 401', `${REFRESH} 200`, 'GET /me 200'])
      expect(await device.tokens()).toStrictEqual(own)
      expect((await client.ask()).status).toBe(200)
      expect(requests(site)).toStrictEqual(['GET /me 200'])
    })
  })

  describe('is told', () => {
    browserTest('that somebody has signed the user out elsewhere', async () => {
      const { site, device, client } = await signIn(kind)
      await site.sessions.revokeUser('anna')
      expect(await client.ask()).toStrictEqual(UNAUTHORISED)
      expect(requests(site)).toStrictEqual(['GET /me 401', `${REFRESH} 401`])
      expect(await client.events()).toStrictEqual([{ action: 'UNAUTHORISED', sessionExpiredOrRevoked: true }])
      expect(await device.tokens()).toStrictEqual([])
      expect(await client.exists()).toBe(false)
      expect(await client.ask()).toStrictEqual(UNAUTHORISED)
      expect(requests(site)).toStrictEqual(['GET /me 401'])
      // The next login works.
      expect((await client.login('berta')).status).toBe(200)
      expect(await client.ask()).toMatchObject({ id: 'berta' })
    })

    browserTest('of claims that the server has changed', async () => {
      const { site, client } = await signIn(kind)
      await site.sessions.setClaims({ userId: 'anna' }, { role: 'admin' })
      expect((await client.payload())['role']).toBe('user')
      expect(await client.ask()).toStrictEqual({ status: 200, id: 'anna', role: 'admin' })
      expect((await client.payload())['role']).toBe('admin')
      expect(requests(site)).toStrictEqual(['GET /me 401', `${REFRESH} 200`, 'GET /me 200'])
      expect(await client.actions()).toStrictEqual(
        kind.isNative ? ['REFRESH_SESSION'] : ['ACCESS_TOKEN_PAYLOAD_UPDATED', 'REFRESH_SESSION'],
      )
    })

    browserTest('of claims that its own request has changed, with and without new tokens', async () => {
      const { site, client } = await signIn(kind)
      await client.ask('/role', { method: 'POST', body: { role: 'admin', renew: true } })
      expect((await client.payload())['role']).toBe('admin')
      expect(await client.actions()).toStrictEqual(kind.isNative ? [] : ['ACCESS_TOKEN_PAYLOAD_UPDATED'])
      expect(await client.ask()).toMatchObject({ status: 200, role: 'admin' })
      expect(site.refreshes()).toBe(0)
      await client.ask('/role', { method: 'POST', body: { role: 'guest', renew: false } })
      expect(await client.ask()).toMatchObject({ status: 200, role: 'guest' })
      expect((await client.payload())['role']).toBe('guest')
      expect(site.refreshes()).toBe(1)
      expect(site.ended).toStrictEqual([])
    })

    browserTest('which claim a route misses', async () => {
      const { site, client } = await signIn(kind)
      expect((await client.ask('/vault')).status).toBe(200)
      site.expire(RECENT + 60)
      await client.refresh()
      await client.events()
      for (const sender of senders) {
        const got = await client.ask('/vault', {}, sender)
        expect(got).toStrictEqual({
          status: 403,
          message: 'invalid claim',
          claimValidationErrors: [{ id: 'recent_auth_required', reason: expect.anything() }],
        })
        expect(await client.events()).toStrictEqual(
          kind.isNative
            ? []
            : [{ action: 'API_INVALID_CLAIM', claimValidationErrors: got['claimValidationErrors'] }],
        )
        expect((await client.ask('/forbidden', {}, sender)).status).toBe(403)
        expect(await client.events()).toStrictEqual([])
      }
      expect((await client.ask()).status).toBe(200)
    })
  })

  describe('a visitor', () => {
    browserTest('costs one refresh without the database, and no loop', async () => {
      const { store, calls } = counting(memory())
      const site = await openClientSite({ sessions: { store } })
      const device = await kind.open(site)
      const client = await device.start()
      await site.network.idle()
      site.network.log.splice(0)
      calls.splice(0)
      expect(await client.ask()).toStrictEqual(UNAUTHORISED)
      expect(requests(site)).toStrictEqual([...probe, 'GET /me 401'])
      expect(await client.events()).toStrictEqual([
        { action: 'UNAUTHORISED', sessionExpiredOrRevoked: false },
      ])
      expect(await client.ask()).toStrictEqual(UNAUTHORISED)
      expect(await client.ask('/public')).toMatchObject({ status: 200, id: null })
      expect(requests(site)).toStrictEqual(['GET /me 401', 'GET /public 200'])
      expect(await client.exists()).toBe(false)
      expect(calls).toStrictEqual([])
      expect(await device.tokens()).toStrictEqual([])
      expect((await client.login()).status).toBe(200)
    })
  })

  describe('beside a foreign bearer token', () => {
    browserTest.each(['Bearer foreign', 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln', 'Basic YTpi'])(
      '%s, the application gets it',
      async (authorization) => {
        const { site, client } = await signIn(kind)
        // The client does not replace it, so that a session in header mode does not reach the server.
        const id = kind.mode === 'cookie' ? 'anna' : null
        for (const sender of senders)
          expect(await client.ask('/public', { headers: { authorization } }, sender)).toStrictEqual({
            status: 200,
            id,
            authorization,
            mode: kind.mode,
          })
        expect(site.refreshes()).toBe(0)
        expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
        expect(site.ended).toStrictEqual([])
      },
    )
  })
})
