/**
 * The session as far as the client knows. `unknown`: the client has not found out yet, or the page came back from the
 * browser's back/forward cache.
 */
export type SessionState<User = unknown> =
  | {
      readonly status: 'signed-in'
      /** The result of the `user` option. Null if there is no such option, or if it failed. */
      readonly user: User | null
    }
  | { readonly status: 'signed-out' | 'unknown'; readonly user: null }

export const UNKNOWN: SessionState<never> = { status: 'unknown', user: null }
export const SIGNED_OUT: SessionState<never> = { status: 'signed-out', user: null }
