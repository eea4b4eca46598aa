export type { ClaimsObject } from '../core/claims.ts'
export type { EndReason } from '../core/end-reason.ts'
export {
  AccessTokenExpiredError,
  AccessTokenInvalidError,
  InvalidOptionsError,
  isSessionsError,
  NotSignedInError,
  SessionEndedError,
  SessionsError,
  StoreUnavailableError,
} from '../core/errors.ts'
export type { VerifiedSession } from '../core/verified-session.ts'
export { errorResponse } from './error-response.ts'
export type { Fetch } from './get.ts'
export type { JsonWebKeySet } from './keys.ts'
export type { VerifierOptions } from './options.ts'
export type { VerifyContext } from './remote.ts'
export { createVerifier, type RequestHeaders, type Verifier } from './verifier.ts'
