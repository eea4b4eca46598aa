import { createSecretKey } from 'node:crypto'
import { jwtVerify } from 'jose'

/** jose verifies by WebCrypto, whose answer is always a promise. */
export function jose(key: string): (token: string) => Promise<{ readonly sub: string }> {
  const secret = createSecretKey(Buffer.from(key))
  return async (token) => (await jwtVerify<{ sub: string }>(token, secret, { algorithms: ['HS256'] })).payload
}
