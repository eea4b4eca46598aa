import type { Sessions } from '../core/api.ts'
import { internals } from '../core/internals.ts'
import type { CookieAnswer } from '../wire/names.ts'

/** The body of a login or refresh answer in cookie mode. It holds no token but, where asked for, the CSRF token. */
export function cookieAnswer<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  sessionId: string,
  expiresAt: Date,
  csrfToken: boolean,
): CookieAnswer {
  return {
    expiresIn: secondsUntil(sessions, expiresAt),
    ...(csrfToken && { csrfToken: sessions[internals].csrfToken(sessionId) }),
  }
}

/** Whole seconds from now; never negative. */
export function secondsUntil<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  time: Date,
): number {
  return Math.max(0, Math.floor((time.getTime() - sessions[internals].now()) / 1000))
}
