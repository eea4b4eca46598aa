import type { AnySessionsError } from '../portable/errors.ts'
import type { ProblemBody, WireCode } from '../wire/names.ts'
import type { Reply } from './exchange.ts'
import { jsonReply, NO_CACHING, setCookieHeaders } from './reply.ts'

/** An error as the client sees it. */
export interface Problem {
  readonly status: number
  readonly body: ProblemBody
  /** Seconds. */
  readonly retryAfter: number | null
  /** Whether the refresh route clears the cookies; no other route does. */
  readonly final: boolean
}

/** The one table from error to answer. `null` for a mistake in the program, which no client can act on. */
export function problemOf(error: AnySessionsError): Problem | null {
  switch (error.code) {
    case 'ERR_NOT_SIGNED_IN':
      return unauthorized(wireCode(error), false)
    case 'ERR_ACCESS_TOKEN_EXPIRED':
    case 'ERR_ACCESS_TOKEN_INVALID':
      return unauthorized(wireCode(error), true)
    case 'ERR_DEVICE_PROOF_REQUIRED':
      // The cookies stay: the next attempt may come with a proof. A refresh adds none to a request.
      return unauthorized(wireCode(error), error.requiredFor === 'refresh')
    case 'ERR_SESSION_ENDED':
      // A late answer to an old session must not clear the cookies of the login that replaced it.
      if (error.reason === 'replaced') return unauthorized('session_replaced', 'once')
      // The same login, in a browser that had lost the key of the old session.
      if (error.reason === 'device') return unauthorized(wireCode(error), 'once')
      return unauthorized(wireCode(error), false, true)
    case 'ERR_SESSION_OUTDATED':
      // The cookies stay: a corrected schema brings the session back.
      return unauthorized(wireCode(error), false)
    case 'ERR_REFRESH_TOKEN_INVALID':
    case 'ERR_REFRESH_TOKEN_REUSED':
      return unauthorized(wireCode(error), false, true)
    case 'ERR_RECENT_AUTH_REQUIRED':
    case 'ERR_ACTING_REFUSED':
    case 'ERR_DEVICE_REQUIRED':
    case 'ERR_DEVICE_MISMATCH':
    case 'ERR_SESSION_LIMIT':
    case 'ERR_HANDOFF_REFUSED':
    case 'ERR_CSRF_REJECTED':
      return forbidden(wireCode(error))
    case 'ERR_TRY_AGAIN':
      return { status: 503, body: { code: wireCode(error) }, retryAfter: error.retryAfter, final: false }
    case 'ERR_STORE_UNAVAILABLE':
    case 'ERR_SECRET_UNKNOWN':
      return { status: 503, body: { code: 'unavailable' }, retryAfter: error.retryAfter, final: false }
    case 'ERR_SCHEMA_OUTDATED':
    case 'ERR_INVALID_OPTIONS':
      return null
  }
}

/** @param bearer adds the challenge that RFC 6750 section 3 requires */
export function problemReply(problem: Problem, bearer: boolean, cookies: readonly string[] = []): Reply {
  const { status, body, retryAfter } = problem
  const challenge = body.code === 'not_signed_in' ? 'Bearer' : 'Bearer error="invalid_token"'
  return jsonReply(status, body, [
    ...NO_CACHING,
    ...(retryAfter === null ? [] : ([['retry-after', String(retryAfter)]] as const)),
    ...(bearer && status === 401 ? ([['www-authenticate', challenge]] as const) : []),
    ...setCookieHeaders(cookies),
  ])
}

function unauthorized(code: WireCode, refresh: boolean | 'once', final = false): Problem {
  return { status: 401, body: { code, refresh }, retryAfter: null, final }
}

function forbidden(code: WireCode): Problem {
  return { status: 403, body: { code, refresh: false }, retryAfter: null, final: false }
}

/** `access_token_expired` for `ERR_ACCESS_TOKEN_EXPIRED`. */
function wireCode<Code extends string>({ code }: { readonly code: `ERR_${Code}` }): Lowercase<Code> {
  return code.slice('ERR_'.length).toLowerCase() as Lowercase<Code>
}
