import type { VerifiedSession } from '../core/api.ts'
import { type ActAs, continueActing, returnToken, startActing } from '../core/operations/acting.ts'
import type { Refreshed } from '../core/refresh/refresh.ts'
import { normalizeContext, recordable } from '../core/request-context.ts'
import { toSession } from '../core/session/session.ts'
import { type IssuedToken, issuedSession } from '../core/tokens/issue.ts'
import type { Actor } from '../portable/actor.ts'
import { SessionEndedError } from '../portable/errors.ts'
import type { BearerAnswer, CookieAnswer } from '../wire/names.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { isNavigation } from './page-load.ts'
import type { ResponseCookies } from './response-cookies.ts'
import { bearerAnswer, cookieAnswer } from './session-answer.ts'

/*
 * An administrator who acts as a user keeps the refresh token of the administrator's own session. Acting changes the
 * access token only: a refresh continues the acting session while it lasts, and otherwise returns to the administrator.
 */

/** The session that a request continues with, and the body to answer with. */
export interface ActingStart<Claims extends object> {
  readonly verified: VerifiedSession<Claims>
  readonly accessToken: string
  readonly answer: CookieAnswer | BearerAnswer
}

/** Starts a session as another user, and gives its access token to the client. */
export async function startActingIn<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  responseCookies: ResponseCookies,
  administrator: { readonly verified: VerifiedSession<Claims>; readonly version: number },
  input: ActAs<Claims>,
): Promise<ActingStart<Claims>> {
  const { engine, sessions, transport, conversation, ip, userAgent } = request
  if (conversation?.showsAccessToken === false)
    throw new TypeError(
      '`actAs` needs tokens in cookies: this client would refresh, and repeat a request as the administrator',
    )
  const { verified: own, version } = administrator
  if (transport === 'cookie') responseCookies.reserve()
  const { row, accessToken, cookiesExpireAt } = await startActing(
    engine,
    {
      sessionId: own.sessionId,
      authTime: own.authTime.getTime(),
      expiresAt: own.expiresAt.getTime(),
      version,
      canContinue: transport === 'cookie',
      ip,
      userAgent,
    },
    input,
  )
  try {
    const answer = giveAccessToken(request, responseCookies, row.id, accessToken, cookiesExpireAt)
    const now = engine.clock.now()
    const verified = issuedSession(toSession<Claims, Data>(row, now, false), accessToken, new Date(now))
    return { verified, accessToken: accessToken.value, answer }
  } catch (tooLate) {
    // The handler has answered already: nobody can ever hold this token.
    await sessions.revoke(row.id)
    throw tooLate
  }
}

/** Ends the acting session, and makes the client refresh: with the refresh token of the administrator. */
export async function stopActingIn<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  responseCookies: ResponseCookies,
  acting: VerifiedSession<Claims>,
  actor: Actor,
): Promise<CookieAnswer | BearerAnswer> {
  const { engine, sessions, transport } = request
  if (transport === 'cookie') responseCookies.reserve()
  const session = await sessions.get(acting.sessionId)
  if (await sessions.revoke(acting.sessionId, 'logout')) reportStop(request, acting, actor)
  // The cookie lives as long as that of the refresh token, whose expiry the acting session does not know. A page load
  // in this time returns to the administrator; later on the next script request does.
  const expiresAt =
    session?.persistent === false ? null : new Date(engine.clock.now() + engine.options.idleTimeout)
  const token = await returnToken(engine, actor)
  return giveAccessToken(request, responseCookies, actor.sessionId, token, expiresAt)
}

/** Emits `actingStopped` for the acting sessions among those that a logout has ended. */
export function reportStops<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  endedIds: readonly string[],
): void {
  for (const named of request.identifiedSessions)
    if (named.actor !== null && endedIds.includes(named.sessionId)) reportStop(request, named, named.actor)
}

/**
 * The acting session that the access token of a request names, if the session `ownId` is the administrator's. The key of the
 * token may be gone, so its row tells whether that is true.
 */
export function actingSessionOf<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  ownId: string,
): string | null {
  const acting = request.preferredSessions.find(({ actor }) => actor?.sessionId === ownId)
  return acting?.sessionId ?? null
}

/**
 * Continues the acting session of a request whose administrator's session was refreshed.
 * @returns `ended`: the client is no longer acting, and this request was meant for the other user. A page load may go on
 * as the administrator
 */
export async function refreshActing<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  own: Refreshed,
): Promise<{ readonly refreshed: Refreshed; readonly ended: SessionEndedError | null }> {
  const sessionId = actingSessionOf(request, own.row.id)
  if (sessionId === null) return { refreshed: own, ended: null }
  try {
    const acting = await continueActing(request.engine, sessionId, own, normalizeContext(request))
    return { refreshed: { ...own, ...acting }, ended: null }
  } catch (error) {
    if (!(error instanceof SessionEndedError)) throw error
    return { refreshed: own, ended: isNavigation(request.exchange) ? null : error }
  }
}

/** @param expiresAt of the cookie; null for the end of the browser session */
function giveAccessToken<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  responseCookies: ResponseCookies,
  sessionId: string,
  accessToken: IssuedToken,
  expiresAt: Date | null,
): CookieAnswer | BearerAnswer {
  if (request.transport === 'bearer') return bearerAnswer(request, accessToken, null)
  const { cookies, engine } = request
  const now = engine.clock.now()
  // A refresh or a login in this request has a refresh cookie to set.
  const pending = responseCookies.pending.cookies.filter(
    (cookie) => !cookie.startsWith(`${cookies.set.access}=`),
  )
  const until = pending.length > 0 ? responseCookies.pending.until : now + engine.options.decideWithin
  const { headers } = responseCookies.pending
  responseCookies.set([...pending, cookies.access(accessToken.value, { expiresAt, now })], until, headers)
  return cookieAnswer(request, sessionId, accessToken)
}

function reportStop<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  { sessionId, userId }: { readonly sessionId: string; readonly userId: string },
  actor: Actor,
): void {
  const { options, events } = request.engine
  const context = recordable(normalizeContext(request), options.privacy)
  events.emit('actingStopped', { sessionId, userId, actor, ...context })
}
