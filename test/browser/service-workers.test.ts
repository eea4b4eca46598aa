import { describe, expect, vi } from 'vitest'
import { workerApplication } from './support/applications.ts'
import type { Page } from './support/browser.ts'
import { browserTest, openContext } from './support/browser-test.ts'
import { BLOG } from './support/hosts.ts'
import { openSite, REFRESH, type Site } from './support/site.ts'
import { tabOf } from './support/tab.ts'

/** A worker takes over its pages at once. */
const START = `
  addEventListener('install', () => skipWaiting())
  addEventListener('activate', (event) => event.waitUntil(clients.claim()))`

/** The service workers that applications have. */
const WORKERS = {
  'passes every request on': `${START}
    addEventListener('fetch', (event) => event.respondWith(fetch(event.request)))`,
  'asks the network first, and keeps a copy': `${START}
    async function networkFirst(request) {
      const cache = await caches.open('copies')
      try {
        const response = await fetch(request)
        if (request.method === 'GET' && response.ok) await cache.put(request, response.clone())
        return response
      } catch {
        return cache.match(request)
      }
    }
    addEventListener('fetch', (event) => event.respondWith(networkFirst(event.request)))`,
  'has a cache for assets and uses navigation preload': `${START}
    addEventListener('activate', (event) => event.waitUntil(registration.navigationPreload.enable()))
    const load = async (event) => (await event.preloadResponse) ?? fetch(event.request)
    async function cacheFirst(request) {
      const cache = await caches.open('assets')
      const cached = await cache.match(request)
      if (cached !== undefined) return cached
      const response = await fetch(request)
      await cache.put(request, response.clone())
      return response
    }
    addEventListener('fetch', (event) => {
      if (event.request.mode === 'navigate') event.respondWith(load(event))
      else if (event.request.url.endsWith('.js')) event.respondWith(cacheFirst(event.request))
    })`,
} as const

describe.each(Object.entries(WORKERS))('pages behind a service worker that %s', (_name, worker) => {
  browserTest.for(['endpoint', 'inline'] as const)(
    'stay signed in when their access token expires (%s)',
    async (refresh) => {
      const { site, page } = await openWithWorker(worker, refresh)
      for (let turn = 0; turn < 2; turn++) {
        site.expire(24 * 3600)
        await page.goto(`${site.origin}/?turn=${turn}`)
        expect(await heading(page)).toBe('Hello anna')
      }
      expect(site.refreshed).toHaveLength(2)
      expect(site.network.count('GET /session/refresh')).toBe(refresh === 'endpoint' ? 2 : 0)
      expect(site.ended).toStrictEqual([])
    },
  )

  browserTest('send what the client refreshes for', async () => {
    const { site, page } = await openWithWorker(worker, 'endpoint')
    await page.goto(`${site.origin}/start`)
    await page.waitForFunction(() => 'tab' in window)
    site.expire()
    const init = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'text=y' }
    expect(await tabOf(page).ask('/notes', init)).toMatchObject({ status: 200 })
    expect(site.notes).toStrictEqual(['anna: y'])
    expect(site.network.count(REFRESH)).toBe(1)
  })

  browserTest('process a form with an expired access token by inline refresh', async () => {
    const { site, page } = await openWithWorker(worker, 'inline')
    site.expire()
    await page.click('button')
    await vi.waitFor(() => expect(site.notes).toStrictEqual(['anna: x']), 30_000)
    await page.waitForURL('**/')
    await page.getByText('Hello anna').waitFor()
    expect(site.ended).toStrictEqual([])
  })

  browserTest('say in words that a form with an expired access token was refused', async () => {
    const { site, page } = await openWithWorker(worker, 'endpoint')
    site.expire()
    await page.click('button')
    await page.waitForURL('**/notes')
    expect(await heading(page)).toBe('Your session has to be renewed')
    expect(site.notes).toStrictEqual([])
    await page.goto(site.origin)
    expect(await heading(page)).toBe('Hello anna')
  })
})

browserTest('a form of a sibling subdomain that a service worker passes on signs nobody in', async () => {
  const { site, page } = await openWithWorker(WORKERS['passes every request on'], 'endpoint')
  await page.evaluate(() => fetch('/session/logout', { method: 'POST' }))
  const { refreshToken } = await site.sessions.create({ userId: 'mallory' })
  await page.goto(site.at(BLOG))
  await page.evaluate(
    ([token, action]) => {
      // biome-ignore lint/suspicious/noDocumentCookie: as an attacker would
      document.cookie = `__Secure-pawl-refresh=${token}; Domain=example.com; Path=/session; Secure`
      document.body.innerHTML = `<form method="post" action="${action}"><button>Win</button></form>`
    },
    [refreshToken.value, `${site.origin}${REFRESH.replace('POST ', '')}`] as const,
  )
  await page.click('button')
  await page.waitForURL('**/session/refresh')
  const sent = site.network.log.filter(({ request }) => request === REFRESH)
  expect(sent.map(({ cookies }) => cookies)).toStrictEqual([['__Secure-pawl-refresh']])
  expect(await heading(page)).toMatch(/^(You are not signed in|This request was refused)$/)
  expect(site.refreshed).toStrictEqual([])
})

/** Without waiting: JSON has no heading. */
function heading(page: Page): Promise<string | null | undefined> {
  return page.evaluate(() => document.querySelector('h1')?.textContent)
}

/** Signs in, and opens a page that the worker controls. */
async function openWithWorker(
  worker: string,
  refresh: 'endpoint' | 'inline',
): Promise<{ site: Site; page: Page }> {
  const site = await openSite({ application: workerApplication(worker), http: () => ({ refresh }) })
  const page = await (await openContext()).newPage()
  await page.goto(`${site.origin}/start`)
  await page.evaluate(async () => {
    await fetch('/login', { method: 'POST' })
    const controlled = new Promise((done) =>
      navigator.serviceWorker.addEventListener('controllerchange', done),
    )
    await navigator.serviceWorker.register('/worker.js')
    await controlled
  })
  await page.goto(site.origin)
  expect(await page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true)
  return { site, page }
}
