/** The administrator who acts as the user of a session (RFC 8693 section 4.1). */
export interface Actor {
  /** The user id of the administrator. */
  readonly userId: string
  /** The id of the administrator's own session. The acting session ends with it. */
  readonly sessionId: string
}
