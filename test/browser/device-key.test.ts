import { describe, expect, vi } from 'vitest'
import type { SessionEvents } from '../../src/index.ts'
import { listen } from '../support/sessions.ts'
import type { Page } from './support/browser.ts'
import { browserTest, engineName, openContext } from './support/browser-test.ts'
import { API, APP } from './support/hosts.ts'
import { loseAnswer, withoutHeader } from './support/network.ts'
import { openSite, REFRESH, type Site, type SiteOptions } from './support/site.ts'
import { openTab, type Tab } from './support/tab.ts'

const REGISTER = 'POST /session/device'
const ANNA = { status: 200, id: 'anna' }
/** The page makes its client with `bindDevice()`. */
const DEVICE = { device: 'yes' }

interface BoundSite extends Site {
  readonly bound: SessionEvents['deviceBound'][]
}

/** A site that every engine takes for one without Device Bound Session Credentials, which only Chromium has. */
async function openBoundSite(options: SiteOptions = {}): Promise<BoundSite> {
  const site = await openSite({ sessions: { deviceBinding: 'offer' }, ...options })
  site.network.always('POST /login', withoutHeader('secure-session-registration'))
  return { ...site, bound: listen(site.sessions, 'deviceBound') }
}

/** Signs in, and waits until the key is registered and the tab knows the answer. */
async function bind({ bound, network }: BoundSite, tab: Tab): Promise<void> {
  const before = bound.length
  expect(await tab.login()).toBe(true)
  await vi.waitFor(() => expect(bound).toHaveLength(before + 1), 20_000)
  await network.idle()
}

function proofsOf({ network }: Site): boolean[] {
  return network.log
    .filter(({ request }) => request === REFRESH)
    .map(({ headers }) => headers['dpop'] !== undefined)
}

