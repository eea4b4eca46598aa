import type { Sessions, VerifiedSession } from '../../core/api.ts'
import {
  checkRequire,
  type RequireOptions,
  type SessionsSource,
  sessionsOverHttp,
  settling,
} from '../../http/http.ts'
import type { HttpOptions } from '../../http/options/resolve.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { assertHandler } from '../../http/uncalled.ts'
import { flag } from '../../portable/options/values.ts'
import { assertFramework } from '../shared/assert-framework.ts'
import { fetchExchange, toResponse } from '../shared/fetch-exchange.ts'

export type { CookieOptions, HttpOptions } from '../../http/options/resolve.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'

const VERSIONS = 'a `Request` of the Fetch standard (with one of `node:http` use pawl/node)'

/** The address of the client, and the requirements of the handler. */
export interface FetchInfo extends RequireOptions {
  /** The address of the client, which a `Request` does not hold. @defaultValue unknown */
  readonly ip?: string | undefined
  /** Whether the handler needs a session; each of the other requirements implies it. @defaultValue false */
  readonly required?: boolean
}

/** A function that adds sessions to handlers of the Fetch standard. {@link fetchSessions} makes it. */
export interface FetchSessions<Claims extends object, Data, Read = VerifiedSession<Claims> | null> {
  /**
   * Answers a request. Pawl answers its own routes, the requests that it refuses, and the errors of Pawl that the handler
   * throws. The handler answers all others.
   * @throws InvalidOptionsError for an unknown or wrong requirement
   * @throws TypeError if `handler` is not a function, or `request` is not a `Request`
   */
  (
    request: Request,
    handler: (session: RequestSession<Claims, Data>) => Response | Promise<Response>,
    info?: FetchInfo,
  ): Promise<Response>
  /**
   * Reads the session in a context that cannot set cookies, such as a Server Component or `auth_request`. Pawl verifies it
   * and never refreshes it. If `fetchSessions` got a promise or a function, this returns a promise, which rejects while the
   * sessions cannot be made.
   * @returns null without a session
   * @throws TryAgainError, StoreUnavailableError or SecretUnknownError if Pawl cannot tell now whether there is a session
   */
  read(request: { readonly headers: Pick<Headers, 'get'> }): Read
}

/**
 * Makes the function that adds sessions to anything that speaks `Request` and `Response` (Fetch standard). It serves the
 * refresh and logout routes, and refuses cross-site requests that may change state.
 *
 * @example
 * const withSession = fetchSessions(sessions)
 * export const GET = (request: Request) =>
 *   withSession(request, (session) => Response.json({ id: session.userId }))
 *
 * @throws InvalidOptionsError for an unknown or wrong option
 * @throws TypeError if `sessions` are neither sessions, nor a promise of them, nor a function that makes them
 */
export function fetchSessions<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  options?: HttpOptions,
): FetchSessions<Claims, Data>
/**
 * Does the same for a promise of sessions, or a function that makes them. Its `read` returns a promise.
 * @throws InvalidOptionsError for an unknown or wrong option
 * @throws TypeError if `sessions` are neither sessions, nor a promise of them, nor a function that makes them
 */
export function fetchSessions<Claims extends object, Data>(
  sessions: SessionsSource<Claims, Data>,
  options?: HttpOptions,
): FetchSessions<Claims, Data, Promise<VerifiedSession<Claims> | null>>
export function fetchSessions<Claims extends object, Data>(
  sessions: SessionsSource<Claims, Data>,
  options?: HttpOptions,
): FetchSessions<Claims, Data, VerifiedSession<Claims> | null | Promise<VerifiedSession<Claims> | null>> {
  const http = sessionsOverHttp(sessions, options, 'fetchSessions')

  async function withPawlSession(
    request: Request,
    handler: (session: RequestSession<Claims, Data>) => Response | Promise<Response>,
    { ip, required, ...require }: FetchInfo = {},
  ): Promise<Response> {
    assertHandler('withSession(request, (session) => …)', handler)
    checkRequire(require)
    if (required !== undefined) flag().check('required', required)
    assertFramework(typeof request?.headers?.get === 'function', 'fetchSessions', VERSIONS)
    const exchange = fetchExchange(request, { ip })
    return settling(http, async () => {
      const { reply, session } = await http.handle(exchange)
      if (reply !== undefined) return exchange.finish(toResponse(reply))
      const requires = required === true || Object.values(require).some((value) => value !== undefined)
      const refused = requires ? await http.authorize(session, require) : null
      if (refused !== null) return exchange.finish(toResponse(refused))
      try {
        return exchange.finish(await handler(session))
      } catch (error) {
        const answer = http.answer(session, error)
        if (answer === null) throw error
        return exchange.finish(toResponse(answer))
      }
    })
  }

  return Object.assign(withPawlSession, {
    read: ({ headers }: { readonly headers: Pick<Headers, 'get'> }) =>
      http.read({ header: (name) => headers.get(name) ?? undefined }),
  })
}
