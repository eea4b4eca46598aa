import { describe, expect } from 'vitest'
import { createFakeClock } from '../support/fake-clock.ts'
import { browserTest, openContext } from './support/browser-test.ts'
import { answerWith, loseAnswer, withoutCookies } from './support/network.ts'
import { openSite, REFRESH } from './support/site.ts'
import { openTab, openTabs, type Tab, withoutCoordination } from './support/tab.ts'

const FINE = { status: 200, id: 'anna' }
const HOUR = 3_600_000

describe('on a bad network', () => {
  browserTest('a lost refresh response fails the request, and the next request succeeds', async () => {
    const site = await openSite()
    const [tab] = (await openTabs(await openContext(), site, 1)) as [Tab]
    for (let round = 0; round < 3; round++) {
      site.expire()
      // Chromium may repeat a request itself after a broken connection, so every response is lost.
      site.network.always(REFRESH, loseAnswer)
      expect((await tab.ask()).status).toBe(0)
      await tab.shows('anna')
      site.network.always(REFRESH, null)
      expect(await tab.ask()).toStrictEqual(FINE)
    }
    expect(site.ended).toStrictEqual([])
  })

  browserTest('a refresh response that arrives after a newer one does not sign out', async () => {
    const site = await openSite()
    const context = await openContext()
    await withoutCoordination(context)
    const [slow, fast] = (await openTabs(context, site, 2)) as [Tab, Tab]
    site.expire()
    const held = site.network.hold(REFRESH)
    const late = slow.ask()
    await held.answered
    expect(await fast.ask()).toStrictEqual(FINE)
    await site.sessions.flush()
    held.release()
    expect(await late).toStrictEqual(FINE)
    site.expire()
    expect(await fast.ask()).toStrictEqual(FINE)
    expect(await slow.ask()).toStrictEqual(FINE)
    expect(site.refreshed.map(({ verdict }) => verdict)).toStrictEqual(['current', 'current', 'sibling'])
    expect(site.ended).toStrictEqual([])
  })

  browserTest('axios repeats a request by XMLHttpRequest below its interceptors', async () => {
    const site = await openSite()
    const [tab] = (await openTabs(await openContext(), site, 1)) as [Tab]
    site.expire()
    expect(await tab.page.evaluate(() => window.tab.axios('/me'))).toStrictEqual({ id: 'anna' })
    expect(site.refreshes()).toBe(1)
  })

  browserTest('XMLHttpRequest repeats a request, and its listeners see one', async () => {
    const site = await openSite()
    const [tab] = (await openTabs(await openContext(), site, 1)) as [Tab]
    site.expire()
    expect(await tab.page.evaluate(() => window.tab.xhr('/me'))).toStrictEqual({
      status: 200,
      response: { id: 'anna' },
      events: ['1', 'loadstart', '2', '3', '4', 'load', 'loadend'],
    })
    expect(site.refreshes()).toBe(1)
  })

  browserTest('a tab that is offline fails its requests, and continues once it is online', async () => {
    const site = await openSite()
    const context = await openContext()
    const tabs = await openTabs(context, site, 2)
    for (const away of [0, 100, 3600, 24 * 3600]) {
      await context.setOffline(true)
      expect((await tabs[0]!.ask()).status).toBe(0)
      site.expire(away)
      for (const tab of tabs) expect((await tab.ask()).status).toBe(0)
      for (const tab of tabs) await tab.shows('anna')
      await context.setOffline(false)
      for (const tab of tabs) expect(await tab.ask()).toStrictEqual(FINE)
    }
    expect(site.ended).toStrictEqual([])
  })

  browserTest.for([503, 429, 500])(
    'a refresh answered with %i returns that response, and does not sign out',
    async (status) => {
      const site = await openSite()
      const tabs = (await openTabs(await openContext(), site, 2)) as [Tab, Tab]
      site.expire()
      site.network.always(REFRESH, answerWith(status, { 'retry-after': '1' }))
      for (const tab of tabs) {
        expect(await tab.ask()).toStrictEqual({ status })
        await tab.shows('anna')
      }
      site.network.always(REFRESH, null)
      for (const tab of tabs) expect(await tab.ask()).toStrictEqual(FINE)
      expect(site.ended).toStrictEqual([])
    },
  )
})

describe('a browser with a wrong clock', () => {
  browserTest.for([
    ['an hour ahead', -HOUR],
    ['an hour behind', HOUR],
  ] as const)('%s keeps its session', async ([, ahead]) => {
    const clock = createFakeClock(Date.now() + ahead)
    // Shorter than the clock error: by `Expires` alone, every cookie would have expired already.
    const site = await openSite({ clock, sessions: { idleTimeout: 1800 } })
    const context = await openContext()
    const [tab] = (await openTabs(context, site, 1)) as [Tab]
    for (let round = 0; round < 3; round++) {
      site.expire(1200)
      const refreshes = site.refreshes()
      expect(await tab.ask()).toStrictEqual(FINE)
      expect(site.refreshes()).toBe(refreshes + 1)
      expect(await tab.ask()).toStrictEqual(FINE)
      expect(site.refreshes()).toBe(refreshes + 1)
    }
    expect((await context.cookies()).length).toBe(2)
  })

  browserTest('keeps its session if the clock is set while the page is open', async () => {
    const site = await openSite()
    const [tab] = (await openTabs(await openContext(), site, 1)) as [Tab]
    for (const hours of [1, -1]) {
      await tab.page.evaluate((shift) => {
        const { now } = Date
        Date.now = () => now() + shift
      }, hours * HOUR)
      expect(await tab.ask()).toStrictEqual(FINE)
    }
    expect(site.refreshes()).toBe(0)
    site.expire()
    expect(await tab.ask()).toStrictEqual(FINE)
    expect(site.refreshes()).toBe(1)
  })
})

describe('a browser that keeps no cookies', () => {
  browserTest('is reported once, and does not refresh in a loop', async () => {
    const site = await openSite()
    const tab = await openTab(await openContext({ cookies: 'none' }), site)
    expect(await tab.login()).toBe(false)
    await tab.shows(null)
    for (let turn = 0; turn < 5; turn++) expect((await tab.ask()).status).toBe(401)
    expect(await tab.problems()).toStrictEqual(['cookies-blocked'])
    expect(site.refreshes()).toBe(0)
    const asked = site.network.log.map(({ request }) => request)
    expect(asked.slice(asked.indexOf('POST /login'))).toStrictEqual([
      'POST /login',
      // The first loads the user after the login. Five follow in the loop.
      ...Array.from({ length: 6 }, () => 'GET /me'),
    ])
  })

  browserTest(
    'from the middle of a session on is reported once, and does not refresh in a loop',
    async () => {
      const site = await openSite()
      const [tab] = (await openTabs(await openContext(), site, 1)) as [Tab]
      site.network.always(REFRESH, withoutCookies)
      site.expire()
      const before = site.network.log.length
      for (let turn = 0; turn < 3; turn++)
        expect(await tab.ask()).toMatchObject({ status: 401, code: 'access_token_expired' })
      expect(await tab.problems()).toStrictEqual(['cookies-blocked'])
      expect(site.network.log.length - before).toBeLessThanOrEqual(3 * 3)
      site.network.always(REFRESH, null)
      expect(site.ended).toStrictEqual([])
    },
  )
})
