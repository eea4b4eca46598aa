import type { ClaimsObject } from '../portable/claims.ts'
import {
  AccessTokenInvalidError,
  isSessionsError,
  NotSignedInError,
  type SessionsError,
  StoreUnavailableError,
} from '../portable/errors.ts'
import { assertNotRevoked } from '../portable/revocation-value.ts'
import { createTokenCache } from '../portable/token-cache.ts'
import { couldBeOurs } from '../portable/token-header.ts'
import {
  assertBegun,
  assertUnexpired,
  readPayload,
  splitToken,
  type TokenParts,
} from '../portable/token-payload.ts'
import type { VerifiedSession } from '../portable/verified-session.ts'
import { toVerifiedToken, type VerifiedToken } from '../portable/verified-token.ts'
import { accessTokensOf, type HeaderSource, transportOf } from '../wire/credentials.ts'
import { resolveOptions, type VerifierOptions } from './options.ts'
import type { VerifyContext } from './remote.ts'
import { remoteKeys, remoteRevocations } from './sources.ts'

/** As much of a `Request` as is looked at; `{ headers: { get: (name) => req.headers[name] } }` of Node will do. */
export interface RequestHeaders {
  readonly headers: { get(name: string): string | null | undefined }
}

/** Verifies the access tokens of one application in another service. Made by {@link createVerifier}. */
export interface Verifier<Claims extends object = ClaimsObject> {
  /**
   * Verifies an access token. Asks the application now and then, but not for it.
   * @param context in a Cloudflare Worker its `ctx`, in Next.js middleware its `event`
   * @throws AccessTokenInvalidError, AccessTokenExpiredError, SessionEndedError
   * @throws StoreUnavailableError when the application's keys cannot be had; with `onStale: 'refuse'` also its revocations
   */
  verify(accessToken: string, context?: VerifyContext): Promise<VerifiedSession<Claims>>
  /**
   * The same for the token of a request: `Authorization: Bearer`, or else the access cookie.
   * @throws also NotSignedInError
   */
  verifyRequest(request: RequestHeaders, context?: VerifyContext): Promise<VerifiedSession<Claims>>
}

/**
 * Verifies access tokens where there is no database: in other services, edge functions, Deno, Bun and Workers.
 * The application needs `algorithm: 'EdDSA'` or `'ES256'`. Does no I/O before the first token comes.
 *
 * @example
 * const verifier = createVerifier<{ role: string }>({
 *   jwks: 'https://app.example.com/.well-known/jwks.json',
 *   revocations: 'https://app.example.com/session/revocations',
 * })
 * const { userId, claims } = await verifier.verifyRequest(request)
 *
 * @throws InvalidOptionsError
 */
export function createVerifier<Claims extends object = ClaimsObject>(
  given: VerifierOptions,
): Verifier<Claims> {
  const options = resolveOptions(given)
  const { now, profile } = options
  const keys = remoteKeys(options)
  const revocations = remoteRevocations(options)
  const cache = createTokenCache<VerifiedToken>(options.cacheBytes)

  /** Nothing of it is interpreted before its signature has been checked. */
  async function verifyUncached(
    value: string,
    parts: TokenParts,
    context: VerifyContext | undefined,
  ): Promise<VerifiedToken> {
    let key = keys.held?.get(parts.header)
    if (key === undefined && couldBeOurs(parts.header)) {
      await keys.reload(context)
      key = keys.held?.get(parts.header)
    }
    if (key === undefined || !(await key.verify(parts.input, parts.signature)))
      throw new AccessTokenInvalidError()
    const parsed = readPayload({ ...parts, header: key.header }, profile)
    assertBegun(parsed, now())
    const token = toVerifiedToken(parsed)
    cache.set(value, token)
    return token
  }

  function assertGood(token: VerifiedToken): void {
    const list = revocations?.held?.list ?? null
    assertUnexpired(token, now(), list === null ? Number.POSITIVE_INFINITY : list.lifetime * 1000)
    if (list !== null) assertNotRevoked(token, list.get(token.sessionId), list.refreshBefore * 1000)
    if (revocations !== null && options.refusesStale && !revocations.usable)
      throw new StoreUnavailableError("the application's revocations cannot be had", {
        cause: revocations.failure,
      })
  }

  async function verify(value: string, context?: VerifyContext): Promise<VerifiedSession<Claims>> {
    let token = typeof value === 'string' ? cache.get(value) : undefined
    // Malformed text is refused before any request to the application.
    const parts = token === undefined ? splitToken(value) : null
    const loading = [keys.ready(context), revocations?.ready(context)]
    for (const work of loading) if (work !== undefined) await work
    if (!keys.usable)
      throw new StoreUnavailableError("the application's keys cannot be had", { cause: keys.failure })
    // If the key of a cached token has been retired, `verifyUncached` refuses the token.
    if (token === undefined || keys.held?.has(token.header) !== true)
      token = await verifyUncached(value, parts ?? splitToken(value), context)
    assertGood(token)
    return token.session
  }

  return {
    verify,
    async verifyRequest({ headers }, context) {
      const request: HeaderSource = { header: (name) => headers.get(name) }
      let error: SessionsError = new NotSignedInError()
      for (const value of accessTokensOf(request, transportOf(request), options.cookie)) {
        try {
          return await verify(value, context)
        } catch (thrown) {
          if (!isSessionsError(thrown)) throw thrown
          error = thrown
        }
      }
      throw error
    },
  }
}
