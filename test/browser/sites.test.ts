import { describe, expect } from 'vitest'
import type { BrowserContext, Page } from './support/browser.ts'
import { browserTest, openContext } from './support/browser-test.ts'
import { API, APP, BLOG, OTHER_SITE, SITE } from './support/hosts.ts'
import type { Visit } from './support/network.ts'
import { openSite, type Site } from './support/site.ts'
import { openTab, openTabs, type Tab } from './support/tab.ts'

const JSON_BODY = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"text":"x"}' }

browserTest('cookies have their prefixes, and no script can read them', async () => {
  const site = await openSite()
  const context = await openContext()
  const [tab] = (await openTabs(context, site, 1)) as [Tab]
  const all = { domain: APP, httpOnly: true, secure: true, sameSite: 'Lax' }
  const cookies = await context.cookies()
  expect(cookies.toSorted((a, b) => a.name.localeCompare(b.name))).toMatchObject([
    { name: '__Host-pawl-access', path: '/', ...all },
    { name: '__Secure-pawl-refresh', path: '/session', ...all },
  ])
  expect(await tab.page.evaluate(() => document.cookie)).toBe('')
  const [request] = site.network.log.filter(({ request }) => request === 'GET /me')
  expect(request!.cookies).toStrictEqual(['__Host-pawl-access'])
})

describe('an API on another subdomain', () => {
  browserTest('signs a page of a trusted origin in and out, and refreshes its session', async () => {
    const { site, context, tab } = await openAcross()
    expect(await tab.login()).toBe(true)
    expect((await context.cookies()).map(({ domain }) => domain)).toStrictEqual([API, API])
    expect(await tab.ask()).toStrictEqual({ status: 200, id: 'anna' })
    site.expire()
    expect(await tab.ask('/notes', JSON_BODY)).toStrictEqual({ status: 200, id: 'anna' })
    expect(site.refreshes()).toBe(1)
    expect(site.notes).toStrictEqual(['anna: {"text":"x"}'])
    expect(site.network.count('OPTIONS /login')).toBe(1)
    expect(site.network.count('OPTIONS /notes')).toBe(1)
    await tab.signOut()
    await tab.shows(null)
    expect(await context.cookies()).toStrictEqual([])
    expect(await tab.ask()).toMatchObject({ status: 401 })
  })

  browserTest('is shared by several tabs', async () => {
    const { site, context, tab } = await openAcross()
    const other = await openTab(context, site, { baseUrl: site.at(API) })
    await tab.login()
    await other.shows('anna')
    site.expire()
    expect((await Promise.all([tab.ask(), other.ask()])).map(({ status }) => status)).toStrictEqual([
      200, 200,
    ])
    expect(site.refreshes()).toBe(1)
    await other.signOut()
    await tab.shows(null)
  })

  async function openAcross(): Promise<{ site: Site; context: BrowserContext; tab: Tab }> {
    const site = await openSite({ http: (at) => ({ trustedOrigins: [at(APP)], cors: true }) })
    const context = await openContext()
    return { site, context, tab: await openTab(context, site, { baseUrl: site.at(API) }) }
  }
})

describe.each([
  // The browser sends no cookies.
  ['another site', OTHER_SITE, []],
  // The site is the same, so the browser sends cookies, and the server must refuse.
  ['another subdomain', BLOG, ['__Host-pawl-access', '__Secure-pawl-refresh']],
] as const)('a page of %s', (_name, host, cookies) => {
  const ATTACKS: Record<string, (page: Page, target: string) => Promise<unknown>> = {
    'submits a form': (page, target) => submit(page, `${target}/notes`),
    'submits a form to the logout': (page, target) => submit(page, `${target}/session/logout`),
    'submits a form to the refresh': (page, target) => submit(page, `${target}/session/refresh`),
    // The body is valid JSON, so only the origin gives the attack away.
    'submits a form to sign in as somebody else': (page, target) =>
      submit(page, `${target}/login`, '{"user":"mallory","x":"', '"}'),
    'fetches without asking': (page, target) =>
      page.evaluate(
        (url) =>
          fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body: 'x' }).then(
            ({ type }) => type,
            () => {},
          ),
        `${target}/notes`,
      ),
    'fetches with JSON': (page, target) =>
      page.evaluate(([url, init]) => fetch(url, { ...init, credentials: 'include' }).catch(() => {}), [
        `${target}/notes`,
        JSON_BODY,
      ] as const),
    'fetches the logout': (page, target) =>
      page.evaluate(
        (url) => fetch(url, { method: 'POST', credentials: 'include' }).catch(() => {}),
        `${target}/session/logout`,
      ),
    'reads with credentials': async (page, target) =>
      expect(
        await page.evaluate(
          (url) =>
            fetch(url, { credentials: 'include' }).then(
              () => 'read',
              () => 'blocked',
            ),
          `${target}/me`,
        ),
      ).toBe('blocked'),
    'shows it as an image': (page, target) => load(page, 'img', `${target}/session/logout`),
    'shows the refresh route as an image': (page, target) =>
      load(page, 'img', `${target}/session/refresh?to=/`),
    'opens a WebSocket': async (page, target) =>
      expect(
        await page.evaluate(
          (url) =>
            new Promise((done) => {
              const socket = new WebSocket(url)
              socket.onopen = () => done('open')
              socket.onerror = () => done('refused')
            }),
          `${target.replace('https', 'wss')}/notes`,
        ),
      ).toBe('refused'),
  }

  browserTest('cannot change anything', async () => {
    const site = await openSite()
    const context = await openContext()
    const [tab] = (await openTabs(context, site, 1)) as [Tab]
    const jar = await context.cookies()
    const page = await context.newPage()
    for (const [name, attack] of Object.entries(ATTACKS)) {
      await page.goto(site.at(host))
      const before = site.network.log.length
      await attack(page, site.origin)
      const visits = site.network.log.slice(before)
      expect(visits.length, name).toBeGreaterThan(0)
      for (const visit of visits) {
        if (!mayBeAnswered(visit)) expect(visit.status, name).toBe(403)
        expect(cookies, name).toEqual(expect.arrayContaining([...visit.cookies]))
      }
      expect(await tab.ask(), name).toStrictEqual({ status: 200, id: 'anna' })
      expect(site.notes, name).toStrictEqual([])
      expect(site.ended, name).toStrictEqual([])
    }
    expect(await context.cookies()).toStrictEqual(jar)
  })

  browserTest('is not a redirect target of the refresh route', async () => {
    const site = await openSite()
    const context = await openContext()
    const [tab] = (await openTabs(context, site, 1)) as [Tab]
    const page = await context.newPage()
    for (const to of [site.at(host), `//${host}/`, `/\\${host}`, '/%2F/'.concat(host)]) {
      await page.goto(site.at(host))
      await page.evaluate(
        (url) => {
          location.href = url
        },
        `${site.origin}/session/refresh?to=${encodeURIComponent(to)}`,
      )
      await page.waitForURL(`${site.origin}/**`)
    }
    expect(await tab.ask()).toStrictEqual({ status: 200, id: 'anna' })
    expect(site.ended).toStrictEqual([])
  })
})

