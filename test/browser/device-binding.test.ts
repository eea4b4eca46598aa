import { beforeEach, describe, expect } from 'vitest'
import type { SessionEvents } from '../../src/index.ts'
import { listen } from '../support/sessions.ts'
import type { BrowserContext, Page } from './support/browser.ts'
import { browserTest, engineName, openContext } from './support/browser-test.ts'
import { copyCookies, DEVICE_COOKIE, type Device, watchDevice } from './support/device.ts'
import { API, APP, BLOG, OTHER_SITE } from './support/hosts.ts'
import { loseAnswer } from './support/network.ts'
import { openSite, REFRESH, type Site, type SiteOptions } from './support/site.ts'
import { openTab, type Tab } from './support/tab.ts'

const PROOF = 'POST /session/device'
const ANNA = { status: 200, id: 'anna' }
/** Of an access token and of a device cookie, in seconds. */
const LIFETIME = 600
const UNPROVEN = { status: 401, code: 'device_proof_required' }

beforeEach(({ skip }) => skip(engineName !== 'chromium', 'Only Chromium binds sessions to keys.'))

describe('a login', () => {
  browserTest('is bound by the next request of the browser, without a script', async () => {
    const { site, context, tab, device } = await openUnbound()
    await tab.login()
    await device.registered()
    expect(await tab.ask()).toStrictEqual(ANNA)
    expect(statuses(site, PROOF)).toStrictEqual([200, 200])
    const [session] = await site.sessions.list('anna')
    const { sessionId, device: key } = session!
    expect(key).toMatchObject({ kind: 'dbsc' })
    expect(site.bound).toMatchObject([{ sessionId, ...key }])
    expect(await context.cookies()).toContainEqual(
      expect.objectContaining({
        name: DEVICE_COOKIE,
        path: '/',
        domain: APP,
        httpOnly: true,
        sameSite: 'Lax',
      }),
    )
  })

  browserTest('stays unbound if the browser misses the answer to its registration', async () => {
    const { site, tab, device } = await openUnbound()
    site.network.always(PROOF, loseAnswer)
    await tab.login()
    expect(await device.registered()).toBe('NetError')
    site.network.always(PROOF, null)
    site.expire()
    expect(await tab.ask()).toStrictEqual(ANNA)
    expect(site.bound).toStrictEqual([])
    await tab.login()
    await device.registered()
    expect(await tab.ask()).toStrictEqual(ANNA)
    expect(site.bound).toHaveLength(1)
  })
})

describe('the browser proves itself', () => {
  browserTest('before a script refreshes', async () => {
    const { site, tab, device } = await openBound()
    await expire(site, device)
    const before = site.network.log.length
    expect(await tab.ask()).toStrictEqual(ANNA)
    expect(requests(site, before)).toStrictEqual([PROOF, 'GET /me', REFRESH, 'GET /me'])
    expect(site.missing).toStrictEqual([])
  })

  browserTest('before it loads a page', async () => {
    const { site, tab, device } = await openBound()
    await expire(site, device)
    const before = site.network.log.length
    await tab.page.goto(`${site.origin}/doc`)
    expect(await tab.page.title()).toBe('doc of anna')
    expect(requests(site, before)).toStrictEqual([PROOF, 'GET /doc', 'GET /session/refresh', 'GET /doc'])
    expect(site.missing).toStrictEqual([])
  })

  browserTest('before a page load that is refreshed inline', async () => {
    const { site, tab, device } = await openBound({ http: () => ({ refresh: 'inline' }) })
    await expire(site, device)
    const before = site.network.log.length
    await tab.page.goto(`${site.origin}/doc`)
    expect(await tab.page.title()).toBe('doc of anna')
    expect(requests(site, before)).toStrictEqual([PROOF, 'GET /doc'])
    expect(site.missing).toStrictEqual([])
  })

  // The device cookie of an earlier refresh token is still there.
  browserTest.for(['endpoint', 'inline'] as const)(
    'again if its cookie does not vouch for this refresh (%s)',
    async (refresh) => {
      const { site, tab } = await openBound({ http: () => ({ refresh }) })
      site.expire(LIFETIME + 1)
      expect(await tab.ask()).toStrictEqual(ANNA)
      expect(statuses(site, PROOF)).toStrictEqual([200, 200, 200])
      site.expire(LIFETIME + 1)
      await tab.page.goto(`${site.origin}/doc`)
      await tab.page.waitForURL(`${site.origin}/doc**`)
      expect(await tab.page.title()).toBe('doc of anna')
      expect(statuses(site, PROOF)).toStrictEqual([200, 200, 200, 200])
      expect(site.ended).toStrictEqual([])
    },
  )

  browserTest('once for ten tabs', async () => {
    const { site, context, tab, device } = await openBound()
    const tabs = [tab]
    while (tabs.length < 10) tabs.push(await openTab(context, site))
    await expire(site, device)
    const before = site.network.log.length
    const answers = await Promise.all(tabs.map((each) => each.ask()))
    expect(answers).toStrictEqual(tabs.map(() => ANNA))
    expect(requests(site, before).filter((request) => request === PROOF)).toHaveLength(1)
    expect(site.refreshes()).toBe(1)
    expect(site.ended).toStrictEqual([])
  })

  browserTest('before a page of a trusted subdomain calls its API', async () => {
    const { site, tab, device } = await openBound({
      http: (at) => ({ trustedOrigins: [at(APP)], cors: true }),
      api: API,
    })
    await expire(site, device)
    const before = site.network.log.length
    expect(await tab.ask()).toStrictEqual(ANNA)
    expect(requests(site, before).filter((request) => !request.startsWith('OPTIONS'))).toStrictEqual([
      PROOF,
      'GET /me',
      REFRESH,
      'GET /me',
    ])
    expect(site.missing).toStrictEqual([])
  })

  describe.each([OTHER_SITE, BLOG])('after a click on a page of %s', (host) => {
    browserTest.for(['endpoint', 'inline'] as const)('(%s)', async (refresh) => {
      const { site, context, device } = await openBound({ http: () => ({ refresh }) })
      const page = await context.newPage()
      for (const isThere of [false, true]) {
        await page.goto(site.at(host))
        if (isThere) site.expire()
        else await expire(site, device)
        await clickLink(page, `${site.origin}/doc`)
        await page.waitForURL(`${site.origin}/doc**`)
        expect(await page.title()).toBe('doc of anna')
      }
      expect(site.missing).toStrictEqual([])
      expect(site.ended).toStrictEqual([])
    })
  })
})

