import { fileURLToPath } from 'node:url'
import { type Browser, firefox as playwright } from 'playwright-core'
import { type CookiePolicy, type Engine, PATIENCE } from './engine.ts'
import { findProgram } from './find-program.ts'
import { HOSTS } from './hosts.ts'

const RELAY = fileURLToPath(new URL('firefox-relay.js', import.meta.url))
/** `network.cookie.cookieBehavior`. The default, 5, partitions third-party cookies (Total Cookie Protection). */
const COOKIE_BEHAVIOR: Readonly<Record<CookiePolicy, number>> = { all: 0, 'no third party': 1, none: 2 }

/** One browser for each policy: its preferences apply to all of its contexts. */
const running = new Map<CookiePolicy | undefined, Promise<Browser>>()

/** The Firefox of the system, which Playwright drives by WebDriver BiDi. */
export const firefox: Engine = {
  program: process.env['PAWL_FIREFOX'] || findProgram(['firefox-esr', 'firefox']),
  remedy: 'run `apt-get install firefox-esr`, or set PAWL_FIREFOX to its path',

  async openContext({ cookies, ...options }) {
    const browser = running.get(cookies) ?? launch(cookies)
    running.set(cookies, browser)
    const context = await (await browser).newContext({ ...options, ignoreHTTPSErrors: true })
    context.setDefaultTimeout(PATIENCE)
    return context
  },

  async close() {
    const browsers = [...running.values()]
    running.clear()
    for (const browser of browsers) await (await browser).close()
  },
}

function launch(cookies: CookiePolicy | undefined): Promise<Browser> {
  return playwright.launch({
    channel: 'moz-firefox',
    executablePath: RELAY,
    env: { ...process.env, PAWL_FIREFOX: firefox.program },
    firefoxUserPrefs: {
      'network.dns.localDomains': HOSTS.join(','),
      // Playwright's preferences turn the back/forward cache off.
      'fission.bfcacheInParent': true,
      ...(cookies !== undefined && { 'network.cookie.cookieBehavior': COOKIE_BEHAVIOR[cookies] }),
    },
  })
}
