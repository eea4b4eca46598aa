import type { SessionsOverHttp, SessionsSource } from '../../http/http.ts'
import type { RequestSession } from '../../http/request-session.ts'
import type { ClaimsObject } from '../../portable/claims.ts'

/** The session of one request, for the guards, the error handlers and `sessionOf` of an adapter. */
export interface AttachedSession {
  /** What the adapter got. */
  readonly source: unknown
  readonly http: SessionsOverHttp<ClaimsObject, unknown>
  readonly session: RequestSession<ClaimsObject, unknown>
}

/** A property of its own: applications and other libraries may write to `request.session`. */
const attached: unique symbol = Symbol('pawl.session')

interface Carrier {
  [attached]?: AttachedSession
}

/**
 * @param carrier the framework's object that lives as long as the request
 */
export function attach<Claims extends object, Data>(
  carrier: object,
  source: SessionsSource<Claims, Data>,
  http: SessionsOverHttp<Claims, Data>,
  session: RequestSession<Claims, Data>,
): void {
  // The types of claims and data are forgotten here; `sessionIn` restores them.
  ;(carrier as Carrier)[attached] = { source, http, session } as unknown as AttachedSession
}

/** @returns undefined if the adapter has not seen the request */
export function attachedOf(carrier: object): AttachedSession | undefined {
  return (carrier as Carrier)[attached]
}

/** @throws TypeError saying what to do first */
export function requireAttached(carrier: object, advice: string): AttachedSession {
  const found = attachedOf(carrier)
  if (found === undefined) throw new TypeError(`${advice} before requireSession()`)
  return found
}

/**
 * The session of a request with the types of its claims and data, which are those of `sessions`.
 * @param advice what to do first, for the error
 * @throws TypeError when the request has no session of these sessions
 */
export function sessionIn<Claims extends object, Data>(
  found: AttachedSession | undefined,
  sessions: SessionsSource<Claims, Data>,
  advice: string,
): RequestSession<Claims, Data> {
  if (sessions === undefined)
    throw new TypeError('sessionOf() takes the sessions too: sessionOf(request, sessions)')
  const isOf = (own: unknown): boolean => own === sessions
  if (found === undefined || !(isOf(found.source) || isOf(found.session.request.sessions)))
    throw new TypeError(`${advice}, with the same sessions, before using sessionOf()`)
  return found.session as unknown as RequestSession<Claims, Data>
}
