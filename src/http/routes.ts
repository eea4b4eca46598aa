import type { Refreshed } from '../core/refresh/refresh.ts'
import type { RefreshContext } from '../core/request-context.ts'
import type { RevocationSnapshot } from '../core/revocation/revocation-snapshot.ts'
import {
  type AnySessionsError,
  isSessionsError,
  NotSignedInError,
  SecretUnknownError,
  SessionEndedError,
} from '../portable/errors.ts'
import type { BearerAnswer } from '../wire/names.ts'
import { cookieAnswer, secondsUntil } from './answer.ts'
import type { Arrival } from './arrival.ts'
import { jsonReply, NO_CACHING, type Reply, setCookieHeaders } from './exchange.ts'
import { problemOf, problemReply } from './problem.ts'
import type { RequestSession } from './request-session.ts'
import { isNavigation, returnReply } from './resume.ts'
import {
  chooseRefreshToken,
  presentedAccessTokens,
  presentedRefreshBody,
  presentedRefreshCookies,
} from './transport.ts'

/** What a refresh through cookies came to, for the refresh route and for inline refresh alike. */
export type CookieRefresh =
  | { readonly refreshed: Refreshed; readonly cookies: readonly string[] }
  | { readonly error: AnySessionsError; readonly cookies: readonly string[] }

/** `POST <path>/refresh`. */
export async function refreshRoute<C extends object, D>(request: Arrival<C, D>): Promise<Reply> {
  if (request.transport === 'bearer') return refreshByBody(request)
  const result = await refreshByCookie(request)
  if ('error' in result) return errorReply(request, result.error, result.cookies)
  const { row, accessToken } = result.refreshed
  const answer = cookieAnswer(request.sessions, row.id, accessToken.expiresAt, request.options.csrfToken)
  return jsonReply(200, answer, [...NO_CACHING, ...setCookieHeaders(result.cookies)])
}

/** `GET <path>/refresh?to=…`: resumes a document navigation. The one GET that changes state. */
export async function resumeRoute<C extends object, D>(request: Arrival<C, D>): Promise<Reply> {
  if (!isNavigation(request.exchange)) return methodNotAllowed('POST')
  const result = await refreshByCookie(request)
  if ('error' in result && 'retryAfter' in result.error) return errorReply(request, result.error, [])
  return returnReply(request.exchange.target, request.internals.now(), result.cookies)
}

/** `POST <path>/logout`. 204 also when nobody was signed in. */
export async function logoutRoute<C extends object, D>(
  request: Arrival<C, D>,
  session: RequestSession<C, D>,
): Promise<Reply> {
  try {
    const named = session.presentedSessionIds()
    if (named.length === 0 && request.transport === 'cookie') assertNotOfUnknownSecret(request)
    await session.endPresented()
    if (request.transport === 'bearer') {
      const value = await presentedRefreshBody(request.exchange)
      const token = value === null ? null : request.internals.inspectRefreshToken(value)
      if (token !== null) await request.sessions.revoke(token.sessionId, 'logout')
    }
  } catch (error) {
    if (!isSessionsError(error)) throw error
    return errorReply(request, error, [])
  }
  const cleared = request.transport === 'cookie' ? request.cookies.clear() : []
  return {
    status: 204,
    headers: [...NO_CACHING, ...setCookieHeaders(cleared)],
    body: null,
  }
}

/**
 * In a half-finished deploy this process may not know whose session it is: clearing the cookies would leave
 * that session alive with nobody able to end it.
 * @throws SecretUnknownError
 */
function assertNotOfUnknownSecret<C extends object, D>({
  internals,
  exchange,
  cookies,
}: Arrival<C, D>): void {
  const values = presentedRefreshCookies(exchange, cookies.set)
  if (values.some((value) => internals.isOfUnknownSecret(value))) throw new SecretUnknownError()
}

/** `GET /.well-known/jwks.json`: cached for less long than a key is published ahead of its use. */
export function jwksRoute<C extends object, D>({ sessions }: Arrival<C, D>): Reply {
  return {
    status: 200,
    headers: [
      ['content-type', 'application/jwk-set+json'],
      ['cache-control', 'public, max-age=300'],
      ['x-content-type-options', 'nosniff'],
    ],
    body: JSON.stringify(sessions.keys.jwks()),
  }
}

