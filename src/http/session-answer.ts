import type { IssuedToken } from '../core/tokens/issue.ts'
import type { BearerAnswer, CookieAnswer } from '../wire/names.ts'
import { createCsrfToken } from './csrf-token.ts'
import type { IncomingRequest } from './incoming-request.ts'

/** The body of a login or refresh in cookie mode. It holds no session token, and the CSRF token if the option asks for one. */
export function cookieAnswer<Claims extends object, Data>(
  { engine, options }: IncomingRequest<Claims, Data>,
  sessionId: string,
  accessToken: IssuedToken,
): CookieAnswer {
  return {
    expiresIn: secondsUntil(accessToken.expiresAt, engine.clock.now()),
    ...(options.csrfToken && { csrfToken: createCsrfToken(engine.options.secrets, sessionId) }),
  }
}

/** The body of a login or refresh in bearer mode. */
export function bearerAnswer<Claims extends object, Data>(
  { engine }: IncomingRequest<Claims, Data>,
  accessToken: IssuedToken,
  refreshToken: IssuedToken | null,
): BearerAnswer {
  return {
    accessToken: accessToken.value,
    refreshToken: refreshToken?.value ?? null,
    expiresIn: secondsUntil(accessToken.expiresAt, engine.clock.now()),
  }
}

/** Whole seconds; never negative. */
function secondsUntil(time: Date, now: number): number {
  return Math.max(0, Math.floor((time.getTime() - now) / 1000))
}
