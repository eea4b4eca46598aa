import type { Cookie } from 'playwright-core'

/*
 * The part of Playwright's interface that the tests use. WebKit has no Playwright here, so it implements this part.
 */

export type StoredCookie = Pick<
  Cookie,
  'name' | 'value' | 'domain' | 'path' | 'httpOnly' | 'secure' | 'sameSite'
>

/** Cookies of their own, and the tabs that share them. */
export interface BrowserContext {
  newPage(): Promise<Page>
  cookies(): Promise<StoredCookie[]>
  /** Adds cookies. WebKit does so only for sites that the context has visited. */
  addCookies(cookies: readonly StoredCookie[]): Promise<void>
  /** Runs a script in every page before its own scripts. */
  addInitScript(script: () => void): Promise<unknown>
  setOffline(offline: boolean): Promise<void>
  close(): Promise<void>
}

/** A tab. */
export interface Page extends Queries {
  context(): BrowserContext
  goto(url: string): Promise<unknown>
  reload(): Promise<unknown>
  /** The address as last seen. */
  url(): string
  title(): Promise<string>
  /** Runs a function in the page. Rejects if the page is left before its result. */
  evaluate<R, A = void>(script: (given: A) => R | Promise<R>, given?: A): Promise<R>
  waitForFunction<A = void>(condition: (given: A) => unknown, given?: A): Promise<unknown>
  /** @param url may contain `**` for any text */
  waitForURL(url: string): Promise<void>
  waitForLoadState(state: 'load'): Promise<void>
  fill(css: string, text: string): Promise<unknown>
  click(css: string): Promise<unknown>
  textContent(css: string): Promise<string | null>
  close(): Promise<void>
}

/** Finds elements. */
export interface Queries {
  locator(css: string): Locator
  getByRole(role: 'button' | 'heading' | 'img', options: { name: string; exact?: boolean }): Locator
  getByText(text: string | RegExp): Locator
  getByLabel(text: string): Locator
}

/** Elements that are looked for at each use. An action waits for the first of them. */
export interface Locator {
  first(): Locator
  click(): Promise<void>
  fill(text: string): Promise<void>
  textContent(): Promise<string | null>
  allTextContents(): Promise<string[]>
  isVisible(): Promise<boolean>
  waitFor(options?: { state: 'visible' | 'hidden' }): Promise<void>
}
