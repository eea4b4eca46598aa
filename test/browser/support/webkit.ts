import type { BrowserContext } from 'playwright-core'
import type { ContextOptions, Engine } from './engine.ts'
import { findProgram } from './find-program.ts'

export const webkit: Engine = {
  program: process.env['PAWL_WEBKIT'] || findProgram(['WebKitWebDriver']),
  remedy: 'run `apt-get install webkit2gtk-driver xvfb`, or set PAWL_WEBKIT to the path of WebKitWebDriver',
  openContext: openWebKit,
  close: async () => {},
}

async function openWebKit(_options: ContextOptions): Promise<BrowserContext> {
  throw new Error('not yet')
}
