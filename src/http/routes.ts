import { refresh } from '../core/refresh/refresh.ts'
import type { RevocationSnapshot } from '../core/revocation/revocation-snapshot.ts'
import { isOfUnknownSecret, parseRefreshToken } from '../core/tokens/refresh-token.ts'
import {
  type AnySessionsError,
  isSessionsError,
  NotSignedInError,
  SecretUnknownError,
} from '../portable/errors.ts'
import { challengeHeaders } from './device-challenge.ts'
import { deviceRoute } from './device-route.ts'
import { endSessions } from './end-sessions.ts'
import { errorReply } from './error-reply.ts'
import type { Exchange, Header, Reply } from './exchange.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { isNavigation } from './page-load.ts'
import { provingPage, provingScript } from './proving-page.ts'
import { pruneRoute } from './prune-route.ts'
import { refreshByCookie, refreshContext } from './refresh-cookies.ts'
import { createReply, jsonReply, methodNotAllowed, NO_CACHING, setCookieHeaders } from './reply.ts'
import { RequestSession } from './request-session.ts'
import { NOT_REFRESHED, redirectBack, resumeAgain, UNKNOWN_SECRET } from './resume.ts'
import { bearerAnswer, cookieAnswer } from './session-answer.ts'

export const JWKS_PATH = '/.well-known/jwks.json'

/** Pawl's own routes below the option `path`. */
const NAMES = ['refresh', 'logout', 'device', 'device.js', 'revocations', 'prune'] as const

export type RouteName = (typeof NAMES)[number]

/** Where Pawl serves one of its own routes. @param path the option `path` */
export function routePath(path: string, name: RouteName): string {
  return `${path}/${name}`
}

/** The paths of all of them. */
export function routePaths(path: string): string[] {
  return NAMES.map((name) => routePath(path, name))
}

/**
 * Answers Pawl's own routes; null for every other request.
 * @param takeSnapshot null if the application does not serve its revocations
 */
