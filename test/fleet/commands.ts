import type { EndReason, SessionsOptions, SessionsStats } from '../../src/index.ts'

/** What a member of a fleet is started with. */
export interface Orders {
  readonly url: string
  readonly secret: string | readonly string[]
  /** As the option of `postgres`. */
  readonly listen?: boolean | string
  readonly maxConnections?: number
  readonly schema?: string
  /** Plain options of `createSessions`. */
  readonly options?: Partial<Omit<SessionsOptions, 'store' | 'secret'>>
  /** How far off its clock is, in milliseconds. */
  readonly clockOff?: number
  /** Has Pawl's clock run so many times as fast as the wall's, from `epoch` on. */
  readonly fast?: { readonly speed: number; readonly epoch: number }
}

export interface Tokens {
  readonly sessionId: string
  readonly accessToken: string
  /** Where the answer was "keep the one you have", that one. */
  readonly refreshToken: string
}

export interface Revoked {
  readonly ended: boolean
  /** By {@link sharedClock}. */
  readonly calledAt: number
  readonly committedAt: number
}

/** An end that a member has learned of. */
export interface Learned {
  readonly sessionId: string
  /** When `verify` began to refuse the access token; null when it did not. */
  readonly refusedAt: number | null
}

/** What a member can be told to do. Errors come back with their fields. */
export interface Commands {
  create(userId: string): Promise<Tokens>
  /** @returns the session's id */
  verify(accessToken: string): string
  refresh(refreshToken: string): Promise<Tokens>
  revoke(sessionId: string, reason?: EndReason): Promise<Revoked>
  /** Waits for an access token's session to end; {@link Learned} arrives as a message. */
  watch(logins: readonly Tokens[]): void
  flush(): Promise<void>
  /** @returns the epoch that was published */
  rotate(): Promise<number>
  epochs(): number[]
  stats(): SessionsStats & { readonly polls: number }
  setClockOff(milliseconds: number): void
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
  | { readonly type: 'learned'; readonly learned: Learned }

/** Milliseconds on a clock that all processes of a machine share and nobody sets. */
export function sharedClock(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