describe('a thief with every cookie', () => {
  browserTest('cannot refresh, and ends nothing', async () => {
    const { site, context, tab, device } = await openBound()
    await expire(site, device)
    const thief = await openThief(site, context)
    const [before] = await site.sessions.list('anna')
    expect(await refreshAs(thief)).toStrictEqual(UNPROVEN)
    expect(await thief.ask()).toMatchObject({ status: 401 })
    await thief.page.goto(`${site.origin}/doc`)
    expect(await thief.page.title()).not.toBe('doc of anna')
    expect(await site.sessions.list('anna')).toStrictEqual([before])
    expect(site.missing.length).toBeGreaterThan(0)
    expect(await tab.ask()).toStrictEqual(ANNA)
    expect(site.ended).toStrictEqual([])
  })

  browserTest('cannot stay longer than the proof of the owner that he copied', async () => {
    const { site, context, tab, device } = await openBound()
    await device.dropCookie()
    expect(await tab.ask()).toStrictEqual(ANNA)
    const thief = await openThief(site, context)
    expect(await refreshAs(thief)).toStrictEqual({ status: 200 })
    expect(await refreshAs(thief)).toStrictEqual(UNPROVEN)
    expect(await tab.ask()).toStrictEqual(ANNA)
    await expire(site, device)
    expect(await refreshAs(thief)).toStrictEqual(UNPROVEN)
    expect(await tab.ask()).toStrictEqual(ANNA)
    await expire(site, device)
    expect(await tab.ask()).toStrictEqual(ANNA)
    expect(site.ended).toStrictEqual([])
  })
})

describe('a lost answer', () => {
  browserTest('of a proof costs another proof', async () => {
    const { site, tab, device } = await openBound()
    await expire(site, device)
    site.network.always(PROOF, loseAnswer)
    // Chromium tries again, then sends the request as it is.
    site.network.next('GET /me', (pass) => {
      site.network.always(PROOF, null)
      return pass()
    })
    const before = site.network.log.length
    expect(await tab.ask()).toStrictEqual(ANNA)
    const [first] = site.network.log.slice(before).filter(({ request }) => request === 'GET /me')
    expect(first!.headers['secure-session-skipped']).toMatch(/^unreachable;/)
    expect(site.ended).toStrictEqual([])
  })

  browserTest('of a refresh logs nobody out', async () => {
    const { site, tab, device } = await openBound()
    for (const request of [REFRESH, REFRESH]) {
      await expire(site, device)
      site.network.next(request, loseAnswer)
      await tab.ask()
      expect(await tab.ask()).toStrictEqual(ANNA)
    }
    expect(site.ended).toStrictEqual([])
  })
})

