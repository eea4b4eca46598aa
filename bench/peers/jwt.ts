import { createSecretKey } from 'node:crypto'
import { createSigner, createVerifier } from 'fast-jwt'
import { jwtVerify } from 'jose'

interface Payload {
  readonly sub: string
}
type Verify = (token: string) => Payload

/** fast-jwt, with and without its cache of verified tokens. */
export function fastJwt(key: string) {
  const sign = createSigner({ key, algorithm: 'HS256', expiresIn: 3_600_000, kid: 'abcdefgh' })
  return {
    sign: (claims: object): string => sign({ ...claims }),
    verify: createVerifier({ key, algorithms: ['HS256'], cache: false }) as Verify,
    verifyCached: createVerifier({ key, algorithms: ['HS256'], cache: 10_000 }) as Verify,
  }
}

/** jose uses WebCrypto, which is asynchronous. */
export function jose(key: string): (token: string) => Promise<Payload> {
  const secret = createSecretKey(Buffer.from(key))
  return async (token) => (await jwtVerify<Payload>(token, secret, { algorithms: ['HS256'] })).payload
}
