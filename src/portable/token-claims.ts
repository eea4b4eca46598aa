/** The claims of an access token besides those of the application (RFC 7519, RFC 9068 section 2.2). */
export interface TokenClaims {
  sub: string
  sid: string
  iat: number
  exp: number
  auth_time: number
  ver: number
  gen?: string
  n?: number
  ctx?: string
  act?: { sub: string; sid: string; ver?: number }
  cnf?: { jkt: string }
  psid?: string | string[]
  nbf?: number
  iss?: string
  aud?: string | string[]
  client_id?: string
  jti?: string
}

/** Names that became reserved after 0.1.0, so a row may still hold a claim of such a name. */
export const LATER_CLAIM_NAMES = ['act', 'psid'] as const

/** Names that are never a claim of the application. Assigning `__proto__` would set a prototype. */
export const TOKEN_CLAIM_NAMES: ReadonlySet<string> = new Set<
  Exclude<keyof TokenClaims, (typeof LATER_CLAIM_NAMES)[number]> | '__proto__'
>([
  'sub',
  'sid',
  'iat',
  'exp',
  'auth_time',
  'ver',
  'gen',
  'n',
  'ctx',
  'nbf',
  'iss',
  'aud',
  'client_id',
  'jti',
  'cnf',
  '__proto__',
])
