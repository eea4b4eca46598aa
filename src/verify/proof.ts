import { encodeBase64url } from '../portable/base64url.ts'
import { DeviceProofRequiredError, DeviceRequiredError } from '../portable/errors.ts'
import { type Proof, parseProof, provesRequest, thumbprintInput } from '../portable/proof.ts'
import type { VerifyContext } from './remote.ts'

/** A request that must carry a proof by the device of its session (RFC 9449). */
export interface ProvenRequest {
  /** The header `DPoP` of the request; `null` or `undefined` if it has none. */
  readonly proof: string | null | undefined
  /** The method of the request. */
  readonly method: string
  /** The URL of the request, as the client sees it. The verifier ignores the query and the scheme. */
  readonly url: string | URL
  /** `ctx` in a Cloudflare Worker, `event` in Next.js middleware. @defaultValue none */
  readonly context?: VerifyContext | undefined
}

const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const encoder = new TextEncoder()

/**
 * @param device the thumbprint that the access token names
 * @param now in ms
 * @throws DeviceRequiredError, DeviceProofRequiredError
 */
export async function assertProven(
  accessToken: string,
  device: string | null,
  { proof: value, method, url }: ProvenRequest,
  now: number,
): Promise<void> {
  if (device === null) throw new DeviceRequiredError()
  const proof = parseProof(value, 'dpop+jwt')
  const isProven =
    proof !== null &&
    URL.canParse(String(url)) &&
    provesRequest(proof, target(method, new URL(url)), await sha256(accessToken), now) &&
    (await isSignedBy(device, proof))
  if (!isProven) throw new DeviceProofRequiredError(null, null, 'request')
}

const target = (method: string, { host, pathname: path }: URL): Parameters<typeof provesRequest>[1] => ({
  method,
  host,
  path,
})

async function isSignedBy(device: string, { jwk, input, signature }: Proof): Promise<boolean> {
  if (jwk === null || (await sha256(thumbprintInput(jwk))) !== device) return false
  const key = await crypto.subtle.importKey('jwk', { ...jwk }, ES256, false, ['verify'])
  return crypto.subtle.verify(ES256, key, signature, encoder.encode(input))
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', encoder.encode(text))
  return encodeBase64url(String.fromCharCode(...new Uint8Array(digest)))
}
