import type { ProofRequest } from '../device.ts'
import { urlOf } from '../request.ts'
import type { DeviceSigner } from './device-signer.ts'

/** What a proof is about: a request with an access token, or one that answers a challenge of the server. */
type Claims = Omit<ProofRequest, 'accessToken'> & { readonly accessToken?: string; readonly nonce?: string }

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Makes a key whose private half no script can read. */
export function makeKey(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, false, ['sign'])
}

export function signerOf({ privateKey, publicKey }: CryptoKeyPair): DeviceSigner {
  return {
    publicKey: () => crypto.subtle.exportKey('jwk', publicKey),
    sign: (data) => crypto.subtle.sign(ALGORITHM, privateKey, data as BufferSource),
  }
}

/** Signs a DPoP proof (RFC 9449 section 4.2). */
export async function signProof(
  signer: DeviceSigner,
  { method, url, accessToken, nonce }: Claims,
): Promise<string> {
  const { kty, crv, x, y } = await signer.publicKey()
  const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
  const payload = {
    // Unique, not secret. React Native has no `crypto`.
    jti: `${Math.random()}${Math.random()}`.replace(/\D/g, ''),
    htm: method.toUpperCase(),
    htu: urlOf(url).replace(/[?#].*/, ''),
    iat: Math.floor(Date.now() / 1000),
    nonce,
    ath: accessToken && base64url(await digest(signer, bytesOf(accessToken))),
  }
  const input = [header, payload].map((part) => base64url(bytesOf(JSON.stringify(part)))).join('.')
  const signature = new Uint8Array(await signer.sign(bytesOf(input)))
  if (signature.length !== 64) throw new TypeError('`sign` must return 64 bytes: r and s, not DER')
  return `${input}.${base64url(signature)}`
}

async function digest(signer: DeviceSigner, data: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(
    await (signer.digest?.(data) ?? crypto.subtle.digest('SHA-256', data as BufferSource)),
  )
}

/** Everything in a proof is ASCII. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=/g, '')
}
