import { describe, expect, vi } from 'vitest'
import { classicApplication } from './support/applications.ts'
import type { Page } from './support/browser.ts'
import { browserTest, openContext } from './support/browser-test.ts'
import { withoutCookies } from './support/network.ts'
import { openSite, type Site } from './support/site.ts'
import { openTab, openTabs, type Tab } from './support/tab.ts'

describe('a page that comes back from the back/forward cache', () => {
  browserTest('does not show a user whose session has ended', async () => {
    const site = await openSite()
    const [tab] = (await openTabs(await openContext(), site, 1)) as [Tab]
    await leaveFor(tab, site)
    await site.sessions.revokeUser('anna')
    await comeBack(tab)
    await tab.shows(null)
    expect(await tab.page.evaluate(() => window.tab.shown)).toStrictEqual([false, true])
  })

  browserTest('continues a session that has not ended', async () => {
    const site = await openSite()
    const [tab] = (await openTabs(await openContext(), site, 1)) as [Tab]
    await leaveFor(tab, site)
    site.expire()
    await comeBack(tab)
    await tab.shows('anna')
    expect(await tab.ask()).toStrictEqual({ status: 200, id: 'anna' })
    expect(site.refreshes()).toBe(1)
  })

  browserTest('does not show the previous user after a sign-out in another tab', async () => {
    const site = await openSite()
    const [tab, other] = (await openTabs(await openContext(), site, 2)) as [Tab, Tab]
    await leaveFor(tab, site)
    await other.signOut()
    await comeBack(tab)
    await tab.page.evaluate(() => window.tab.client.check())
    await tab.shows(null)
  })

  browserTest('shows the user who has signed in since', async () => {
    const site = await openSite()
    const context = await openContext()
    const [tab] = (await openTabs(context, site, 1)) as [Tab]
    await leaveFor(tab, site)
    // Without the client, so that the other tab gets no message.
    const stranger = await openTab(context, site)
    await stranger.page.evaluate(() =>
      fetch('/login', { method: 'POST', body: JSON.stringify({ user: 'berta' }) }),
    )
    await comeBack(tab)
    await tab.shows('berta')
    expect(await tab.page.evaluate(() => window.tab.shown)).toStrictEqual([false, true])
  })

  async function leaveFor({ page }: Tab, site: Site): Promise<void> {
    await page.goto(`${site.origin}/other`)
  }

  async function comeBack({ page }: Tab): Promise<void> {
    // Playwright's `goBack` never settles in Firefox if the page comes from this cache.
    await page.evaluate(() => void setTimeout(() => history.back()))
    await page.waitForFunction(
      () => location.pathname === '/' && 'tab' in window && window.tab.shown.length > window.tab.hidden,
    )
  }
})

describe('a page that is left', () => {
  browserTest.for([
    ['endpoint', 401, []],
    ['inline', 200, ['anna: bye']],
  ] as const)(
    'sends a keepalive request, although its access token has expired (%s)',
    async ([refresh, status, notes]) => {
      const site = await openSite({ http: () => ({ refresh }) })
      const [tab] = (await openTabs(await openContext(), site, 1)) as [Tab]
      const sent = (): unknown[] =>
        site.network.log.filter(({ request }) => request === 'POST /notes').map(({ status }) => status)
      site.expire()
      await tab.page.evaluate(() => {
        // The client notices that the token has expired, too.
        const { now } = performance
        performance.now = () => now.call(performance) + 3_600_000
        addEventListener('pagehide', () => {
          void window.tab.ask('/notes', { method: 'POST', keepalive: true, body: 'bye' })
        })
      })
      await tab.page.goto(`${site.origin}/other`)
      await vi.waitFor(() => expect(sent()).toStrictEqual([status]), 10_000)
      expect(site.notes).toStrictEqual(notes)
      // The next page still has the session.
      expect(await tab.ask()).toStrictEqual({ status: 200, id: 'anna' })
      expect(site.ended).toStrictEqual([])
    },
  )
})