browserTest('a logout makes the browser delete its key', async () => {
  const { site, tab, device } = await openBound()
  await tab.signOut()
  await tab.shows(null)
  await tab.page.reload()
  expect(await device.deleted()).toBe('ServerRequested')
  expect(site.ended).toMatchObject([{ reason: 'logout' }])
})

browserTest('a second login on the browser replaces the first, and has a key of its own', async () => {
  const { site, tab, device } = await openBound()
  await tab.login('bert')
  await device.registered()
  expect(await tab.ask()).toStrictEqual({ status: 200, id: 'bert' })
  expect(await device.deleted()).toBe('ServerRequested')
  await expire(site, device)
  expect(await tab.ask()).toStrictEqual({ status: 200, id: 'bert' })
  expect(site.bound.map(({ userId }) => userId)).toStrictEqual(['anna', 'bert'])
  expect(site.ended).toMatchObject([{ userId: 'anna', reason: 'replaced' }])
})

browserTest('a browser that has lost its key must sign in again, which ends the session', async () => {
  const { site, tab, device, id } = await openBound()
  await expire(site, device)
  expect(await tab.ask()).toStrictEqual(ANNA)
  await device.loseKey(id)
  await expire(site, device)
  expect(await tab.ask()).toMatchObject({ status: 401 })
  await tab.shows(null)
  await tab.page.goto(`${site.origin}/doc`)
  expect(await tab.page.title()).not.toBe('doc of anna')
  expect(site.ended).toStrictEqual([])
  await tab.page.goto(site.origin)
  await tab.login()
  await device.registered()
  expect(await tab.ask()).toStrictEqual(ANNA)
  expect(site.ended).toMatchObject([{ reason: 'device' }])
  expect(site.bound).toHaveLength(2)
})

/** A site that offers to bind sessions. */
interface BindingSite extends Site {
  readonly bound: SessionEvents['deviceBound'][]
  readonly missing: SessionEvents['deviceProofMissing'][]
}

interface Unbound {
  readonly site: BindingSite
  readonly context: BrowserContext
  readonly tab: Tab
  readonly device: Device
}

interface Bound extends Unbound {
  /** Of the browser's registration. */
  readonly id: string
}

interface BindingOptions extends Pick<SiteOptions, 'http'> {
  /** The host of the API, if it is not that of the page. */
  readonly api?: string
}

async function openUnbound({ api, ...options }: BindingOptions = {}): Promise<Unbound> {
  const opened = await openSite({
    ...options,
    sessions: { deviceBinding: 'offer', accessToken: { lifetime: LIFETIME } },
  })
  const bound = listen(opened.sessions, 'deviceBound')
  const site = { ...opened, bound, missing: listen(opened.sessions, 'deviceProofMissing') }
  const context = await openContext()
  const tab = await openTab(context, site, api === undefined ? {} : { baseUrl: site.at(api) })
  return { site, context, tab, device: await watchDevice(tab.page) }
}

async function openBound(options: BindingOptions = {}): Promise<Bound> {
  const unbound = await openUnbound(options)
  const { tab, device, site } = unbound
  await tab.login()
  const id = await device.registered()
  await tab.ask()
  expect(site.bound).toHaveLength(1)
  return { ...unbound, id }
}

/** Advances the clock until the device cookie and the access token have expired. */
async function expire(site: Site, device: Device): Promise<void> {
  site.expire(LIFETIME + 1)
  await device.dropCookie()
}

async function openThief(site: Site, owner: BrowserContext): Promise<Tab> {
  const context = await openContext()
  await copyCookies(owner, context)
  return openTab(context, site)
}

/** Refreshes without the client. */
function refreshAs({ page }: Tab): Promise<{ status: number; code?: string }> {
  return page.evaluate(async () => {
    const response = await fetch('/session/refresh', { method: 'POST' })
    const { code } = (await response.json()) as { code?: string }
    return { status: response.status, ...(code && { code }) }
  })
}

async function clickLink(page: Page, url: string): Promise<void> {
  await page.evaluate((href) => {
    const link = document.createElement('a')
    Object.assign(link, { href, textContent: 'link' })
    document.body.append(link)
  }, url)
  await page.click('a')
}

/** The requests that have reached the server since then. */
function requests({ network }: Site, since: number): string[] {
  return network.log.slice(since).map(({ request }) => request)
}

function statuses({ network }: Site, request: string): (number | undefined)[] {
  return network.log.filter((visit) => visit.request === request).map(({ status }) => status)
}
