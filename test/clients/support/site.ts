import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { HttpOptions } from '../../../src/adapters/node/index.ts'
import type { SessionsOptions } from '../../../src/index.ts'
import { supertokens } from '../../../src/supertokens/index.ts'
import { API, APP } from '../../browser/support/hosts.ts'
import { openSite, type Site } from '../../browser/support/site.ts'
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts'
import { apiApplication } from './application.ts'

export const REFRESH = 'POST /auth/session/refresh'
export const SIGN_OUT = 'POST /auth/signout'

/** A site whose API serves the clients of SuperTokens on a subdomain of its own. */
export interface ClientSite extends Site {
  /** The origin of the API: `https://api.example.com` with a port. */
  readonly api: string
}

export interface ClientSiteOptions {
  /** Further hosts that show the page and may call the API. */
  readonly pages?: readonly string[]
  readonly http?: HttpOptions
  readonly sessions?: Partial<SessionsOptions>
  /** By default it starts at the time of this machine, which is the clients' time. */
  readonly clock?: FakeClock
}

export async function openClientSite(given: ClientSiteOptions = {}): Promise<ClientSite> {
  const pages = [APP, ...(given.pages ?? [])]
  const site = await openSite({
    hosts: [...pages, API],
    application: apiApplication(await websiteScript()),
    clock: given.clock ?? createFakeClock(Date.now()),
    http: (at) => ({
      trustedOrigins: pages.map(at),
      cors: true,
      protocol: supertokens({ apiBasePath: '/auth' }),
      ...given.http,
    }),
    ...(given.sessions && { sessions: { limits: { refreshesPerMinute: null }, ...given.sessions } }),
  })
  return { ...site, api: site.at(API), refreshes: () => site.network.count(REFRESH) }
}

let script: Promise<string> | undefined

/** Bundles the page's script with `supertokens-website` from npm into one file. */
function websiteScript(): Promise<string> {
  script ??= build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    define: { global: 'globalThis' },
    write: false,
    logLevel: 'silent',
  }).then(({ outputFiles }) => outputFiles[0]!.text)
  return script
}
