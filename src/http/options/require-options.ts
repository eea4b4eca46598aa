// `npm run options` writes this file from ./option-table.ts. Change that file instead.

/** The requirements of a route. All of them are optional. Every duration is in seconds. */
export interface RequireOptions {
  /**
   * Whether a request without a session passes. A request with an expired access token must still refresh.
   * @defaultValue false
   */
  readonly optional?: boolean
  /**
   * The highest accepted age of the authentication (ASVS 7.5.1). An older one gets 403 `recent_auth_required`.
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
   * Whether the request must carry the session's CSRF token in the header `pawl-csrf`. The requirement depends
   * neither on the method nor on the adapter's option `csrf`. In bearer mode no token is needed.
   * @defaultValue false
   */
  readonly csrf?: boolean
  /**
   * Whether the session must be bound to a device (`deviceBinding`). Any other session gets 403 `device_required`.
   * @defaultValue false
   */
  readonly device?: boolean
  /**
   * Whether the request must carry a proof in the header `DPoP` (RFC 9449 section 7). The proof is a JWT of the
   * type `dpop+jwt`, signed by the key of the session. It has `htm`, `htu` and `ath` of this request and an `iat`
   * within five minutes. Without it Pawl answers 401 `device_proof_required`. Pawl remembers no proofs, so one can
   * be repeated within these minutes (RFC 9449 section 11.1). Use it for clients with a key of their own. In a
   * browser with DBSC no script can use the key.
   * @defaultValue false
   */
  readonly proof?: boolean
  /**
   * Whether to read the row of the session instead of relying on the feed, for actions that must see a revocation
   * at once.
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
