import type { Protocol } from '../../../src/cli/commands/conformance/scenario.ts'
import type { Driven } from './drive.ts'
import { type NaiveStorage, naiveClient } from './naive-client.ts'
import { nativeApps } from './native-app.ts'
import { bearerApp, cookiePage } from './pawl-client.ts'
import { websitePages } from './website-page.ts'

export interface NamedClient {
  readonly name: string
  readonly protocol: Protocol
  open(): Promise<(isFresh: boolean, url: string) => Driven>
}

/** The clients in the table of `docs/reference/conformance.md`. */
export const CONFORMANCE_CLIENTS: readonly NamedClient[] = [
  { name: '`pawl/client`, bearer', protocol: 'bearer', open: async () => bearerApp() },
  { name: '`pawl/client`, cookie', protocol: 'cookie', open: async () => cookiePage() },
  { name: '`supertokens-website`, header', protocol: 'fdi', open: () => websitePages('header') },
  { name: '`supertokens-website`, cookie', protocol: 'fdi', open: () => websitePages('cookie') },
  { name: '`supertokens-react-native`', protocol: 'fdi', open: () => nativeApps('header') },
  { name: 'naive, bearer', protocol: 'bearer', open: async () => naiveApp() },
]

function naiveApp(): (isFresh: boolean, url: string) => Driven {
  let storage: NaiveStorage = { tokens: null }
  return (isFresh, url) => {
    if (isFresh) storage = { tokens: null }
    return naiveClient(url, storage)
  }
}
