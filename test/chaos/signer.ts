import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'

/** The key of a client, which no thief can copy. */
export interface Signer {
  /** A proof for one request (RFC 9449 section 4.2). @param nonce the challenge of the server */
  prove(method: string, url: string, nonce: string): string
}

export function createSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  const header = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } })
  return {
    prove(htm, htu, nonce) {
      const iat = Math.floor(Date.now() / 1000)
      const input = `${header}.${encode({ jti: randomUUID(), htm, htu, iat, nonce })}`
      const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      return `${input}.${signature.toString('base64url')}`
    },
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
