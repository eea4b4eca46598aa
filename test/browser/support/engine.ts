import type { BrowserContextOptions } from 'playwright-core'
import type { BrowserContext } from './browser.ts'

/** Longest wait of a test for a browser, in ms. */
export const PATIENCE = 90_000

export interface ContextOptions extends Pick<BrowserContextOptions, 'javaScriptEnabled' | 'viewport'> {
  /** The cookies that the browser keeps. Undefined: as the engine is delivered. */
  readonly cookies?: CookiePolicy
}

export type CookiePolicy = 'all' | 'no third party' | 'none'

/** A browser engine, by the part of Playwright's interface that the tests use. */
export interface Engine {
  /** The path of its program, or undefined if this machine has none. */
  readonly program: string | undefined
  /** How to install it, as the end of a sentence. */
  readonly remedy: string
  /** Opens a context with its own cookies and tabs. */
  openContext(options: ContextOptions): Promise<BrowserContext>
  /** Stops and removes what is left after all contexts are closed. */
  close(): Promise<void>
}
