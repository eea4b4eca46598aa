import { CsrfRejectedError } from '../portable/errors.ts'
import { assertProven } from './device-requirements.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { isOfHost } from './origin.ts'
import type { RequestSession } from './request-session.ts'

/**
 * Whoever can make a browser redeem a code of its own signs the user in as somebody else (login CSRF). The adapters have refused
 * what another site sends. A link may not redeem either, nor the form of another site that a service worker passes on.
 * @throws TypeError for a request that a link can make
 * @throws CsrfRejectedError
 */
export function assertMayRedeem<Claims extends object, Data>(request: IncomingRequest<Claims, Data>): void {
  if (request.isSafeMethod)
    throw new TypeError('`redeem` takes a POST: a link that anybody can send must not sign the user in')
  if (request.usesCookies && request.mayBePassedOn) throw new CsrfRejectedError('sec-fetch-site')
}

/**
 * The origin that a request has reached. The host is that of the header `Host`. The page tells the scheme, or else the
 * connection does. Behind a proxy that hides itself an encrypted request looks like a plain one, so that may have either.
 */
export function originsOf<Claims extends object, Data>({
  exchange,
}: IncomingRequest<Claims, Data>): string[] {
  const host = exchange.header('host')
  const page = exchange.header('origin')
  if (page !== undefined && isOfHost(page, host)) return [new URL(page).origin]
  const schemes = exchange.secure ? ['https'] : ['https', 'http']
  return schemes
    .map((scheme) => `${scheme}://${host}`)
    .flatMap((origin) => (URL.canParse(origin) ? new URL(origin).origin : []))
}

/** Whether the request has a proof of the device that its session is bound to. */
export function isProven<Claims extends object, Data>(session: RequestSession<Claims, Data>): boolean {
  try {
    assertProven(session)
    return true
  } catch {
    return false
  }
}
