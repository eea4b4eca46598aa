import type { SessionsErrorCode } from '../portable/errors.ts'

/** A `fault` is an error of the service. A `refusal` is a correct answer to a client. */
const CODES: Readonly<Record<SessionsErrorCode, 'fault' | 'refusal'>> = {
  ERR_NOT_SIGNED_IN: 'refusal',
  ERR_ACCESS_TOKEN_EXPIRED: 'refusal',
  ERR_ACCESS_TOKEN_INVALID: 'refusal',
  ERR_SESSION_ENDED: 'refusal',
  ERR_SESSION_OUTDATED: 'refusal',
  ERR_REFRESH_TOKEN_INVALID: 'refusal',
  ERR_REFRESH_TOKEN_REUSED: 'refusal',
  ERR_RECENT_AUTH_REQUIRED: 'refusal',
  ERR_ACTING_REFUSED: 'refusal',
  ERR_DEVICE_PROOF_REQUIRED: 'refusal',
  ERR_DEVICE_REQUIRED: 'refusal',
  ERR_DEVICE_MISMATCH: 'refusal',
  ERR_SESSION_LIMIT: 'refusal',
  ERR_HANDOFF_REFUSED: 'refusal',
  ERR_CSRF_REJECTED: 'refusal',
  ERR_TRY_AGAIN: 'refusal',
  ERR_STORE_UNAVAILABLE: 'fault',
  ERR_SECRET_UNKNOWN: 'fault',
  ERR_SCHEMA_OUTDATED: 'fault',
  ERR_INVALID_OPTIONS: 'fault',
}

export interface ErrorType {
  /** The value of `error.type`: the `code` of a `SessionsError`, the name of any other error. */
  readonly type: string
  /** Whether the span has failed. */
  readonly fault: boolean
  /** For the status of the span. `undefined` for a thrown value that is not an error. */
  readonly message: string | undefined
  /** The session that the error names. */
  readonly sessionId: string | undefined
}

export function errorType(error: unknown): ErrorType {
  // The semantic conventions name an error without a type `_OTHER`.
  if (!(error instanceof Error))
    return { type: '_OTHER', fault: true, message: undefined, sessionId: undefined }
  const { code, sessionId } = error as { readonly code?: unknown; readonly sessionId?: unknown }
  const known = typeof code === 'string' && Object.hasOwn(CODES, code)
  return {
    type: known ? code : error.name,
    fault: !known || CODES[code as SessionsErrorCode] === 'fault',
    message: error.message,
    sessionId: known && typeof sessionId === 'string' ? sessionId : undefined,
  }
}
