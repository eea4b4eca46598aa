import type { Sessions, VerifiedSession } from '../core/api.ts'
import { check } from '../core/options.ts'
import type { Exchange, Reply, ResponseHead } from '../http/exchange.ts'
import { checkRequire, type RequireOptions, sessionsOverHttp } from '../http/http.ts'
import { readJsonBody } from '../http/json-body.ts'
import type { HttpOptions } from '../http/options.ts'
import type { RequestSession } from '../http/request-session.ts'

export type { CookieOptions, HttpOptions } from '../http/options.ts'
export type { RequestSession } from '../http/request-session.ts'

export interface FetchInfo extends RequireOptions {
  /** The client's address; a `Request` does not hold it. */
  readonly ip?: string | undefined
  /** Whether the handler needs a session; `maxAuthAge` and `lookup` imply it. @defaultValue false */
  readonly required?: boolean
}

export interface FetchSessions<Claims extends object, Data> {
  /** Answers a request: by Pawl where it is a route of its own or is refused, by the handler otherwise. */
  (
    request: Request,
    handler: (session: RequestSession<Claims, Data>) => Response | Promise<Response>,
    info?: FetchInfo,
  ): Promise<Response>
  /**
   * The session of a context that cannot set cookies (a Server Component, `auth_request`): it only
   * verifies, and cannot spend a refresh token.
   */
  read(request: { readonly headers: Pick<Headers, 'get'> }): VerifiedSession<Claims> | null
}

/**
 * Sessions for anything that speaks `Request` and `Response`.
 *
 * @example
 * const withSession = fetchSessions(sessions)
 * export const GET = (request: Request) =>
 *   withSession(request, (session) => Response.json({ id: session.userId }))
 *
 * @throws InvalidOptionsError
 */
export function fetchSessions<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  options?: HttpOptions,
): FetchSessions<Claims, Data> {
  const http = sessionsOverHttp(sessions, options)

  async function withPawlSession(
    request: Request,
    handler: (session: RequestSession<Claims, Data>) => Response | Promise<Response>,
    { ip, required, ...require }: FetchInfo = {},
  ): Promise<Response> {
    checkRequire(require)
    if (required !== undefined) check.boolean('required', required)
    const changes: HeadChanges = { list: [], applied: false }
    const exchange = fetchExchange(request, ip, changes)
    const { reply, session } = await http.open(exchange)
    if (reply !== undefined) return withHead(toResponse(reply), changes)
    const requires =
      required === true || Object.values(require).some((value) => value !== undefined && value !== false)
    const refused = requires ? await http.refuse(exchange, session, require) : null
    if (refused !== null) return withHead(toResponse(refused), changes)
    try {
      return withHead(await handler(session), changes)
    } catch (error) {
      const answer = http.answer(exchange, session, error)
      if (answer === null) throw error
      return withHead(toResponse(answer), changes)
    }
  }

  return Object.assign(withPawlSession, {
    read: ({ headers }: { readonly headers: Pick<Headers, 'get'> }) =>
      http.read({ header: (name) => headers.get(name) ?? undefined }),
  })
}

/** What is to happen to the head of the response, until it has. */
interface HeadChanges {
  readonly list: ((head: ResponseHead) => void)[]
  applied: boolean
}

function fetchExchange(request: Request, ip: string | undefined, changes: HeadChanges): Exchange {
  const url = new URL(request.url)
  return {
    method: request.method,
    target: url.pathname + url.search,
    // A `Request` built by hand has no Host header; its URL says the same.
    header: (name) => request.headers.get(name) ?? (name === 'host' ? url.host : undefined),
    secure: url.protocol === 'https:',
    ip,
    peer: undefined,
    signal: request.signal,
    json: () =>
      readJsonBody(request.headers.get('content-type'), request.body as AsyncIterable<Uint8Array> | null),
    beforeHead(change) {
      if (changes.applied)
        throw new TypeError('the response has been returned: its cookies can no longer be set')
      changes.list.push(change)
    },
  }
}

/** A response from elsewhere may be immutable, so its head is changed in a copy. */
function withHead(response: Response, changes: HeadChanges): Response {
  changes.applied = true
  if (changes.list.length === 0) return response
  const headers = new Headers(response.headers)
  const head: ResponseHead = {
    get: (name) => headers.get(name) ?? undefined,
    set: (name, value) => headers.set(name, value),
    append: (name, value) => headers.append(name, value),
  }
  for (const change of changes.list) change(head)
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers })
}

function toResponse({ status, headers, body }: Reply): Response {
  return new Response(body, {
    status,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
  })
}
