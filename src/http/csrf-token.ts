import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Secret, Secrets } from '../core/keys/secrets.ts'
import { CsrfRejectedError } from '../portable/errors.ts'
import { CSRF_HEADER } from '../wire/names.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { chooseRefreshToken } from './refresh-cookies.ts'
import type { RequestSession } from './request-session.ts'

/*
 * The CSRF token is a signed double submit bound to the session (OWASP CSRF cheat sheet): a nonce and a MAC
 * over session id and nonce, each of a fixed length.
 */

const NONCE_BYTES = 12
/** Characters of the nonce in the token. */
const NONCE_LENGTH = 16
const TOKEN = /^[\w-]{16}\.[\w-]{43}$/

export function createCsrfToken([secret]: Secrets, sessionId: string): string {
  const nonce = randomBytes(NONCE_BYTES).toString('base64url')
  return `${nonce}.${macOf(secret, sessionId, nonce).toString('base64url')}`
}

/**
 * The refresh route needs no token, because a newly loaded page gets its token there. A WebSocket handshake is a
 * GET and needs none either, because a page cannot add headers to it.
 * @throws CsrfRejectedError
 */
export function assertCsrfToken<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  session: RequestSession<Claims, Data>,
): void {
  const { engine, exchange, options } = request
  if (request.isSafeMethod || request.path === `${options.path}/refresh`) return
  const sessionId = actingSessionId(request, session)
  if (sessionId !== null && !isCsrfToken(engine.options.secrets, sessionId, exchange.header(CSRF_HEADER)))
    throw new CsrfRejectedError('token')
}

/**
 * The session that the request would act with; null for none. Cookies of an ended session are ignored: no CSRF
 * token can be issued for it, and a new login must not need one.
 */
function actingSessionId<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  session: RequestSession<Claims, Data>,
): string | null {
  const { options, path } = request
  if (session.error === null) return session.sessionId
  if (path === `${options.path}/logout`) return request.namedSessionIds[0] ?? null
  if (!options.inline || !session.isRenewable) return null
  const chosen = chooseRefreshToken(request)
  return typeof chosen === 'string' ? null : (chosen.token?.sessionId ?? null)
}

function isCsrfToken(secrets: Secrets, sessionId: string, token: string | undefined): boolean {
  if (token === undefined || !TOKEN.test(token)) return false
  const nonce = token.slice(0, NONCE_LENGTH)
  const mac = Buffer.from(token.slice(NONCE_LENGTH + 1), 'base64url')
  return secrets.some((secret) => timingSafeEqual(mac, macOf(secret, sessionId, nonce)))
}

function macOf(secret: Secret, sessionId: string, nonce: string): Buffer {
  return createHmac('sha256', secret.csrf).update(`${sessionId}.${nonce}`).digest()
}
