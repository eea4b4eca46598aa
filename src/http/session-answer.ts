import { hash } from 'node:crypto'
import type { IssuedToken } from '../core/tokens/issue.ts'
import type { BearerAnswer, CookieAnswer } from '../wire/names.ts'
import { createCsrfToken } from './csrf-token.ts'
import type { IncomingRequest } from './incoming-request.ts'

/** Characters of a marker: 48 bits, so that two sessions of one browser have different ones. */
const MARKER_LENGTH = 8

/** The body of a login or refresh in cookie mode. It holds no session token, and the CSRF token if the option asks for one. */
export function cookieAnswer<Claims extends object, Data>(
  { engine, options }: IncomingRequest<Claims, Data>,
  sessionId: string,
  accessToken: IssuedToken,
  deviceChallenge: string | null = null,
): CookieAnswer {
  return {
    expiresIn: secondsUntil(accessToken.expiresAt, engine.clock.now()),
    marker: sessionMarker(sessionId),
    ...(options.csrfToken && { csrfToken: createCsrfToken(engine.options.secrets, sessionId) }),
    ...(deviceChallenge !== null && { deviceChallenge }),
  }
}

/** The body of a login or refresh in bearer mode. */
export function bearerAnswer<Claims extends object, Data>(
  { engine }: IncomingRequest<Claims, Data>,
  accessToken: IssuedToken,
  refreshToken: IssuedToken | null,
  deviceChallenge: string | null = null,
): BearerAnswer {
  return {
    accessToken: accessToken.value,
    refreshToken: refreshToken?.value ?? null,
    expiresIn: secondsUntil(accessToken.expiresAt, engine.clock.now()),
    ...(deviceChallenge !== null && { deviceChallenge }),
  }
}

/** Tells sessions apart without naming them. No secret goes into it, so it is good for nothing else. */
function sessionMarker(sessionId: string): string {
  return hash('sha256', `pawl session marker\0${sessionId}`, 'base64url').slice(0, MARKER_LENGTH)
}

/** Whole seconds; never negative. */
function secondsUntil(time: Date, now: number): number {
  return Math.max(0, Math.floor((time.getTime() - now) / 1000))
}
