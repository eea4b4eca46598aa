// `npm run options` writes this file from ./option-table.ts. Change that file instead.

/** What a route requires of a request. */
export interface RequireOptions {
  /**
   * Whether a request without a session passes. One with an expired access token must still refresh.
   * @defaultValue false
   */
  readonly optional?: boolean
  /**
   * The oldest accepted authentication (ASVS 7.5.1).
   * Takes 0 to 315,360,000 seconds.
   * @defaultValue any age
   */
  readonly maxAuthAge?: number
  /**
   * Whether an administrator who acts as the user passes (`session.actAs`). `false` answers 403 `acting_refused`.
   * @defaultValue true
   */
  readonly acting?: boolean
  /**
   * Whether the request must carry the session's CSRF token in the header `pawl-csrf`, whatever its method and the
   * adapter's option `csrf`. Bearer mode needs none.
   * @defaultValue false
   */
  readonly csrf?: boolean
  /**
   * Whether to read the session's row instead of trusting the feed, for actions that must not happen a moment too
   * late.
   * @defaultValue false
   */
  readonly lookup?: boolean
}

/** {@link RequireOptions}, checked and complete. Durations are in milliseconds. */
export interface ResolvedRequireOptions {
  readonly optional: boolean
  readonly maxAuthAge: number | null
  readonly acting: boolean
  readonly csrf: boolean
  readonly lookup: boolean
}
