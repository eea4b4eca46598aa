import { describe, expect } from 'vitest'
import { browserTest } from '../browser/support/browser-test.ts'
import { RECENT } from './support/application.ts'
import type { Sender } from './support/client.ts'
import { KINDS } from './support/devices.ts'
import { UNAUTHORISED } from './support/expected.ts'
import { requests, signIn } from './support/sign-in.ts'
import { REFRESH } from './support/site.ts'

const DAY = 86_400

describe.each(KINDS)('$name', (kind) => {
  const senders: readonly Sender[] = kind.isNative ? ['fetch', 'axios'] : ['fetch', 'xhr', 'axios']

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

    browserTest('that the session has expired', async () => {
      const { site, device, client } = await signIn(kind)
      site.expire(31 * DAY)
      expect(await client.ask()).toStrictEqual(UNAUTHORISED)
      expect(requests(site)).toStrictEqual(['GET /me 401', `${REFRESH} 401`])
      expect(await client.events()).toStrictEqual([{ action: 'UNAUTHORISED', sessionExpiredOrRevoked: true }])
      expect(await device.tokens()).toStrictEqual([])
      expect(await client.exists()).toBe(false)
    })

    browserTest('that a route of the application has signed the user out', async () => {
      const { site, device, client } = await signIn(kind)
      expect((await client.ask('/leave', { method: 'POST' })).status).toBe(200)
      expect(await client.events()).toStrictEqual([{ action: 'SIGN_OUT' }])
      expect(await device.tokens()).toStrictEqual([])
      expect(await client.exists()).toBe(false)
      expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['logout'])
      expect(requests(site)).toStrictEqual(['POST /leave 200'])
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
})
