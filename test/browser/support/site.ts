import type { RequestListener } from 'node:http'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type HttpOptions, nodeSessions, type WithSession } from '../../../src/adapters/node/index.ts'
import type { ClaimsObject, SessionEvents, Sessions, SessionsOptions } from '../../../src/index.ts'
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts'
import { listen as listenHttp } from '../../support/http-server.ts'
import { listen, openSessions } from '../../support/sessions.ts'
import { type Application, pageApplication } from './applications.ts'
import { API, APP } from './hosts.ts'
import { type Network, openNetwork } from './network.ts'

export const REFRESH = 'POST /session/refresh'

/** A site over HTTPS, with the cookies of production. */
export interface Site {
  /** `https://app.example.com` with a port. */
  readonly origin: string
  /** The origin of another host of the same server. */
  at(host: string): string
  readonly sessions: Sessions
  readonly clock: FakeClock
  readonly network: Network
  /** The notes that users have written, as `user: text`. */
  readonly notes: string[]
  readonly refreshed: SessionEvents['refreshed'][]
  readonly ended: SessionEvents['ended'][]
  /** Advances the clock, by default until access tokens have expired. */
  expire(seconds?: number): void
  /** Number of refreshes that have reached the server. */
  refreshes(): number
}

export interface SiteOptions {
  readonly http?: (at: (host: string) => string) => HttpOptions
  readonly sessions?: Partial<SessionsOptions>
  readonly clock?: FakeClock
  readonly application?: Application
  /** The hosts of the application. All others show an empty page. */
  readonly hosts?: readonly string[]
}

let script: Promise<string> | undefined

export async function openSite(given: SiteOptions = {}): Promise<Site> {
  const { clock = createFakeClock(), application = pageApplication, hosts = [APP, API] } = given
  const network = await openNetwork()
  const at = (host: string): string => `https://${host}:${network.port}`
  const sessions = await openSessions({
    now: clock.now,
    // The clock of the test stands still, so the limit per minute would never reset.
    limits: { refreshesPerMinute: null },
    ...given.sessions,
  })
  const withSession: WithSession<ClaimsObject, unknown> = nodeSessions(sessions, given.http?.(at))
  const notes: string[] = []
  const listener: RequestListener = application({ withSession, notes, script: await pageScript() })
  network.lead(hosts, await listenHttp(listener))
  return {
    origin: at(APP),
    at,
    sessions,
    clock,
    network,
    notes,
    refreshed: listen(sessions, 'refreshed'),
    ended: listen(sessions, 'ended'),
    expire: (seconds = 3600) => clock.advance(seconds),
    refreshes: () => network.count(REFRESH),
  }
}

/** Bundles the page's script into one file, as an application does. */
export function pageScript(): Promise<string> {
  script ??= build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  }).then(({ outputFiles }) => outputFiles[0]!.text)
  return script
}
