import type { Sessions } from '../../core/api.ts'
import { ENGINE } from '../../core/engine.ts'
import { isSessions, openSource } from '../../core/start/sessions-source.ts'
import type { Exchange, Reply } from '../../http/exchange.ts'
import { type SessionsOverHttp, type SessionsSource, sessionsOverHttp } from '../../http/http.ts'
import { notStartedReply } from '../../http/lazy-http.ts'
import type { HttpOptions } from '../../http/options/resolve.ts'
import type { RequestSession } from '../../http/request-session.ts'
import type { ActionExchange } from './exchange.ts'
import { createHandover, type Handover } from './handover.ts'
import type { Setup } from './setup.ts'

/** Made once in a process. Other copies of this module use it, so it depends on none of their state. */
export interface Started<Claims extends object, Data> {
  readonly sessions: Sessions<Claims, Data>
  readonly http: SessionsOverHttp<Claims, Data>
  readonly handover: Handover
  /** The first action of each request, by the request's headers. */
  readonly actions: WeakMap<object, Action<Claims, Data>>
  /** The session that a genuine access token names, however old. */
  sessionIdOf(accessToken: string): string | null
}

/** A Server Action. For the rest of the request, `read` returns the session as the action left it. */
export interface Action<Claims extends object, Data> {
  readonly exchange: ActionExchange
  readonly session: RequestSession<Claims, Data>
}

/** A failed start. */
export interface NotStarted {
  readonly error: unknown
  /** Whether the sessions do not allow the options. No later request can succeed. */
  readonly isMistake: boolean
}

export type Start<Claims extends object, Data> = () => Promise<Started<Claims, Data> | NotStarted>

interface Shared {
  /** A second call under the same name must have the same options. */
  readonly options: string
  attempt: Promise<unknown> | null
}

const KEY: unique symbol = Symbol.for('pawl.next')
const registry = globalThis as typeof globalThis & { [KEY]?: Map<string, Shared> }

/**
 * Makes the sessions on first use, once in a process. Next evaluates a module once for each of its bundles, and in
 * development again after each change. After a failure a later request tries again.
 * @param fingerprint all options as text
 * @throws TypeError if the name is taken with other options
 */
export function shareByName<Claims extends object, Data>(
  name: string,
  fingerprint: string,
  source: SessionsSource<Claims, Data>,
  options: HttpOptions,
): Start<Claims, Data> {
  const opened = openSource(source, 'nextSessions')
  registry[KEY] ??= new Map()
  const shared: Shared = registry[KEY].get(name) ?? { options: fingerprint, attempt: null }
  if (shared.options !== fingerprint) {
    throw new TypeError(
      'nextSessions() has been called with other options: give each of several a `name`, or restart the server after a change of options',
    )
  }
  registry[KEY].set(name, shared)

  async function attempt(): Promise<Started<Claims, Data> | NotStarted> {
    let sessions: Sessions<Claims, Data>
    try {
      sessions = isSessions<Claims, Data>(opened) ? opened : await opened.get()
    } catch (error) {
      shared.attempt = null
      return { error, isMistake: false }
    }
    try {
      const engine = sessions[ENGINE]
      return {
        sessions,
        http: sessionsOverHttp(sessions, options, 'nextSessions'),
        handover: createHandover(engine.clock.now),
        actions: new WeakMap(),
        sessionIdOf: (token) => engine.identify(token)?.sessionId ?? null,
      }
    } catch (wrongOptions) {
      // Not reset: sessions that exist already must not be created again with every request.
      return { error: wrongOptions, isMistake: true }
    }
  }

  return () => {
    shared.attempt ??= attempt()
    return shared.attempt as Promise<Started<Claims, Data> | NotStarted>
  }
}

/** For callers that cannot answer. @throws the error of `create` */
export async function startOrThrow<Claims extends object, Data>(
  start: Start<Claims, Data>,
): Promise<Started<Claims, Data>> {
  const started = await start()
  if ('error' in started) throw started.error
  return started
}

/** For callers that can answer. @throws InvalidOptionsError if the sessions do not allow the options */
export async function startOrReply<Claims extends object, Data>(
  { start, options }: Setup<Claims, Data>,
  exchange: Exchange,
): Promise<Started<Claims, Data> | { readonly reply: Reply }> {
  const started = await start()
  if (!('error' in started)) return started
  if (started.isMistake) throw started.error
  return { reply: notStartedReply({ exchange, options }, started.error) }
}
