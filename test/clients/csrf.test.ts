import { describe, expect } from 'vitest'
import { browserTest } from '../browser/support/browser-test.ts'
import { KINDS } from './support/devices.ts'
import { requests, signIn } from './support/sign-in.ts'
import { REFRESH } from './support/site.ts'

describe.each(KINDS)('with anti-CSRF tokens, $name', (kind) => {
  const CSRF = { http: { csrf: 'token' } } as const

  browserTest('sends the token that the login and each refresh answer with', async () => {
    const { site, device, client } = await signIn(kind, CSRF)
    const sent = (request: string) =>
      site.network.log.filter((visit) => visit.request === request).map(({ headers }) => headers['anti-csrf'])
    expect(await client.ask('/transfer', { method: 'POST', body: {} })).toStrictEqual({
      status: 200,
      id: 'anna',
    })
    site.expire()
    expect(await client.ask('/transfer', { method: 'POST', body: {} })).toStrictEqual({
      status: 200,
      id: 'anna',
    })
    const hasToken = kind.mode === 'cookie'
    for (const request of ['POST /transfer', REFRESH])
      for (const token of sent(request)) expect(token === undefined).toBe(!hasToken)
    expect((await device.tokens()).includes('sAntiCsrf')).toBe(hasToken)
    expect(requests(site)).toStrictEqual([
      'POST /transfer 200',
      'POST /transfer 401',
      `${REFRESH} 200`,
      'POST /transfer 200',
    ])
    await client.signOut()
    expect(await device.tokens()).toStrictEqual([])
    expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['logout'])
  })

  browserTest('signs in again as somebody else, with another token', async () => {
    const { site, client } = await signIn(kind, CSRF)
    await client.login('berta')
    expect(await client.ask('/transfer', { method: 'POST', body: {} })).toStrictEqual({
      status: 200,
      id: 'berta',
    })
    expect(site.refreshes()).toBe(0)
  })
})