/** `GET <path>/revocations`: taken anew at most once a second, and cached for as long. */
export function revocationsRoute<C extends object, D>(
  request: Arrival<C, D>,
  take: () => RevocationSnapshot,
): Reply {
  try {
    const { body, etag } = take()
    const validators = [
      ['etag', etag],
      ['cache-control', 'public, max-age=1, must-revalidate'],
    ] as const
    if (namesTag(request.exchange.header('if-none-match'), etag))
      return { status: 304, headers: validators, body: null }
    return {
      status: 200,
      headers: [
        ['content-type', 'application/octet-stream'],
        ...validators,
        ['x-content-type-options', 'nosniff'],
      ],
      body,
    }
  } catch (error) {
    if (!isSessionsError(error)) throw error
    return errorReply(request, error, [])
  }
}

/** RFC 9110 section 13.1.2: a cache on the way may have made the tag a weak one. */
function namesTag(header: string | undefined, etag: string): boolean {
  return header?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag) === true
}

export function methodNotAllowed(allow: string): Reply {
  return { status: 405, headers: [['allow', allow]], body: null }
}

/** Decides at most one of the refresh cookies, and says which cookies to set. */
export async function refreshByCookie<C extends object, D>(request: Arrival<C, D>): Promise<CookieRefresh> {
  const { internals, exchange, cookies } = request
  const values = presentedRefreshCookies(exchange, cookies.set)
  const chosen = chooseRefreshToken(internals, values, presentedAccessTokens(exchange, 'cookie', cookies.set))
  if (chosen === 'none') return { error: new NotSignedInError(), cookies: [] }
  if (chosen === 'other-session') {
    // An old session's cookie next to a new login's: the new one must survive.
    const [named] = values.flatMap((value) => internals.inspectRefreshToken(value)?.sessionId ?? [])
    return { error: new SessionEndedError(named ?? '', 'replaced'), cookies: [] }
  }
  const strays = values.length > 1 ? cookies.clearStrayRefresh(exchange.header('host')) : []
  try {
    const refreshed = await internals.refresh(chosen.value, refreshContext(request))
    const life = {
      expiresAt: refreshed.row.persistent ? internals.refreshExpiry(refreshed) : null,
      now: internals.now(),
    }
    return {
      refreshed,
      cookies: [
        ...strays,
        cookies.access(refreshed.accessToken.value, life),
        // In the calm after a turn the presented token stays, and its cookie is left alone; with strays
        // about, it is written again, as one of them may have been the one that was chosen.
        ...(refreshed.refreshToken !== null
          ? [cookies.refresh(refreshed.refreshToken.value, life)]
          : strays.length > 0
            ? [cookies.refresh(chosen.value, life)]
            : []),
      ],
    }
  } catch (error) {
    if (!isSessionsError(error)) throw error
    return { error, cookies: problemOf(error)?.final === true ? [...strays, ...cookies.clear()] : [] }
  }
}

async function refreshByBody<C extends object, D>(request: Arrival<C, D>): Promise<Reply> {
  const { sessions, exchange } = request
  try {
    const value = await presentedRefreshBody(exchange)
    if (value === null) throw new NotSignedInError()
    const { accessToken, refreshToken } = await request.internals.refresh(value, refreshContext(request))
    const answer: BearerAnswer = {
      accessToken: accessToken.value,
      refreshToken: refreshToken?.value ?? null,
      expiresIn: secondsUntil(sessions, accessToken.expiresAt),
    }
    return jsonReply(200, answer, NO_CACHING)
  } catch (error) {
    if (!isSessionsError(error)) throw error
    return errorReply(request, error, [])
  }
}

function refreshContext<C extends object, D>(request: Arrival<C, D>): RefreshContext {
  const { ip, userAgent, arrivedAt, exchange } = request
  return { ip, userAgent, arrivedAt, signal: exchange.signal }
}

function errorReply<C extends object, D>(
  request: Arrival<C, D>,
  error: AnySessionsError,
  cookies: readonly string[],
): Reply {
  const problem = problemOf(error)
  if (problem === null) throw error
  return problemReply(problem, request.transport === 'bearer', cookies)
}