export function route<C extends object, D>(
  request: IncomingRequest<C, D>,
  takeSnapshot: (() => RevocationSnapshot) | null,
): Reply | Promise<Reply> | null {
  const { options, path, sessions } = request
  const { method } = request.exchange
  if (method === 'OPTIONS' || request.isHandshake) return null
  switch (path) {
    case routePath(options.path, 'refresh'):
      if (method === 'POST') return refreshRoute(request)
      return method === 'GET' ? resumeRoute(request) : methodNotAllowed('POST')
    case routePath(options.path, 'device'):
      return method === 'POST'
        ? deviceRoute(request, () => refreshTokenInBody(request.exchange))
        : methodNotAllowed('POST')
    case routePath(options.path, 'device.js'):
      return isRead(method) ? provingScript() : methodNotAllowed('GET, HEAD')
    case routePath(options.path, 'logout'):
      return method === 'POST' ? logoutRoute(request) : methodNotAllowed('POST')
    case JWKS_PATH:
      return isRead(method) && sessions.keys.jwks().keys.length > 0 ? jwksRoute(request) : null
    case routePath(options.path, 'revocations'):
      if (takeSnapshot === null) return null
      return isRead(method) ? revocationsRoute(request, takeSnapshot) : methodNotAllowed('GET, HEAD')
    case routePath(options.path, 'prune'):
      if (options.cronSecret === null) return null
      return method === 'GET' ? pruneRoute(request, options.cronSecret) : methodNotAllowed('GET')
    default:
      return null
  }
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** `POST <path>/refresh`. */
async function refreshRoute<C extends object, D>(request: IncomingRequest<C, D>): Promise<Reply> {
  if (request.transport === 'bearer') return refreshByBody(request)
  const result = await refreshByCookie(request)
  if ('error' in result) return replyTo(request, result.error, result.cookies, result.headers)
  const { row, accessToken } = result.refreshed
  const answer = cookieAnswer(request, row.id, accessToken)
  return jsonReply(200, answer, [...NO_CACHING, ...result.headers, ...setCookieHeaders(result.cookies)])
}

/** `GET <path>/refresh?to=…`: resumes a document navigation. The one GET that changes state. */
async function resumeRoute<C extends object, D>(request: IncomingRequest<C, D>): Promise<Reply> {
  if (!isNavigation(request.exchange)) return methodNotAllowed('POST')
  const { exchange, engine, options } = request
  // Any site can send the browser here, as often as it likes.
  if (await needsNoRefresh(request))
    return redirectBack(exchange.target, engine.clock.now(), [], NOT_REFRESHED)
  const next = resumeAgain(exchange.target, engine.clock.now())
  const result = await refreshByCookie(request, next !== null)
  if ('error' in result && result.error.code === 'ERR_DEVICE_PROOF_REQUIRED' && next !== null)
    return provingPage(result.error, options.path, next, result.cookies, result.headers)
  const secretUnknown = 'error' in result && result.error.code === 'ERR_SECRET_UNKNOWN'
  if ('error' in result && 'retryAfter' in result.error && !secretUnknown)
    return replyTo(request, result.error)
  const ending = secretUnknown ? UNKNOWN_SECRET : ''
  return redirectBack(exchange.target, engine.clock.now(), result.cookies, ending)
}

/** Whether the access token is valid. The row is read too, because this process may learn of a change later than others. */
async function needsNoRefresh<C extends object, D>(request: IncomingRequest<C, D>): Promise<boolean> {
  const session = new RequestSession(request)
  if (session.error !== null) return false
  await session.checkRow()
  return session.error === null || 'retryAfter' in session.error
}

/** `POST <path>/logout`. Answers 204 even if nobody was signed in. */
async function logoutRoute<C extends object, D>(request: IncomingRequest<C, D>): Promise<Reply> {
  const { transport, namedSessionIds, engine, sessions } = request
  try {
    const value = transport === 'bearer' ? await refreshTokenInBody(request.exchange) : null
    const inBody = parseRefreshToken(engine.options.secrets, value)
    // In a half-finished deploy. A later logout can still end the session.
    if (
      inBody.token === null &&
      (request.namesUnknownSession || (namedSessionIds.length === 0 && isOfUnknownSecret(inBody)))
    ) {
      engine.events.emit('secretUnknown', {})
      throw new SecretUnknownError()
    }
    await endSessions(request, [...namedSessionIds, ...request.besideSessionIds])
    if (inBody.token !== null) await sessions.revoke(inBody.token.sessionId, 'logout')
  } catch (error) {
    if (!isSessionsError(error)) throw error
    return replyTo(request, error)
  }
  const cleared = transport === 'cookie' ? [...request.clearedCookies, ...request.clearedBeside] : []
  return createReply(204, [...NO_CACHING, ...setCookieHeaders(cleared)])
}

/** `GET /.well-known/jwks.json`: cached for less time than a key is published before it signs. */
function jwksRoute<C extends object, D>({ sessions }: IncomingRequest<C, D>): Reply {
  return createReply(
    200,
    [
      ['content-type', 'application/jwk-set+json'],
      ['cache-control', 'public, max-age=300'],
    ],
    JSON.stringify(sessions.keys.jwks()),
  )
}

/** `GET <path>/revocations`: a snapshot is taken at most once a second, and cached for as long. */
function revocationsRoute<C extends object, D>(
  request: IncomingRequest<C, D>,
  takeSnapshot: () => RevocationSnapshot,
): Reply {
  try {
    const { body, etag } = takeSnapshot()
    const validators = [
      ['etag', etag],
      ['cache-control', 'public, max-age=1, must-revalidate'],
    ] as const
    if (matchesEtag(request.exchange.header('if-none-match'), etag)) return createReply(304, validators)
    return createReply(200, [['content-type', 'application/octet-stream'], ...validators], body)
  } catch (error) {
    if (!isSessionsError(error)) throw error
    return replyTo(request, error)
  }
}

/** RFC 9110 section 13.1.2: a cache in between may have weakened the tag. */
function matchesEtag(header: string | undefined, etag: string): boolean {
  return header?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag) === true
}

async function refreshByBody<C extends object, D>(request: IncomingRequest<C, D>): Promise<Reply> {
  const { engine, exchange } = request
  try {
    const value = await refreshTokenInBody(exchange)
    if (value === null) throw new NotSignedInError()
    const presented = parseRefreshToken(engine.options.secrets, value)
    const refreshed = await refresh(engine, presented, refreshContext(request))
    const { row, accessToken, refreshToken, challenge } = refreshed
    const headers = [...NO_CACHING, ...challengeHeaders(row.id, challenge, row.device?.kind)]
    return jsonReply(200, bearerAnswer(request, accessToken, refreshToken), headers)
  } catch (error) {
    if (!isSessionsError(error)) throw error
    const challenge = error.code === 'ERR_DEVICE_PROOF_REQUIRED' ? error.challenge : null
    return replyTo(request, error, [], challengeHeaders('', challenge, 'native'))
  }
}

/** The refresh token in a bearer-mode body, `{ "refreshToken": "…" }`; null for none. */
async function refreshTokenInBody(exchange: Exchange): Promise<string | null> {
  const body = await exchange.json()
  // An unreadable body holds an invalid token, not none.
  if (body === undefined) return ''
  if (typeof body !== 'object' || body === null || !('refreshToken' in body)) return null
  return typeof body.refreshToken === 'string' ? body.refreshToken : ''
}

/** @throws the error itself if it is a mistake in the program */
function replyTo<C extends object, D>(
  request: IncomingRequest<C, D>,
  error: AnySessionsError,
  cookies: readonly string[] = [],
  headers: readonly Header[] = [],
): Reply {
  const reply = errorReply(request, error, cookies)
  if (reply === null) throw error
  return { ...reply, headers: [...reply.headers, ...headers] }
}
