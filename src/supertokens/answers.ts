import type { Reply } from '../http/exchange.ts'
import type { WireCode } from '../wire/names.ts'

const TRY_REFRESH = { message: 'try refresh token' }
const UNAUTHORISED = { message: 'unauthorised' }
const THEFT = { message: 'token theft detected' }

/** The status and the body of an answer in the protocol. */
export interface Answer {
  readonly status: number
  readonly body: object
  /** Seconds. */
  readonly retryAfter?: number
}

export const OK: Answer = { status: 200, body: { status: 'OK' } }
export const REFRESHED: Answer = { status: 200, body: {} }
/** The client refreshes, then repeats the request. */
export const MUST_REFRESH: Answer = { status: 401, body: TRY_REFRESH }
export const NOT_SIGNED_IN: Answer = { status: 401, body: UNAUTHORISED }

/** Clients delete their tokens after any 401 to a refresh, and keep them after this one. */
const LATER: Answer = { status: 503, body: { message: 'try again later' }, retryAfter: 1 }

/** Why a route refuses a session that is valid, in words for a developer who reads the answer. */
const REASONS: Partial<Readonly<Record<WireCode, string>>> = {
  recent_auth_required: 'the user has not authenticated recently enough',
  acting_refused: 'an administrator who acts as the user may not do this',
  device_required: 'the session is not bound to a device',
  device_mismatch: 'the session is bound to another device',
  device_proof_required: 'the request carries no proof of its device',
  session_limit: 'the user has too many sessions',
  csrf_rejected: 'the request comes from another site, or lacks its CSRF token',
}

/**
 * The answer of the protocol to an error of Pawl; null for an answer that stays as it is: clients act on no other status.
 * @param atRefresh whether it answers a refresh
 */
export function answerTo(reply: Reply, atRefresh: boolean): Answer | null {
  const code = codeOf(reply)
  if (code === null) return null
  if (reply.status === 403) return refused(code)
  if (reply.status !== 401) return null
  if (atRefresh && !forgets(reply, code)) return LATER
  switch (code) {
    case 'refresh_token_reused':
      return { status: 401, body: THEFT }
    case 'access_token_expired':
    case 'access_token_invalid':
      return MUST_REFRESH
    case 'device_proof_required':
      // No refresh adds a proof to a request, and the client would refresh and repeat it ten times.
      return atRefresh ? NOT_SIGNED_IN : refused(code)
    default:
      return NOT_SIGNED_IN
  }
}

/**
 * Whether a client is to forget its tokens, since a refresh refuses them: if Pawl clears cookies, and if the client has none that
 * could work. A late refresh of an old session must not delete the tokens of the login that replaced it, and a corrected schema
 * brings a session back.
 */
function forgets({ headers }: Reply, code: WireCode): boolean {
  return (
    code === 'not_signed_in' ||
    code === 'device_proof_required' ||
    headers.some(([name]) => name === 'set-cookie')
  )
}

/** What the client SDKs call an invalid claim. */
function refused(code: WireCode): Answer {
  const error = { id: code, reason: { message: REASONS[code] ?? code } }
  return { status: 403, body: { message: 'invalid claim', claimValidationErrors: [error] } }
}

/** The code in the body of an error of Pawl; null for any other answer. */
export function codeOf({ status, body }: Reply): WireCode | null {
  if (status < 400 || typeof body !== 'string' || !body.startsWith('{')) return null
  const { code } = JSON.parse(body) as { readonly code?: WireCode }
  return code ?? null
}
