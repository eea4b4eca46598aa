/** What the driver says after an act. */
export interface Report {
  /** The status that the application got for each request; 0 if it got no answer. */
  readonly answers: readonly number[]
  /** Whether somebody is signed in, by the client's own word; null if it does not know. */
  readonly signedIn: boolean | null
  /** Whether the storage holds tokens; null if that cannot be said, as in cookie mode. */
  readonly stored: boolean | null
}

/** A request as the kit saw it, without the tokens themselves. */
export interface SeenRequest {
  readonly kind: 'refresh' | 'sign-in' | 'sign-out' | 'application' | 'other origin'
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly hasAccessToken: boolean
  readonly hasRefreshToken: boolean
  readonly hasTokenInUrl: boolean
  /** When it arrived, in ms. */
  readonly at: number
  /** Whether the handler of the application ran. */
  handled: boolean
  /** Null as long as there is no answer, and if it was lost. */
  status: number | null
}

/** What was seen and said during one act of the client. */
export interface Observation {
  /** Null if the client's process restarted in an act that allows for it. */
  readonly report: Report | null
  readonly seen: readonly SeenRequest[]
  /** The session on the server; `none` if nobody has signed in. */
  readonly session: 'none' | 'active' | 'ended'
}

/** What a client did wrong, and what to do. */
export interface Finding {
  readonly wrong: string
  readonly advice: string
}