describe('a session that is bound to a key of the browser', () => {
  browserTest('is refreshed with one request, also after a reload', async () => {
    const site = await openBoundSite()
    const tab = await openTab(await openContext(), site, DEVICE)
    await bind(site, tab)
    expect(site.bound).toMatchObject([{ kind: 'webcrypto', userId: 'anna' }])
    // A page that is left before it has stored the newest challenge needs a second request.
    let challenge = await storedChallenge(tab.page)
    const isNewer = async (): Promise<void> => expect(await storedChallenge(tab.page)).not.toBe(challenge)
    if (challenge === null) await vi.waitFor(isNewer, 20_000)
    for (let time = 0; time < 3; time++) {
      challenge = await storedChallenge(tab.page)
      site.expire(1000)
      expect(await tab.ask()).toStrictEqual(ANNA)
      await vi.waitFor(isNewer, 20_000)
      await site.network.idle()
      await tab.page.reload()
    }
    expect(proofsOf(site)).toStrictEqual([true, true, true])
    expect(site.network.count(REGISTER)).toBe(1)
    expect(await tab.problems()).toStrictEqual([])
  })

  browserTest('is bound on the next page, if the login leaves the page at once', async () => {
    const site = await openBoundSite()
    const tab = await openTab(await openContext(), site, DEVICE)
    await tab.page
      .evaluate(async () => {
        await window.tab.login('anna')
        location.href = '/other?device=yes'
      })
      .catch(() => {})
    await vi.waitFor(() => expect(site.bound).toHaveLength(1), 20_000)
    await tab.page.waitForURL('**/other?device=yes')
    // The answer to the registration may still be under way.
    await vi.waitFor(async () => expect(await storedChallenge(tab.page)).not.toBeNull(), 20_000)
    await site.network.idle()
    site.expire()
    expect(await tab.ask()).toStrictEqual(ANNA)
  })

  browserTest('keeps its key where no script can read it', async () => {
    const site = await openBoundSite()
    const tab = await openTab(await openContext(), site, DEVICE)
    await bind(site, tab)
    const outcome = await tab.page.evaluate(async () => {
      const opening = indexedDB.open('pawl-device')
      await new Promise((done) => {
        opening.onsuccess = done
      })
      const found = opening.result.transaction('pawl-device').objectStore('pawl-device').get('key')
      await new Promise((done) => {
        found.onsuccess = done
      })
      opening.result.close()
      const { privateKey } = found.result as CryptoKeyPair
      return crypto.subtle.exportKey('pkcs8', privateKey).then(
        () => 'exported',
        ({ name }) => name as string,
      )
    })
    expect(outcome).toBe('InvalidAccessError')
  })

  browserTest('is worth nothing to another browser with all of its cookies', async () => {
    const site = await openBoundSite()
    const context = await openContext()
    const tab = await openTab(context, site, DEVICE)
    await bind(site, tab)
    const stranger = await openContext()
    const thief = await openTab(stranger, site, DEVICE)
    await stranger.addCookies(await context.cookies())
    expect((await stranger.cookies()).map(({ name }) => name).toSorted()).toStrictEqual(
      (await context.cookies()).map(({ name }) => name).toSorted(),
    )
    site.expire()
    expect((await thief.ask()).status).toBe(401)
    expect(await thief.problems()).toStrictEqual(['device-unproven'])
    await thief.shows(null)
    for (let time = 0; time < 2; time++) {
      expect(await tab.ask()).toStrictEqual(ANNA)
      site.expire()
    }
    expect((await thief.ask()).status).toBe(401)
    expect(await tab.ask()).toStrictEqual(ANNA)
    expect(site.ended).toStrictEqual([])
  })

  browserTest('is refreshed once for ten tabs', async () => {
    const site = await openBoundSite()
    const context = await openContext()
    const tabs: Tab[] = []
    for (let index = 0; index < 10; index++) tabs.push(await openTab(context, site, DEVICE))
    // The tab in front: browsers slow down the timers of the others.
    await bind(site, tabs.at(-1)!)
    for (const tab of tabs) await tab.shows('anna')
    for (let time = 1; time <= 2; time++) {
      site.expire(1000)
      expect(await Promise.all(tabs.map((tab) => tab.ask()))).toStrictEqual(tabs.map(() => ANNA))
      expect(site.refreshes()).toBe(time)
      await site.network.idle()
    }
    expect(site.bound).toHaveLength(1)
  })

  browserTest('survives lost answers', async () => {
    const site = await openBoundSite()
    const tab = await openTab(await openContext(), site, DEVICE)
    site.network.next(REGISTER, loseAnswer)
    await bind(site, tab)
    await vi.waitFor(() => expect(site.network.count(REGISTER)).toBe(2), 20_000)
    await site.network.idle()
    for (let time = 0; time < 3; time++) {
      site.expire(1000)
      site.network.next(REFRESH, loseAnswer)
      // A browser may send the refresh again by itself.
      expect([0, 200]).toContain((await tab.ask()).status)
      expect(await tab.ask()).toStrictEqual(ANNA)
    }
    expect(site.bound).toHaveLength(1)
    expect(await tab.problems()).toStrictEqual([])
  })

  browserTest('is refreshed by a page load, too', async () => {
    const site = await openBoundSite()
    const tab = await openTab(await openContext(), site, DEVICE)
    await bind(site, tab)
    for (let time = 0; time < 2; time++) {
      site.expire(1000)
      await tab.page.goto(`${site.origin}/doc?${time}`)
      await tab.page.waitForFunction(() => document.title === 'doc of anna')
      await site.network.idle()
    }
    await tab.page.goto(`${site.origin}/?device=yes`)
    expect(await tab.ask()).toStrictEqual(ANNA)
  })

  browserTest('asks for a sign-in once its key is lost', async () => {
    const site = await openBoundSite()
    const context = await openContext()
    const tab = await openTab(context, site, DEVICE)
    await bind(site, tab)
    await tab.page.evaluate(
      () =>
        new Promise((done, fail) => {
          const deleting = indexedDB.deleteDatabase('pawl-device')
          deleting.onsuccess = () => done(undefined)
          deleting.onerror = fail
        }),
    )
    site.expire()
    const names = (await context.cookies()).map(({ name }) => name).toSorted()
    expect((await tab.ask()).status).toBe(401)
    await tab.shows(null)
    expect(await tab.problems()).toStrictEqual(['device-unproven'])
    expect((await context.cookies()).map(({ name }) => name).toSorted()).toStrictEqual(names)
    await bind(site, tab)
    expect(site.ended).toMatchObject([{ reason: 'device' }])
    expect(new Set(site.bound.map(({ thumbprint }) => thumbprint)).size).toBe(2)
    site.expire()
    expect(await tab.ask()).toStrictEqual(ANNA)
  })

  browserTest('of an API on another subdomain is refreshed with one request', async () => {
    const site = await openBoundSite({ http: (at) => ({ trustedOrigins: [at(APP)], cors: true }) })
    const tab = await openTab(await openContext(), site, { ...DEVICE, baseUrl: site.at(API) })
    await bind(site, tab)
    for (let time = 0; time < 2; time++) {
      site.expire(1000)
      expect(await tab.ask()).toStrictEqual(ANNA)
      await site.network.idle()
    }
    expect(proofsOf(site)).toStrictEqual([true, true])
  })
})

browserTest('a session that the browser itself binds is left alone', async ({ skip }) => {
  skip(engineName !== 'chromium', 'Only Chromium binds sessions by itself.')
  const site = await openBoundSite()
  site.network.always('POST /login', null)
  const tab = await openTab(await openContext(), site, DEVICE)
  expect(await tab.login()).toBe(true)
  await vi.waitFor(() => expect(registrationsByScript(site)).toBe(1), 20_000)
  await site.network.idle()
  expect(site.bound).toMatchObject([{ kind: 'dbsc' }])
  site.expire()
  expect(await tab.ask()).toStrictEqual(ANNA)
  expect(registrationsByScript(site)).toBe(1)
  expect(proofsOf(site)).not.toContain(true)
  expect(await tab.problems()).toStrictEqual([])
})

function storedChallenge(page: Page): Promise<string | null> {
  return page.evaluate(async () => {
    const opening = indexedDB.open('pawl-device')
    await new Promise((done) => {
      opening.onsuccess = done
    })
    const transaction = opening.result.transaction('pawl-device')
    const store = transaction.objectStore('pawl-device')
    const names = store.getAllKeys()
    const values = store.getAll()
    await new Promise((done) => {
      transaction.oncomplete = done
    })
    opening.result.close()
    const at = names.result.findIndex((name) => String(name).startsWith('nonce '))
    return (values.result[at] as string | undefined) ?? null
  })
}

function registrationsByScript({ network }: Site): number {
  return network.log.filter(({ request, headers }) => request === REGISTER && headers['dpop']).length
}
