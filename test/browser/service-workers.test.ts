import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { workerApplication } from './support/applications.ts'
import { browserTest, openContext } from './support/browser-test.ts'
import { openSite, type Site } from './support/site.ts'

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
  'uses navigation preload': `${START}
    addEventListener('activate', (event) => event.waitUntil(registration.navigationPreload.enable()))
    const load = async (event) => (await event.preloadResponse) ?? fetch(event.request)
    addEventListener('fetch', (event) => event.respondWith(load(event)))`,
} as const

describe.each(Object.entries(WORKERS))('pages behind a service worker that %s', (_name, worker) => {
  browserTest('stay signed in when their access token expires', async () => {
    const { site, page } = await openWithWorker(worker)
    for (let turn = 0; turn < 2; turn++) {
      site.expire(24 * 3600)
      await page.goto(`${site.origin}/?turn=${turn}`)
      expect(await heading(page)).toBe('Hello anna')
    }
    expect(site.network.count('GET /session/refresh')).toBe(2)
    expect(site.ended).toStrictEqual([])
  })

  browserTest('say in words that a form with an expired access token was refused', async () => {
    const { site, page } = await openWithWorker(worker)
    site.expire()
    await page.click('button')
    await page.waitForURL('**/notes')
    expect(await heading(page)).toBe('Your session has to be renewed')
    expect(site.notes).toStrictEqual([])
    await page.goto(site.origin)
    expect(await heading(page)).toBe('Hello anna')
  })
})

/** Without waiting: JSON has no heading. */
function heading(page: Page): Promise<string | null | undefined> {
  return page.evaluate(() => document.querySelector('h1')?.textContent)
}

/** Signs in, and opens a page that the worker controls. */
async function openWithWorker(worker: string): Promise<{ site: Site; page: Page }> {
  const site = await openSite({
    application: workerApplication(worker),
    http: () => ({ refresh: 'endpoint' }),
  })
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
