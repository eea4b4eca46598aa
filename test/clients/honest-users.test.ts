import { describe, expect } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import { browserTest } from '../browser/support/browser-test.ts'
import { loseAnswer, withoutHeader } from '../browser/support/network.ts'
import { counting } from '../support/stores.ts'
import type { Sender } from './support/client.ts'
import { KINDS, type Kind } from './support/devices.ts'
import { TOKENS, UNAUTHORISED } from './support/expected.ts'
import { requests, signIn } from './support/sign-in.ts'
import { openClientSite, REFRESH } from './support/site.ts'

const sendersOf = ({ isNative }: Kind): readonly Sender[] =>
  isNative ? ['fetch', 'axios'] : ['fetch', 'xhr', 'axios']

describe.each(KINDS)('$name', (kind) => {
  const own = TOKENS[kind.mode]
  const senders = sendersOf(kind)
  /** Only the browser's client asks whether there is a session that it does not know of. */
  const probe = kind.isNative ? [] : [`${REFRESH} 401`]

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
      expect(requests(site)).toStrictEqual(['GET /me 200'])
      site.expire()
      expect(await client.ask()).toMatchObject({ status: 200, id: 'anna' })
      expect(requests(site)).toStrictEqual(['GET /me 401', `${REFRESH} 200`, 'GET /me 200'])
      // The refresh has removed it.
      expect(await device.tokens()).toStrictEqual(own)
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
      // The feed polls in the background.
      expect(calls.filter((call) => call !== 'changes')).toStrictEqual([])
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

browserTest.each(KINDS.filter(({ mode }) => mode === 'header'))(
  '$name replaces its own access token that the application sends by hand',
  async (kind) => {
    const { site, client } = await signIn(kind)
    const authorization = `Bearer ${await client.accessToken()}`
    for (const sender of sendersOf(kind)) {
      expect((await client.ask('/me', { headers: { authorization } }, sender)).status).toBe(200)
      expect(requests(site)).toStrictEqual(['GET /me 200'])
    }
    site.expire()
    expect((await client.ask('/me', { headers: { Authorization: authorization } })).status).toBe(200)
    expect(requests(site)).toStrictEqual(['GET /me 401', `${REFRESH} 200`, 'GET /me 200'])
    // Now it is an old token, which the client sends as it is: it gives up after ten refreshes.
    site.expire()
    expect((await client.ask('/me', { headers: { authorization } })).status).toBe(0)
    expect(requests(site).filter((line) => line === 'GET /me 401')).toHaveLength(11)
    expect((await client.ask()).status).toBe(200)
    expect(site.ended).toStrictEqual([])
  },
)
