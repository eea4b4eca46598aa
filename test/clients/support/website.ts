import type { BrowserContext, Page } from '../../browser/support/browser.ts'
import type { Client, ClientCalls, TransferMode } from './client.ts'
import type { PageClient } from './page.ts'
import type { ClientSite } from './site.ts'

/** A tab of a browser with `supertokens-website`. */
export interface WebsiteTab extends Client {
  readonly page: Page
}

export interface TabOptions {
  readonly mode: TransferMode
  /** False: without the lock that the tabs of a browser share. */
  readonly lock?: boolean
  /** The origin of the page, by default that of the site. */
  readonly origin?: string
  /** `sessionTokenFrontendDomain` */
  readonly domain?: string
}

export async function openTab(
  context: BrowserContext,
  site: Pick<ClientSite, 'origin' | 'api'>,
  { mode, lock = true, origin = site.origin, domain = '' }: TabOptions,
): Promise<WebsiteTab> {
  const page = await context.newPage()
  await page.goto(`${origin}/?${new URLSearchParams({ api: site.api, mode, lock: `${lock}`, domain })}`)
  const call =
    <Name extends keyof ClientCalls>(name: Name) =>
    (...given: Parameters<ClientCalls[Name]>): ReturnType<ClientCalls[Name]> =>
      page.evaluate(
        ([name, given]) =>
          ((window.client as PageClient)[name] as (...given: unknown[]) => Promise<never>)(...given),
        [name, given] as const,
      ) as unknown as ReturnType<ClientCalls[Name]>
  const ask = call('ask')
  const events: Client['events'] = () => page.evaluate(() => window.client.seen.splice(0))
  return {
    page,
    ask,
    exists: call('exists'),
    userId: call('userId'),
    payload: call('payload'),
    accessToken: call('accessToken'),
    refresh: call('refresh'),
    signOut: call('signOut'),
    shift: call('shift'),
    login: (user = 'anna') => ask('/login', { method: 'POST', body: { user } }),
    events,
    end: () => page.close(),
    actions: async () => (await events()).map(({ action }) => action),
  }
}
