export type {
  CreatedSession,
  CreateSession,
  ListSessions,
  ProgressOptions,
  RefreshedSession,
  RevokeAll,
  SessionOperations,
  Sessions,
  VerifiedSession,
} from './core/api.ts'
export type { JsonWebKeySet, KeyInfo } from './core/keys/key-ring.ts'
export type { ProvidedKeySource } from './core/keys/provided-keys.ts'
export type { ProvidedKey } from './core/keys/signing-key.ts'
export type { Logger } from './core/observability/logger.ts'
export type { EventName, SessionEvents } from './core/observability/session-events.ts'
export type { Operation, SessionsStats, Telemetry, TelemetrySource } from './core/observability/telemetry.ts'
export type { ActAs } from './core/operations/acting.ts'
export type { Handoff, HandoffOptions, RedeemHandoff } from './core/operations/handoff.ts'
export { presets, type TimeoutPreset } from './core/options/presets.ts'
export type {
  AccessTokenOptions,
  KeyOptions,
  LimitOptions,
  PrivacyOptions,
  RevocationOptions,
  RotationOptions,
  SessionsOptions,
} from './core/options/sessions-options.ts'
export type { ClaimsRefresh } from './core/refresh/claims-refresh.ts'
export type { RefreshAttempt } from './core/refresh/refresh-attempt.ts'
export type { RefreshContext, RequestContext } from './core/request-context.ts'
export type { Verdict } from './core/rotation/decision.ts'
export type { Session } from './core/session/session.ts'
export { createSessions } from './core/sessions.ts'
export { type LazySessions, type LazySessionsOptions, lazySessions } from './core/start/lazy-sessions.ts'
export type { SessionsSource } from './core/start/sessions-source.ts'
export type { EndReason, Store } from './core/store.ts'
export type { IssuedToken } from './core/tokens/issue.ts'
export type { Actor } from './portable/actor.ts'
export type { ClaimsObject } from './portable/claims.ts'
export {
  AccessTokenExpiredError,
  AccessTokenInvalidError,
  ActingRefusedError,
  type AnySessionsError,
  CsrfRejectedError,
  HandoffRefusedError,
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
  SessionOutdatedError,
  SessionsError,
  type SessionsErrorCode,
  StoreUnavailableError,
  TryAgainError,
} from './portable/errors.ts'
export type { DataPatch, Json, JsonOf } from './portable/json-types.ts'
export type { SessionIdVersion } from './portable/session-id.ts'
export type { StandardSchemaV1 } from './portable/standard-schema.ts'
export type { Algorithm } from './portable/token-header.ts'
