/** What is known of one request between {@link RequestHooks.before} and {@link RequestHooks.after}. */
export interface Ticket {
  /** To set on the request, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether the request takes cookies along, also to another origin. */
  readonly withCredentials: boolean
}

/** For HTTP libraries that this package has no `attach` function for. */
export interface RequestHooks {
  /** Whether an absolute URL belongs to the API. Nothing else is ever looked at. */
  covers(url: string): boolean
  /**
   * What to send along with a request. Refreshes first where the access token is known to have expired.
   * @param repeats the ticket of the request that this one repeats
   * @param stream whether the body can be sent only once: rather refresh too early then than too late
   */
  before(method: string, repeats?: Ticket, stream?: boolean): Promise<Ticket>
  /**
   * What to do with the answer. Refreshes where it says so.
   * @param body the body as text or parsed JSON, or anything that `Response` takes
   * @returns true: repeat the request, once; false: hand the answer to the application
   * @throws when refreshing failed, which says nothing about the session: like the `TypeError` of a failed
   * `fetch`, with the server's `response` where there was one
   */
  after(ticket: Ticket, status: number, body: unknown): Promise<boolean>
}
