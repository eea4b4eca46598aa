import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Browser,
  type BrowserContext,
  type CDPSession,
  type LaunchOptions,
  type Page as PlaywrightPage,
  chromium as playwright,
} from 'playwright-core'
import type { Page } from './browser.ts'
import { type CookiePolicy, type Engine, PATIENCE } from './engine.ts'
import { findProgram } from './find-program.ts'
import { HOSTS } from './hosts.ts'
import { trustedKey } from './identity.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
/** The preferences of a profile, by what Chromium's settings page writes. */
const PREFERENCES: Readonly<Record<CookiePolicy, object>> = {
  all: { cookie_controls_mode: 0 },
  'no third party': { cookie_controls_mode: 1 },
  none: { default_content_setting_values: { cookies: 2 } },
}

const FEATURES = [
  // Keys in software, and as many signatures as a test needs: Chromium allows a site six in nine minutes.
  'DeviceBoundSessions:RefreshQuota/false',
  'EnableBoundSessionCredentialsSoftwareKeysForManualTesting',
  // Those of Playwright, whose list this one replaces: without the first, a screenshot never ends.
  'CDPScreenshotNewSurface',
  'SkipListAccountsWithoutGaiaCookies',
]

const profiles: string[] = []
let running: Promise<Browser> | undefined

export const chromium: Engine = {
  program: process.env['PAWL_CHROMIUM'] || findProgram(NAMES, ELSEWHERE),
  remedy: 'run `apt-get install chromium`, or set PAWL_CHROMIUM to its path',

  async openContext({ cookies, ...options }) {
    // A context of a running browser is incognito, where Chromium blocks third-party cookies whatever the profile says.
    let context: BrowserContext
    if (cookies === undefined) {
      running ??= playwright.launch(launchOptions())
      context = await (await running).newContext(options)
    } else {
      const profile = await createProfile(cookies)
      context = await playwright.launchPersistentContext(profile, { ...launchOptions(), ...options })
    }
    context.setDefaultTimeout(PATIENCE)
    return context
  },

  async close() {
    await (await running)?.close()
    running = undefined
    // Chromium may still be writing.
    for (const profile of profiles.splice(0))
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  },
}

/** The DevTools protocol of a tab of Chromium. */
export function openDevtools(page: Page): Promise<CDPSession> {
  const tab = page as PlaywrightPage
  return tab.context().newCDPSession(tab)
}

/** The options that start every Chromium of the tests. Nothing is downloaded. */
function launchOptions(): LaunchOptions {
  return {
    executablePath: chromium.program!,
    args: [
      // Chromium refuses to run its sandbox as root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      `--host-resolver-rules=${HOSTS.map((host) => `MAP ${host} 127.0.0.1`).join(', ')}`,
      // With the switch that ignores every certificate error, Chromium binds no session to a key, and does not say so.
      `--ignore-certificate-errors-spki-list=${trustedKey}`,
      `--enable-features=${FEATURES.join(',')}`,
      '--renderer-process-limit=4',
    ],
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  }
}

async function createProfile(cookies: CookiePolicy): Promise<string> {
  const profile = await mkdtemp(join(tmpdir(), 'pawl-browser-'))
  profiles.push(profile)
  await mkdir(join(profile, 'Default'))
  const preferences = JSON.stringify({ profile: PREFERENCES[cookies] })
  await writeFile(join(profile, 'Default', 'Preferences'), preferences)
  return profile
}
