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
   * Whether the session must be bound to a device (`deviceBinding`). Any other answers 403 `device_required`.
   * @defaultValue false
   */
  readonly device?: boolean
  /**
   * Whether the request must carry a proof in the header `DPoP`: a JWT of the type `dpop+jwt`, signed by the key
   * of the session, with `htm`, `htu` and `ath` of this request and an `iat` within five minutes (RFC 9449 section
   * 7). Without it 401 `device_proof_required`. A proof can be repeated within these minutes: Pawl remembers none
   * (RFC 9449 section 11.1). For clients with a key of their own: a browser's device-bound session has none that a
   * script could use.
   * @defaultValue false
   */
  readonly proof?: boolean
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
  readonly device: boolean
  readonly proof: boolean
  readonly lookup: boolean
}
