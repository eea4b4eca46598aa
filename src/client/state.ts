/**
 * What is known of the session. `unknown`: nobody has asked yet, or the page came back from the browser's
 * back/forward cache.
 */
export type SessionState<User = unknown> =
  | {
      readonly status: 'signed-in'
      /** What the `user` option brought; null without that option, or where it failed. */
      readonly user: User | null
    }
  | { readonly status: 'signed-out' | 'unknown'; readonly user: null }

export const UNKNOWN: SessionState<never> = { status: 'unknown', user: null }
export const SIGNED_OUT: SessionState<never> = { status: 'signed-out', user: null }
