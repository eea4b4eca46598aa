import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Secret, Secrets } from '../core/keys/secrets.ts'
import { CsrfRejectedError } from '../portable/errors.ts'
import { CSRF_HEADER } from '../wire/names.ts'
import type { IncomingRequest } from './incoming-request.ts'

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
 * Bearer mode needs no token, because no page can make a browser send its headers.
 * @param token the token of a form field; undefined for the header of the request
 * @throws CsrfRejectedError
 */
export function assertCsrfTokenOf<Claims extends object, Data>(
  { engine, exchange, usesCookies }: IncomingRequest<Claims, Data>,
  sessionId: string,
  token: unknown = exchange.header(CSRF_HEADER),
): void {
  if (usesCookies && !isCsrfToken(engine.options.secrets, sessionId, token))
    throw new CsrfRejectedError('token')
}

/** Compares in constant time. */
function isCsrfToken(secrets: Secrets, sessionId: string, token: unknown): boolean {
  if (typeof token !== 'string' || !TOKEN.test(token)) return false
  const nonce = token.slice(0, NONCE_LENGTH)
  const mac = Buffer.from(token.slice(NONCE_LENGTH + 1), 'base64url')
  return secrets.some((secret) => timingSafeEqual(mac, macOf(secret, sessionId, nonce)))
}

function macOf(secret: Secret, sessionId: string, nonce: string): Buffer {
  return createHmac('sha256', secret.csrf).update(`${sessionId}.${nonce}`).digest()
}
