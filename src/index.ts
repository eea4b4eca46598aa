export type {
  CreatedSession,
  CreateSession,
  LongWork,
  RefreshedSession,
  RevokeAll,
  SessionOperations,
  Sessions,
  VerifiedSession,
} from './core/api.ts'
export type { ClaimsObject } from './core/claims.ts'
export type { RefreshContext, RequestContext } from './core/context.ts'
export type { IssuedToken } from './core/engine.ts'
export {
  AccessTokenExpiredError,
  AccessTokenInvalidError,
  type AnySessionsError,
  CsrfRejectedError,
  InvalidOptionsError,
  isSessionsError,
  NotSignedInError,
  RecentAuthRequiredError,
  RefreshTokenInvalidError,
  RefreshTokenReusedError,
  SchemaOutdatedError,
  SecretUnknownError,
  SessionEndedError,
  SessionLimitError,
  SessionsError,
  type SessionsErrorCode,
  StoreUnavailableError,
  TryAgainError,
} from './core/errors.ts'
export type { EventName, SessionEvents } from './core/events.ts'
export type { JsonWebKeySet, KeyInfo } from './core/key-ring.ts'
export type { Logger } from './core/logger.ts'
export type { RefreshAttempt, SessionsOptions } from './core/options.ts'
export { presets, type TimeoutPreset } from './core/presets.ts'
export type { Verdict } from './core/rotation.ts'
export type { Session } from './core/session.ts'
export type { SessionIdVersion } from './core/session-id.ts'
export { createSessions } from './core/sessions.ts'
export type { ProvidedKey } from './core/signing-key.ts'
export type { StandardSchemaV1 } from './core/standard-schema.ts'
export type { EndReason, Store } from './core/store.ts'
export type { Operation, SessionsStats, Telemetry, TelemetrySource } from './core/telemetry.ts'
export type { Algorithm } from './core/token-header.ts'