describe('without JavaScript', () => {
  browserTest('pages and forms of a site with inline refresh stay signed in for days', async () => {
    const { site, page } = await openClassic('inline')
    await signIn(page, site)
    for (let turn = 0; turn < 3; turn++) {
      site.expire(24 * 3600)
      await page.reload()
      expect(await page.textContent('h1')).toBe('Hello anna')
      site.expire(24 * 3600)
      await write(page, `note ${turn}`)
      expect(await page.textContent('h1')).toBe('Hello anna')
    }
    expect(site.notes).toStrictEqual(['anna: note 0', 'anna: note 1', 'anna: note 2'])
    expect(await page.locator('li').allTextContents()).toStrictEqual(site.notes)
    expect(site.refreshed.length).toBe(6)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['logout'])
  })

  browserTest(
    'two forms sent at once with inline refresh are both processed, and nobody is signed out',
    async () => {
      const { site, page } = await openClassic('inline')
      await signIn(page, site)
      const second = await page.context().newPage()
      await second.goto(site.origin)
      site.expire()
      await Promise.all([write(page, 'one'), write(second, 'two')])
      expect(site.notes.toSorted()).toStrictEqual(['anna: one', 'anna: two'])
      site.expire()
      for (const each of [page, second]) {
        await each.reload()
        expect(await each.textContent('h1')).toBe('Hello anna')
      }
      expect(site.ended).toStrictEqual([])
    },
  )

  browserTest('page loads are redirected through the refresh route and back', async () => {
    const { site, page } = await openClassic('endpoint')
    await signIn(page, site)
    for (let turn = 0; turn < 3; turn++) {
      site.expire(24 * 3600)
      await page.goto(`${site.origin}/?page=${turn}&q=a%20b`)
      expect(await page.textContent('h1')).toBe('Hello anna')
      expect(page.url()).toBe(`${site.origin}/?page=${turn}&q=a%20b`)
    }
    expect(site.network.count('GET /session/refresh')).toBe(3)
    await write(page, 'still here')
    expect(site.notes).toStrictEqual(['anna: still here'])
  })

  browserTest(
    'a form sent with an expired token to a site with endpoint refresh is refused, and can be sent again',
    async () => {
      const { site, page } = await openClassic('endpoint')
      await signIn(page, site)
      site.expire()
      await page.fill('[name=text]', 'first try')
      await page.getByRole('button', { name: 'Write' }).click()
      await page.waitForURL('**/notes')
      expect(site.network.log.at(-1)).toMatchObject({ request: 'POST /notes', status: 401 })
      expect(await page.textContent('h1')).toBe('Your session has to be renewed')
      expect(await page.textContent('small')).toBe('access_token_expired')
      expect(site.notes).toStrictEqual([])
      // Any page load refreshes the session. Then the form succeeds.
      await page.goto(site.origin)
      expect(await page.textContent('h1')).toBe('Hello anna')
      await write(page, 'second try')
      expect(site.notes).toStrictEqual(['anna: second try'])
      expect(site.ended).toStrictEqual([])
    },
  )

  browserTest.for(['inline', 'endpoint'] as const)(
    'an ended session leads to the sign-in page (%s)',
    async (mode) => {
      const { site, page } = await openClassic(mode)
      await signIn(page, site)
      await site.sessions.revokeUser('anna')
      site.expire()
      await page.goto(site.origin)
      expect(await page.title()).toBe('sign in')
      expect(await page.context().cookies()).toStrictEqual([])
      await signIn(page, site)
    },
  )

  browserTest('a browser that keeps no cookies gets the sign-in page, not a redirect loop', async () => {
    const { site, page } = await openClassic('endpoint')
    await signIn(page, site)
    site.network.always('GET /session/refresh', withoutCookies)
    site.expire()
    await page.goto(site.origin)
    expect(await page.title()).toBe('sign in')
    expect(site.network.count('GET /session/refresh')).toBe(1)
  })
})

async function openClassic(refresh: 'inline' | 'endpoint'): Promise<{ site: Site; page: Page }> {
  const site = await openSite({ application: classicApplication, http: () => ({ refresh }) })
  const context = await openContext({ javaScriptEnabled: false })
  return { site, page: await context.newPage() }
}

async function signIn(page: Page, { origin }: Site): Promise<void> {
  await page.goto(origin)
  await page.fill('[name=user]', 'anna')
  await page.click('button')
  await page.locator('h1').waitFor()
}

async function write(page: Page, text: string): Promise<void> {
  await page.fill('[name=text]', text)
  await page.getByRole('button', { name: 'Write' }).click()
  await page.getByText(text).waitFor()
}
