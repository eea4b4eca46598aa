import type { ClientState } from './client-state.ts'
import { endSession, sessionHeaders } from './credentials.ts'
import { elapsedTime } from './elapsed-time.ts'
import { loadTokens, refresh } from './refresh.ts'
import { isSafe } from './request.ts'
import { isProblem, readJson } from './response-body.ts'

/** What cannot be repeated goes out with an access token that stays valid for at least this long, in ms. */
const MARGIN = 10_000

/** The state of a request between {@link RequestHooks.before} and {@link RequestHooks.after}. */
export interface Ticket {
  /** The headers to set on the request, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether to send cookies with the request, also to another origin. */
  readonly withCredentials: boolean
}

/** The hooks for HTTP libraries that Pawl has no `attach` function for. */
export interface RequestHooks {
  /** Tells whether an absolute URL belongs to the API. The client ignores all other requests. */
  covers(url: string): boolean
  /**
   * Returns the headers of a request. If the client knows that the access token has expired, it refreshes first.
   * @param repeats the ticket of the request that this one repeats
   * @param unrepeatable whether the request cannot be repeated after a 401. Its body can be sent only once, or its response
   * has no readable body. If the expiry of the token is unknown, the client then refreshes first
   * @param keepalive whether the request may outlive the page. The client then refreshes nothing, because the page may be gone
   * before the answer
   * @throws TypeError if an unrepeatable request needs a refresh that fails, or the tokens cannot be read
   */
  before(method: string, repeats?: Ticket, unrepeatable?: boolean, keepalive?: boolean): Promise<Ticket>
  /**
   * Decides about a response, and refreshes if the response asks for it.
   * @param body the body as text or parsed JSON, or anything that `Response` takes
   * @returns true: repeat the request, once; false: give the response to the application
   * @throws TypeError if the refresh failed, as a failed `fetch`. Its `response` is the server's response to the refresh, if
   * there was one. The session is unchanged
   */
  after(ticket: Ticket, status: number, body: unknown): Promise<boolean>
}

/** A ticket with the fields that only the client needs. */
export interface OwnTicket extends Ticket {
  /** The client's revision when the request was sent. */
  readonly revision: number
  /** Whether the request is a repetition. */
  readonly repeated: boolean
}

/** Implements {@link RequestHooks.before}. */
export async function before(
  client: ClientState,
  method: string,
  repeats?: Ticket,
  unrepeatable?: boolean,
  keepalive?: boolean,
): Promise<OwnTicket> {
  const needsCsrfToken = !!client.csrf && !isSafe(method)
  // If the expiry is unknown, only a request that cannot be repeated needs a refresh.
  const isExpired =
    client.expiresAt === undefined
      ? unrepeatable
      : elapsedTime() >= client.expiresAt - (unrepeatable ? MARGIN : 0)
  if (
    !repeats &&
    !keepalive &&
    !client.signingIn &&
    client.session.status !== 'signed-out' &&
    (client.refreshing || isExpired || (needsCsrfToken && !client.csrfToken))
  ) {
    try {
      await refresh(client)
    } catch (error) {
      // Any other request is sent: it may not need a session.
      if (unrepeatable) throw error
    }
  }
  if (client.storage && client.tokens === undefined) {
    try {
      const stored = await loadTokens(client)
      // A sign-in may have finished during the load.
      if (client.tokens === undefined) client.tokens = stored
    } catch (error) {
      // The login replaces what cannot be read.
      if (!client.signingIn) throw error
    }
  }
  return {
    headers: sessionHeaders(client),
    withCredentials: !client.storage,
    revision: client.revision,
    repeated: !!repeats,
  }
}

/** Implements {@link RequestHooks.after}. */
export async function after(
  client: ClientState,
  ticket: OwnTicket,
  status: number,
  body: unknown,
): Promise<boolean> {
  const forbidden = status === 403
  if (status !== 401 && !(client.csrf && forbidden)) {
    client.unconfirmedUntil = 0
    return false
  }
  const problem = await readJson(body)
  if (!isProblem(problem) || (forbidden && problem.code !== 'csrf_rejected')) return false
  const outdated = ticket.revision !== client.revision
  const cookiesLost =
    !outdated &&
    elapsedTime() < client.unconfirmedUntil! &&
    (problem.code === 'not_signed_in' ||
      // A token refused later than right after the refresh may have expired: new claims, for example, expire it.
      (problem.refresh && !forbidden && !client.unconfirmedSignIn && (ticket.repeated || client.reported)))
  if (cookiesLost && !client.reported) {
    client.reported = true
    client.report('cookies-blocked')
  }
  if (!forbidden && !problem.refresh) {
    // Neither a route that wants a proof says anything about the session, nor a server that a proxy kept the token from.
    const isFinal =
      problem.code === 'not_signed_in'
        ? !/ ./.test(ticket.headers.authorization!)
        : problem.code !== 'device_proof_required'
    // Tokens that could not be read stay in the storage.
    if (isFinal && !outdated && !client.signingIn) await endSession(client, !!client.tokens)
    return false
  }
  if (ticket.repeated || cookiesLost) return false
  if (forbidden && !outdated) client.csrfToken = undefined
  return (
    !client.signingIn &&
    // The session has changed since then: a repetition needs no refresh.
    (outdated ? client.session.status !== 'signed-out' : await refresh(client)) &&
    !(ticket.revision < client.userSince!)
  )
}