describe.each(['endpoint', 'inline'] as const)(
  'a sibling subdomain that sets a refresh cookie (%s)',
  (refresh) => {
    /** Sets the refresh cookie of the attacker's own session, then opens a page of the site. */
    async function toss(site: Site, context: BrowserContext): Promise<void> {
      const { refreshToken } = await site.sessions.create({ userId: 'mallory' })
      const page = await context.newPage()
      await page.goto(site.at(BLOG))
      await page.evaluate(
        ([token, domain]) => {
          for (const path of ['/', '/session']) {
            // biome-ignore lint/suspicious/noDocumentCookie: the attack does not use the Cookie Store API
            document.cookie = `__Secure-pawl-refresh=${token}; Domain=${domain}; Path=${path}; Secure`
          }
        },
        [refreshToken.value, SITE] as const,
      )
      const planted = (await context.cookies()).filter(({ domain }) => domain === `.${SITE}`)
      expect(planted).toHaveLength(2)
      await load(page, 'img', `${site.origin}/me`)
      for (const path of ['/session/refresh?to=/', '/me', '/']) {
        await page.goto(site.at(BLOG))
        await page.evaluate((url) => location.assign(url), site.origin + path)
        await page.waitForURL(`${site.origin}/**`)
      }
    }

    browserTest('signs no visitor in', async () => {
      const site = await openSite({ http: () => ({ refresh }) })
      const context = await openContext()
      await toss(site, context)
      expect((await context.cookies()).map(({ name }) => name)).not.toContain('__Host-pawl-access')
      expect(site.refreshed).toStrictEqual([])
    })

    browserTest('does not take the place of a user who comes back after days', async () => {
      const site = await openSite({ http: () => ({ refresh }) })
      const context = await openContext()
      const [tab] = (await openTabs(context, site, 1)) as [Tab]
      await site.sessions.keys.rotate()
      site.expire(3 * 86_400)
      await toss(site, context)
      expect(await tab.ask()).toStrictEqual({ status: 200, id: 'anna' })
      expect(site.ended).toStrictEqual([])
    })
  },
)

/** Whether the server may answer: a GET that opens no WebSocket, and a preflight, change nothing. */
function mayBeAnswered({ request, headers }: Visit): boolean {
  return /^(GET|OPTIONS) /.test(request) && headers['upgrade'] === undefined
}

async function submit(page: Page, url: string, name = 'text', value = 'x'): Promise<void> {
  await page.evaluate(
    ([action, name, value]) => {
      const form = document.createElement('form')
      Object.assign(form, { method: 'post', action, enctype: 'text/plain' })
      const input = document.createElement('input')
      Object.assign(input, { name, value })
      form.append(input)
      document.body.append(form)
      form.submit()
    },
    [url, name, value] as const,
  )
  await page.waitForURL(url)
}

function load(page: Page, tag: 'img', url: string): Promise<unknown> {
  return page.evaluate(
    ([tag, url]) =>
      new Promise<void>((done) => {
        const element = document.createElement(tag)
        element.onload = element.onerror = () => done()
        element.src = url
        document.body.append(element)
      }),
    [tag, url] as const,
  )
}
