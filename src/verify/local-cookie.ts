import { cookieTokens, type HeaderSource, isHostOnly } from '../wire/credentials.ts'
import type { ResolvedOptions } from './options.ts'
import { warn } from './warn.ts'

/**
 * Warns once of a request whose token is in the cookie that the application sets on plain http at localhost. The verifier
 * does not read that cookie by itself: other hosts of the site could set it, and a proxy may hide https from the verifier.
 */
export function createLocalCookieWarning({
  jwks,
  cookie,
}: Pick<ResolvedOptions, 'jwks' | 'cookie'>): (request: HeaderSource) => void {
  const local = cookie.replace(/^__Host-/, '')
  let isDone = !isHostOnly(cookie) || typeof jwks !== 'string' || !jwks.startsWith('http:')
  return (request) => {
    if (isDone || cookieTokens(request.header('cookie'), local).length === 0) return
    isDone = true
    warn(
      `A request has the cookie \`${local}\` instead of \`${cookie}\`. The application sets it on plain http at localhost. During development, set the option \`cookie\` of createVerifier to '${local}'.`,
    )
  }
}
