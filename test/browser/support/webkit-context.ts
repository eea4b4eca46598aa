import type { BrowserContext } from './browser.ts'
import { intercept } from './network.ts'
import type { WebDriver } from './webdriver.ts'
import { webKitPage } from './webkit-page.ts'

/** The proxy answers there, so that a tab can see the cookies of every path. */
const COOKIES_PATH = '/session/all-cookies'

type Cookies = Awaited<ReturnType<BrowserContext['cookies']>>

/**
 * A browser of its own, by WebDriver. That has no init scripts, offline mode and list of all cookies; the proxy helps
 * out, so these work for sites behind it.
 * @param stop ends the browser
 */
export function openWebKitContext(driver: WebDriver, stop: () => Promise<void>): BrowserContext {
  const origins = new Set<string>()
  let initScripts = ''
  let offline = false
  const release = intercept(async ({ url, headers }, pass) => {
    if (url === COOKIES_PATH) return { status: 200, headers: ['content-type', 'text/html'], body: '' }
    if (offline) return null
    origins.add(`https://${headers.host}`)
    const answer = await pass()
    if (answer === null || initScripts === '') return answer
    const body = answer.body.replace(/^<!doctype html>/, (start) => start + initScripts)
    return { ...answer, headers: withoutLength(answer.headers), body }
  })

  const context: BrowserContext = {
    newPage: async () => webKitPage(driver, await driver.openWindow(), context),
    async cookies() {
      const found: Cookies = []
      const handle = await driver.openWindow()
      for (const origin of origins) {
        await driver.inWindow(handle, 'POST', '/url', { url: origin + COOKIES_PATH })
        found.push(...(await driver.inWindow<Cookies>(handle, 'GET', '/cookie')))
      }
      await driver.inWindow(handle, 'DELETE', '/window')
      // A cookie of the whole site appears at each of its hosts.
      const byPlace = new Map(
        found.map((cookie) => [`${cookie.domain} ${cookie.path} ${cookie.name}`, cookie]),
      )
      return [...byPlace.values()]
    },
    async addCookies(cookies) {
      const handle = await driver.openWindow()
      for (const origin of origins) {
        await driver.inWindow(handle, 'POST', '/url', { url: origin + COOKIES_PATH })
        for (const cookie of cookies)
          if (new URL(origin).hostname === cookie.domain)
            await driver.inWindow(handle, 'POST', '/cookie', { cookie })
      }
      await driver.inWindow(handle, 'DELETE', '/window')
    },
    async addInitScript(script) {
      initScripts += `<script>(${script})()</script>`
    },
    async setOffline(value) {
      offline = value
    },
    async close() {
      release()
      await stop()
    },
  }
  return context
}

function withoutLength(headers: readonly string[]): readonly string[] {
  return headers.filter((_, index) => headers[index - (index % 2)]!.toLowerCase() !== 'content-length')
}
