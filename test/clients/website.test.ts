import type { Cookie } from 'playwright-core'
import { describe, expect } from 'vitest'
import { browserTest, openContext } from '../browser/support/browser-test.ts'
import { API, APP, BLOG, SITE } from '../browser/support/hosts.ts'
import { tabOf } from '../browser/support/tab.ts'
import type { TransferMode } from './support/client.ts'
import { TOKENS, UNAUTHORISED } from './support/expected.ts'
import { openClientSite } from './support/site.ts'
import { openTab } from './support/website.ts'

const YEAR = 365 * 86_400
const IDLE_TIMEOUT = 30 * 86_400
const MODES: readonly TransferMode[] = ['cookie', 'header']

describe.each(MODES)('supertokens-website in %s mode', (mode) => {
  browserTest('has each token where the protocol says', async () => {
    const site = await openClientSite()
    const context = await openContext()
    const tab = await openTab(context, site, { mode })
    await tab.login()
    const cookies = (await context.cookies()) as Cookie[]
    const now = site.clock.now() / 1000
    const own = { path: '/', domain: APP, httpOnly: false, sameSite: 'Lax' }
    const ofApi = { domain: API, httpOnly: true, secure: true, sameSite: 'Lax' }
    const stored = cookies
      .filter(({ name }) => TOKENS[mode].includes(name))
      .toSorted((a, b) => a.name.localeCompare(b.name))
    const [access, front, refresh] = mode === 'cookie' ? stored : [stored[1], stored[0], stored[2]]
    expect(front).toMatchObject({ name: 'sFrontToken', ...own })
    if (mode === 'header') {
      expect(access).toMatchObject({ name: 'st-access-token', ...own })
      expect(refresh).toMatchObject({ name: 'st-refresh-token', ...own })
      expect(cookies.filter(({ domain }) => domain === API)).toStrictEqual([])
    } else {
      expect(access).toMatchObject({ name: 'sAccessToken', path: '/', ...ofApi })
      expect(refresh).toMatchObject({ name: 'sRefreshToken', path: '/auth/session/refresh', ...ofApi })
      // Chromium corrects the time by the header Date.
      expect(Math.abs(access!.expires - now - YEAR)).toBeLessThan(60)
      expect(Math.abs(refresh!.expires - now - IDLE_TIMEOUT)).toBeLessThan(60)
    }
    // The refresh route is the only one that gets the refresh token.
    site.network.log.splice(0)
    await tab.ask()
    await tab.refresh()
    const seen = site.network.log.filter(({ request }) => !request.startsWith('OPTIONS'))
    expect(seen.map(({ cookies }) => cookies)).toStrictEqual(
      mode === 'cookie' ? [['sAccessToken'], ['sRefreshToken', 'sAccessToken']] : [[], []],
    )
  })

  browserTest('shares a session between pages of two subdomains', async () => {
    const site = await openClientSite({ pages: [BLOG] })
    const context = await openContext()
    const domain = `.${SITE}`
    const app = await openTab(context, site, { mode, domain })
    const blog = await openTab(context, site, { mode, domain, origin: site.at(BLOG) })
    await app.login()
    for (let round = 0; round < 3; round++) {
      for (const tab of [app, blog]) expect(await tab.ask()).toMatchObject({ status: 200, id: 'anna' })
      site.expire()
      // The lock of the client is that of one origin.
      const answers = await Promise.all([app.ask(), blog.ask()])
      expect(answers.map(({ status }) => status)).toStrictEqual([200, 200])
    }
    expect(site.ended).toStrictEqual([])
    await blog.signOut()
    expect(await app.exists()).toBe(false)
    expect((await app.ask()).status).toBe(401)
  })

  browserTest('validates claims in the form of SuperTokens', async () => {
    const site = await openClientSite()
    const tab = await openTab(await openContext(), site, { mode })
    await tab.login()
    const errors = (role: string) => tab.page.evaluate((role) => window.client.roleErrors(role), role)
    await site.sessions.setClaims({ userId: 'anna' }, { 'st-role': { v: 'admin', t: site.clock.now() } })
    await tab.ask()
    expect(await errors('admin')).toStrictEqual([])
    expect(await errors('owner')).toMatchObject([{ id: 'st-role', reason: { actualValue: 'admin' } }])
  })

  browserTest('works in one application with pawl/client', async () => {
    const site = await openClientSite()
    const context = await openContext()
    const old = await openTab(context, site, { mode })
    await old.login('berta')
    const page = await (await openContext()).newPage()
    await page.goto(`${site.origin}/own?${new URLSearchParams({ baseUrl: site.api })}`)
    const own = tabOf(page)
    expect(await own.login('anna')).toBe(true)
    for (let round = 0; round < 2; round++) {
      expect(await own.ask()).toMatchObject({ status: 200, id: 'anna' })
      expect(await old.ask()).toMatchObject({ status: 200, id: 'berta' })
      site.expire()
    }
    expect(site.network.count('POST /session/refresh')).toBe(1)
    expect(site.refreshes()).toBe(1 + 1)
    expect(site.ended).toStrictEqual([])
  })

  browserTest('gives way to a login with pawl/client in the same browser', async () => {
    const site = await openClientSite()
    const context = await openContext()
    const old = await openTab(context, site, { mode })
    await old.login('berta')
    const page = await context.newPage()
    await page.goto(`${site.origin}/own?${new URLSearchParams({ baseUrl: site.api })}`)
    const own = tabOf(page)
    expect(await own.login('anna')).toBe(true)
    expect(await own.ask()).toMatchObject({ status: 200, id: 'anna' })
    site.expire()
    expect(await own.ask()).toMatchObject({ status: 200, id: 'anna' })
    // A browser sends its cookies for both, so that only one session can have them.
    const expected = mode === 'cookie' ? UNAUTHORISED : { status: 200, id: 'berta', role: 'user' }
    expect(await old.ask()).toStrictEqual(expected)
    expect(await own.ask()).toMatchObject({ status: 200, id: 'anna' })
    const ended = site.ended.map(({ userId, reason }) => `${userId}: ${reason}`)
    expect(ended).toStrictEqual(mode === 'cookie' ? ['berta: replaced'] : [])
  })
})
