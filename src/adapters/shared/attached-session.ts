import type { Sessions } from '../../core/api.ts'
import type { Exchange } from '../../http/exchange.ts'
import type { SessionsOverHttp } from '../../http/http.ts'
import type { RequestSession } from '../../http/request-session.ts'
import type { ClaimsObject } from '../../portable/claims.ts'

/**
 * What an adapter made of a request, for its guards and `sessionOf`. Each adapter has a place of its own
 * for it, whoever else writes to what the application sees as the session.
 */
export interface OpenedRequest {
  readonly sessions: unknown
  readonly http: SessionsOverHttp<ClaimsObject, unknown>
  readonly exchange: Exchange
  readonly session: RequestSession<ClaimsObject, unknown>
}

/** Forgets the types of claims and data, which only {@link sessionIn} can bring back. */
export function openedRequest<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  http: SessionsOverHttp<Claims, Data>,
  exchange: Exchange,
  session: RequestSession<Claims, Data>,
): OpenedRequest {
  return { sessions, http, exchange, session } as unknown as OpenedRequest
}

/**
 * The session of a request with the types of its claims and data, which are those of `sessions`.
 * @param mount - what to do first, as the error says it
 * @throws TypeError when the request was not opened with these sessions
 */
export function sessionIn<Claims extends object, Data>(
  found: OpenedRequest | null | undefined,
  sessions: Sessions<Claims, Data>,
  mount: string,
): RequestSession<Claims, Data> {
  if (found?.sessions !== sessions)
    throw new TypeError(`${mount}, with the same sessions, before using sessionOf()`)
  return found.session as unknown as RequestSession<Claims, Data>
}
