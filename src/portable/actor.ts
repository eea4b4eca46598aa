/** The administrator who acts as the user of a session (RFC 8693 section 4.1). */
export interface Actor {
  readonly userId: string
  /** The administrator's own session. Acting ends with it. */
  readonly sessionId: string
}
