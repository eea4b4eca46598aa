import type { VerifiedSession } from '../core/api.ts'
import type { WaitUntil } from '../core/on-demand.ts'
import type { CsrfRejectedError } from '../portable/errors.ts'
import type { Exchange, Reply } from './exchange.ts'
import type { CookieSet, RequireOptions } from './options/resolve.ts'
import type { RequestSession } from './request-session.ts'

/** An answer of Pawl's own, with the error if it refuses a forged request, or a session for the application to use. */
export type Handled<Claims extends object, Data> =
  | { readonly reply: Reply; readonly rejection?: CsrfRejectedError; readonly session?: undefined }
  | { readonly session: RequestSession<Claims, Data>; readonly reply?: undefined }

/** Sessions over HTTP, in terms of an {@link Exchange}. Each adapter maps one framework to it. */
export interface SessionsOverHttp<Claims extends object, Data> {
  /**
   * Handles a request before the application does. Returns a promise only if the store is needed.
   * @param waited how long the request has waited for the sessions, in ms: a refresh is decided by when it arrived
   */
  handle(exchange: Exchange, waited?: number): Handled<Claims, Data> | Promise<Handled<Claims, Data>>
  /**
   * With `serverless`: writes what a request has proved and changed. An adapter waits for it before it ends an answer.
   * `null` if there is nothing to wait for. Never rejects.
   * @param waitUntil the platform's, for this request
   */
  settle(waitUntil?: WaitUntil): Promise<void> | null
  /** The answer to a request that does not meet what a route requires; null if it does. */
  authorize(
    session: RequestSession<Claims, Data>,
    options?: RequireOptions,
  ): Reply | null | Promise<Reply | null>
  /** The answer to an error that a handler threw; null if the error is not Pawl's. */
  answer(session: RequestSession<Claims, Data>, error: unknown): Reply | null
  /**
   * The session of a context that cannot set cookies. It is verified and never refreshed. A promise if the adapter got no
   * sessions but a promise of them or a function.
   */
  read(
    exchange: Pick<Exchange, 'header'>,
  ): VerifiedSession<Claims> | null | Promise<VerifiedSession<Claims> | null>
  /** As {@link read}; with the revocation mode `lookup` it also reads the row. */
  readAsync(exchange: Pick<Exchange, 'header'>): Promise<VerifiedSession<Claims> | null>
  /**
   * For frameworks that send the head long after the answer was returned. If the request was refreshed inline, the
   * redirect that makes the browser send it again with its new cookies; null if it has just done so.
   */
  redirectAfterRefresh(session: RequestSession<Claims, Data>): Reply | null
  /** The names of the cookies that the exchange uses. */
  cookiesOf(exchange: Exchange): CookieSet
}
