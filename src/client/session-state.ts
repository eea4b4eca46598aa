/**
 * The session as far as the client knows. The status is `unknown` until the client has found out, and after the page came
 * back from the browser's back/forward cache.
 */
export type SessionState<User = unknown> =
  | {
      /** Somebody is signed in. */
      readonly status: 'signed-in'
      /** The result of the option `user`; null without this option, or if it failed. */
      readonly user: User | null
    }
  | {
      /** Nobody is signed in, or the client has not found out. */
      readonly status: 'signed-out' | 'unknown'
      /** No user. */
      readonly user: null
    }

export const UNKNOWN: SessionState<never> = { status: 'unknown', user: null }
export const SIGNED_OUT: SessionState<never> = { status: 'signed-out', user: null }
