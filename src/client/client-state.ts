import type { DeviceHooks } from './device.ts'
import type { SessionFetch } from './fetch.ts'
import type { SessionClientOptions, SessionProblem } from './options.ts'
import type { SessionState } from './session-state.ts'
import type { RunAlone } from './task-queue.ts'
import type { TokenStorage, Tokens } from './token-storage.ts'

/** Everything that one client knows. The application never sees it. */
export interface ClientState {
  // From the options.
  /** Sends a request as it is. */
  readonly send: SessionFetch
  /** The client's own `fetch`, which sends requests to the API with the session. */
  readonly fetch: SessionFetch
  /** Whether an absolute URL belongs to the API. */
  covers(url: string): boolean
  /** The absolute URL of one of Pawl's routes. */
  route(name: string): string
  readonly csrf: boolean | string | undefined
  /** Bearer mode: keeps the tokens. Undefined in cookie mode. */
  readonly storage: TokenStorage | undefined
  /** Whether the browser adds cookies to requests: only in cookie mode. */
  readonly credentials: 'omit' | 'include'
  /** After this long, in ms, a refresh without a response counts as lost. */
  readonly timeout: number
  /** The `user` option. */
  readonly user: SessionClientOptions['user']
  /** Calls the `onProblem` option. */
  readonly report: (problem: SessionProblem, cause?: unknown) => void
  /** Runs a refresh, sign-in or sign-out while no other is under way. */
  readonly runAlone: RunAlone
  /** What the `device` option does for this client. */
  device?: DeviceHooks | undefined
  /**
   * The channel of the browser's tabs. Undefined outside of browsers, in bearer mode, and once the client is closed.
   * `InstanceType`, because the types of Node.js declare no type of this name.
   */
  channel: InstanceType<typeof BroadcastChannel> | undefined

  // Who is signed in.
  session: SessionState
  readonly listeners: Set<(session: SessionState) => void>
  /** Whether another user may have signed in since the listeners were called. */
  isNewUser?: boolean
  /** The call of the `user` option under way. */
  identifying?: Promise<void> | undefined

  // The tokens.
  /**
   * Increases with every refresh, sign-in and sign-out that the client learns of. If it has increased since a
   * request was sent, the response may be outdated.
   */
  revision: number
  /** The revision at which the last sign-in began or ended: an earlier request may be another user's. */
  userSince?: number
  /** When the access token expires, as {@link elapsedTime}; undefined: unknown. */
  expiresAt?: number | undefined
  /** The token that unsafe requests carry if the server has `csrf: 'token'`. */
  csrfToken: string | undefined
  /** Tells the session of the last answer from others. Undefined in bearer mode, and if nobody is signed in. */
  marker?: string | undefined
  /** The last call of the storage's `clear`: a later `save` waits for it. */
  clearing?: Promise<unknown>
  /** Whether the storage failed at its last call. */
  storageFailed?: boolean
  /** Bearer mode: the tokens; null: nobody is signed in; undefined: not loaded yet. */
  tokens?: Tokens | null
  /** The refresh under way. */
  refreshing?: Promise<boolean> | undefined
  /** The sign-in under way. */
  signingIn?: Promise<boolean> | undefined

  // Whether the browser keeps cookies.
  /** Until this {@link elapsedTime}, a refused request may mean that the browser did not keep the last cookies. */
  unconfirmedUntil?: number | undefined
  /** Whether a sign-in set the last cookies. */
  unconfirmedSignIn?: Promise<boolean> | undefined
  /** Whether blocked cookies were reported since the last sign-in. */
  reported?: boolean
}
