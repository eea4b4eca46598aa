export type { Actor } from '../portable/actor.ts'
export type { ClaimsObject } from '../portable/claims.ts'
export type { EndReason } from '../portable/end-reason.ts'
export {
  AccessTokenExpiredError,
  AccessTokenInvalidError,
  DeviceProofRequiredError,
  DeviceRequiredError,
  InvalidOptionsError,
  isSessionsError,
  NotSignedInError,
  SessionEndedError,
  SessionsError,
  StoreUnavailableError,
} from '../portable/errors.ts'
export type { Json } from '../portable/json-types.ts'
export type { VerifiedSession } from '../portable/verified-session.ts'
export { errorResponse } from './error-response.ts'
export type { Fetch } from './get.ts'
export type { JsonWebKeySet } from './keys.ts'
export type { VerifierOptions } from './options.ts'
export type { ProvenRequest } from './proof.ts'
export type { VerifyContext } from './remote.ts'
export { createVerifier, type RequestHeaders, type Verifier } from './verifier.ts'
