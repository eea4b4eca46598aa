import type { EndReason, SessionsOptions, SessionsStats } from '../../src/index.ts'

/** Configuration of a member process. */
export interface MemberConfig {
  readonly url: string
  readonly secret: string | readonly string[]
  /** The option of `postgres`. */
  readonly listen?: boolean | string
  readonly maxConnections?: number
  readonly schema?: string
  /** Options of `createSessions` that JSON can carry. */
  readonly options?: Partial<Omit<SessionsOptions, 'store' | 'secret'>>
  /** Offset of its clock in milliseconds. */
  readonly clockOffset?: number
  /** Runs Pawl's clock `speed` times as fast as real time, starting at `epoch`. */
  readonly fast?: { readonly speed: number; readonly epoch: number }
}

export interface Tokens {
  readonly sessionId: string
  readonly accessToken: string
  /** The new refresh token, or the presented one if the client keeps it. */
  readonly refreshToken: string
}

export interface Revoked {
  readonly ended: boolean
  /** By {@link sharedClock}. */
  readonly calledAt: number
  readonly committedAt: number
}

/** The end of a session, as a member process learned of it. */
export interface LearnedEnd {
  readonly sessionId: string
  /** When `verify` began to refuse the access token; null when it did not. */
  readonly refusedAt: number | null
}

/** The commands of a member process. Errors are returned with their fields. */
export interface Commands {
  create(userId: string): Promise<Tokens>
  /** @returns the session's id */
  verify(accessToken: string): string
  /** @returns the session's id */
  check(accessToken: string): Promise<string>
  refresh(refreshToken: string): Promise<Tokens>
  /** @returns the ids of the user's active sessions */
  list(userId: string): Promise<string[]>
  revoke(sessionId: string, reason?: EndReason): Promise<Revoked>
  /** Sends a {@link LearnedEnd} message when the session of an access token ends. */
  watch(logins: readonly Tokens[]): void
  flush(): Promise<void>
  /** @returns the epoch of the new key */
  rotate(): Promise<number>
  epochs(): number[]
  /** `pollTimes` are the durations of the finished polls, in milliseconds. */
  stats(): SessionsStats & { readonly polls: number; readonly pollTimes: readonly number[] }
  setClockOffset(milliseconds: number): void
  memory(): { readonly used: number }
}

export interface Event {
  readonly name: string
  readonly at: number
  readonly event: Readonly<Record<string, unknown>>
}

export interface Call {
  readonly id: number
  readonly command: keyof Commands | 'close'
  readonly parameters: readonly unknown[]
}

export type FromMember =
  | { readonly type: 'ready' }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: Readonly<Record<string, unknown>> }
  | { readonly type: 'event'; readonly event: Event }
  | { readonly type: 'learned'; readonly learned: LearnedEnd }

/** Milliseconds on a monotonic clock that all processes of a machine share. */
export function sharedClock(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
