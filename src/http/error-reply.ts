import { type AnySessionsError, isSessionsError } from '../portable/errors.ts'
import { isLoopbackHost } from '../portable/loopback.ts'
import { type Transport, transportOf } from '../wire/credentials.ts'
import type { Exchange, Reply } from './exchange.ts'
import { isPageLoad } from './page-load.ts'
import { problemOf, problemReply } from './problem.ts'
import { problemPage } from './problem-page.ts'

/** What the answer to an error depends on. */
interface Asked {
  readonly exchange: Exchange
  readonly transport?: Transport
  /** `localCookies` is null in production. */
  readonly options: { readonly localCookies: object | null }
}

/** The answer to an error of Pawl, a page for a page load and JSON for everything else; null for any other error. */
export function errorReply(
  { exchange, transport = transportOf(exchange), options }: Asked,
  error: unknown,
  cookies: readonly string[] = [],
): Reply | null {
  const problem = isSessionsError(error) ? problemOf(error) : null
  if (problem === null) return null
  if (transport === 'bearer' || !isPageLoad(exchange))
    return problemReply(problem, transport === 'bearer', cookies)
  const host = exchange.header('host')?.replace(/:\d+$/, '') ?? ''
  const isLocal = options.localCookies !== null && isLoopbackHost(host)
  return problemPage(problem, isLocal && isOfUnknownSecret(error as AnySessionsError), cookies)
}

function isOfUnknownSecret({ code }: AnySessionsError): boolean {
  return code === 'ERR_SECRET_UNKNOWN'
}
