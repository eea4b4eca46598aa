import type { Sessions } from '../../core/api.ts'
import { internals } from '../../core/internals.ts'
import type { Reply } from '../../http/exchange.ts'
import { type SessionsOverHttp, sessionsOverHttp } from '../../http/http.ts'
import type { HttpOptions } from '../../http/options.ts'
import { problemOf, problemReply } from '../../http/problem.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { isSessionsError } from '../../portable/errors.ts'
import type { ActionExchange } from './exchange.ts'
import { createHandover, type Handover } from './handover.ts'

/** What is made once. Other copies of this module use it, so it needs nothing of theirs. */
export interface Started<Claims extends object, Data> {
  readonly sessions: Sessions<Claims, Data>
  readonly http: SessionsOverHttp<Claims, Data>
  readonly handover: Handover
  /** The first action of each request that has had one, by its headers. */
  readonly actions: WeakMap<object, Action<Claims, Data>>
  /** The session that a genuine access token names, however old. */
  sessionIdOf(accessToken: string): string | undefined
}

/** A Server Action. What it has made of the session is what `read` gives in the rest of the request. */
export interface Action<Claims extends object, Data> {
  readonly exchange: ActionExchange
  readonly session: RequestSession<Claims, Data>
}

/** Why there is nothing yet, and what to answer; null for a mistake in the program. */
export interface NotStarted {
  readonly error: unknown
  readonly reply: Reply | null
}

export type Start<Claims extends object, Data> = () => Promise<Started<Claims, Data> | NotStarted>

interface Shared {
  /** Two that differ in them are not the same thing, whatever their name. */
  readonly options: string
  attempt: Promise<unknown> | null
}

const KEY: unique symbol = Symbol.for('pawl.next')
const place = globalThis as typeof globalThis & { [KEY]?: Map<string, Shared> }

/**
 * Makes the sessions on first use, once in a process: Next evaluates a module once for each of its bundles,
 * and while developing again after each change. A failure is forgotten, so that the next request tries again.
 * @param fingerprint what all options come to, as text
 * @throws TypeError when others have the name
 */
export function shareByName<Claims extends object, Data>(
  name: string,
  fingerprint: string,
  create: () => Sessions<Claims, Data> | Promise<Sessions<Claims, Data>>,
  options: HttpOptions,
): Start<Claims, Data> {
  place[KEY] ??= new Map()
  const shared: Shared = place[KEY].get(name) ?? { options: fingerprint, attempt: null }
  if (shared.options !== fingerprint) {
    throw new TypeError(
      'nextSessions() has been called with other options: give each of several a `name`, or restart the server after a change of options',
    )
  }
  place[KEY].set(name, shared)

  async function attempt(): Promise<Started<Claims, Data> | NotStarted> {
    let sessions: Sessions<Claims, Data>
    try {
      // Not at once: what fails synchronously must not be forgotten before it has been remembered.
      sessions = await Promise.resolve().then(create)
    } catch (error) {
      shared.attempt = null
      return notStarted(error)
    }
    try {
      const { now, inspectAccessToken } = sessions[internals]
      return {
        sessions,
        http: sessionsOverHttp(sessions, options),
        handover: createHandover(now),
        actions: new WeakMap(),
        sessionIdOf: (token) => inspectAccessToken(token)?.sessionId,
      }
    } catch (wrongOptions) {
      // Remembered: what has been made already must not be made again with every request.
      return notStarted(wrongOptions)
    }
  }

  return () => {
    shared.attempt ??= attempt()
    return shared.attempt as Promise<Started<Claims, Data> | NotStarted>
  }
}

function notStarted(error: unknown): NotStarted {
  const problem = isSessionsError(error) ? problemOf(error) : null
  return { error, reply: problem === null ? null : problemReply(problem, false) }
}

/** For where nothing can be answered. @throws the error of `create` */
export async function startOrThrow<Claims extends object, Data>(
  start: Start<Claims, Data>,
): Promise<Started<Claims, Data>> {
  const started = await start()
  if ('error' in started) throw started.error
  return started
}

/** For where something can be. @throws the error of `create`, where that is no answer to a client */
export async function startOrReply<Claims extends object, Data>(
  start: Start<Claims, Data>,
): Promise<Started<Claims, Data> | { readonly reply: Reply }> {
  const started = await start()
  if (!('error' in started)) return started
  if (started.reply === null) throw started.error
  return { reply: started.reply }
}
