import type { BrowserContext, Page } from './browser.ts'
import type { Got } from './page.ts'
import type { Site } from './site.ts'

/** A tab that shows the page under test. */
export interface Tab {
  readonly page: Page
  ask(path?: string, init?: RequestInit): Promise<Got>
  login(user?: string): Promise<boolean>
  signOut(): Promise<void>
  /** Waits until the page shows this user; null: that nobody is signed in. */
  shows(user: string | null): Promise<void>
  problems(): Promise<string[]>
  /** How often the status became `signed-out` since the page was loaded. */
  logouts(): Promise<number>
}

export async function openTab(
  context: BrowserContext,
  { origin }: Pick<Site, 'origin'>,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Tab> {
  const page = await context.newPage()
  await page.goto(`${origin}/?${new URLSearchParams(parameters)}`)
  return tabOf(page)
}

export function tabOf(page: Page): Tab {
  return {
    page,
    ask: (path = '/me', init = {}) =>
      page.evaluate(([path, init]) => window.tab.ask(path, init), [path, init] as const),
    login: (user = 'anna') => page.evaluate((user) => window.tab.login(user), user),
    signOut: () => page.evaluate(() => window.tab.client.signOut()),
    async shows(user) {
      await page.waitForFunction(
        (text) => document.body.textContent === text,
        user === null ? 'Nobody, as far as is known (signed-out)' : `Hello ${user}`,
      )
    },
    problems: () => page.evaluate(() => window.tab.problems),
    logouts: () => page.evaluate(() => window.tab.logouts),
  }
}

/** Opens tabs of one browser, all of them signed in. */
export async function openTabs(context: BrowserContext, site: Site, count: number): Promise<Tab[]> {
  const tabs: Tab[] = []
  for (let index = 0; index < count; index++) tabs.push(await openTab(context, site))
  await tabs[0]!.login()
  for (const tab of tabs) {
    await tab.ask()
    await tab.page.evaluate(() => window.tab.client.check())
  }
  return tabs
}

/** Removes Web Locks and BroadcastChannel, so that tabs cannot coordinate. */
export async function withoutCoordination(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })
    Object.assign(globalThis, { BroadcastChannel: undefined })
  })
}
