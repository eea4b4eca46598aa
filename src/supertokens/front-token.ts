import { TOKEN_CLAIM_NAMES } from '../portable/token-claims.ts'

/**
 * What a client may know of an access token: `uid`, the time of its expiry in ms (`ate`), and in `up` the claims of the
 * application with `sub`, `iat` and `exp`. In standard base64 with padding: the SDK for iOS decodes nothing else.
 * @param accessToken one that Pawl has just issued
 */
export function frontTokenOf(accessToken: string): string {
  const [, payload = ''] = accessToken.split('.')
  const claims: Record<string, unknown> & { sub?: unknown; iat?: unknown; exp?: unknown } = JSON.parse(
    Buffer.from(payload, 'base64url').toString(),
  )
  const { sub, iat, exp } = claims
  const own = Object.entries(claims).filter(([name]) => !TOKEN_CLAIM_NAMES.has(name) && name !== 'act')
  const info = { uid: sub, ate: Number(exp) * 1000, up: { ...Object.fromEntries(own), sub, iat, exp } }
  return Buffer.from(JSON.stringify(info)).toString('base64')
}
