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
import { PROOF_HEADER } from '../wire/names.ts'
import { resolveOptions, type VerifierOptions } from './options.ts'
import { assertProven, type ProvenRequest } from './proof.ts'
import type { Remote, VerifyContext } from './remote.ts'
import { remoteKeys, remoteRevocations } from './sources.ts'

/** The part of a `Request` that the verifier reads. In Node.js: `{ headers: { get: (name) => req.headers[name] } }`. */
export interface RequestHeaders {
  /** The headers; the verifier reads them by lower-case names. */
  readonly headers: { get(name: string): string | null | undefined }
}

/** A verifier of the access tokens of one application, for another service. {@link createVerifier} makes it. */
export interface Verifier<Claims extends object = ClaimsObject> {
  /**
   * Verifies an access token. It loads keys and revocations from the application, but sends it no token.
   * @param context `ctx` in a Cloudflare Worker, `event` in Next.js middleware
   * @throws AccessTokenInvalidError if the token is not genuine, or its key is retired
   * @throws AccessTokenExpiredError if the client must refresh
   * @throws SessionEndedError if the session is known to have ended
   * @throws StoreUnavailableError if the verifier cannot load the keys, or with `onStale: 'refuse'` the revocations
   */
  verify(accessToken: string, context?: VerifyContext): Promise<VerifiedSession<Claims>>
  /**
   * Verifies an access token, and the proof that came with it (RFC 9449 section 7). The proof is a JWT of the type `dpop+jwt`,
   * signed by the key of the session. It has `htm`, `htu` and `ath` of this request and an `iat` within five minutes. The
   * verifier remembers no proofs, so one can be repeated within these minutes (RFC 9449 section 11.1).
   * @throws AccessTokenInvalidError, AccessTokenExpiredError, SessionEndedError and StoreUnavailableError as without a proof
   * @throws DeviceRequiredError if the session is not bound to a device
   * @throws DeviceProofRequiredError if the proof is missing, or is not for this request and this token
   */
  verify(accessToken: string, request: ProvenRequest): Promise<VerifiedSession<Claims>>
  /**
   * Verifies the access token of a request, from the header `Authorization: Bearer` or else from the access cookie.
   * @param context `ctx` in a Cloudflare Worker, `event` in Next.js middleware
   * @throws NotSignedInError if the request has no access token
   * @throws AccessTokenInvalidError, AccessTokenExpiredError, SessionEndedError and StoreUnavailableError as {@link verify}
   */
  verifyRequest(request: RequestHeaders, context?: VerifyContext): Promise<VerifiedSession<Claims>>
  /**
   * Verifies the access token of a request, and the proof in its header `DPoP`, as {@link verify} does. Behind a proxy, `url`
   * must have the host that the client sees.
   * @throws NotSignedInError if the request has no access token
   * @throws DeviceRequiredError, DeviceProofRequiredError and the other errors of {@link verify}
   */
  verifyRequest(
    request: RequestHeaders & Pick<ProvenRequest, 'method' | 'url'>,
    options: { readonly proof: true } & Pick<ProvenRequest, 'context'>,
  ): Promise<VerifiedSession<Claims>>
}

/**
 * Makes a verifier of access tokens that needs no database: for other services, edge functions, Deno, Bun and Workers.
 * The application needs the option `keys.algorithm` `'EdDSA'` or `'ES256'`. The verifier does no I/O before the first token.
 *
 * @example
 * const verifier = createVerifier<{ role: string }>({
 *   jwks: 'https://app.example.com/.well-known/jwks.json',
 *   revocations: 'https://app.example.com/session/revocations',
 * })
 * const { userId, claims } = await verifier.verifyRequest(request)
 *
 * @throws InvalidOptionsError for an option that is missing, unknown or wrong
 */
export function createVerifier<Claims extends object = ClaimsObject>(
  given: VerifierOptions,
): Verifier<Claims> {
  const options = resolveOptions(given)
  const { now, profile } = options
  const keys = remoteKeys(options)
  const revocations = remoteRevocations(options)
  const cache = createTokenCache<VerifiedToken>(options.cacheBytes)

  /** Checks the signature before it reads the payload. */
  async function verifyUncached(
    value: string,
    parts: TokenParts,
    context: VerifyContext | undefined,
    until: number,
  ): Promise<VerifiedToken> {
    let key = keys.latest?.get(parts.header)
    if (key === undefined && couldBeOurs(parts.header)) {
      await keys.reload(context, until)
      key = keys.latest?.get(parts.header)
    }
    if (key === undefined || !(await key.verify(parts.input, parts.signature)))
      throw new AccessTokenInvalidError()
    const parsed = readPayload({ ...parts, header: key.header }, profile)
    assertBegun(parsed, now())
    const token = toVerifiedToken(parsed, parsed.claims, false)
    cache.set(value, token)
    return token
  }

  function assertValid(token: VerifiedToken): void {
    const list = revocations?.latest?.list ?? null
    assertUnexpired(token, now(), list === null ? Number.POSITIVE_INFINITY : list.lifetime * 1000)
    if (list !== null) assertNotRevoked(token, list.get, list.refreshBefore * 1000)
    if (revocations !== null && options.refusesStale) assertUsable(revocations, 'revocations')
  }

  /** @param until the time to stop waiting for the application @param proven the request whose proof to check */
  async function verify(
    value: string,
    context: VerifyContext | undefined,
    until: number,
    proven?: ProvenRequest,
  ): Promise<VerifiedSession<Claims>> {
    const cached = typeof value === 'string' ? cache.get(value) : undefined
    // Throws for a malformed token before any request to the application.
    const parts = cached === undefined ? splitToken(value) : null
    await Promise.all([keys.ready(context, until), revocations?.ready(context, until)])
    assertUsable(keys, 'jwks')
    // A cached token whose key was retired is verified again, and fails.
    const isCurrent = cached !== undefined && keys.latest?.has(cached.header) === true
    const token = isCurrent ? cached : await verifyUncached(value, parts ?? splitToken(value), context, until)
    assertValid(token)
    if (proven !== undefined) await assertProven(value, token.session.device, proven, now())
    return token.session
  }

  /** Of many cookies, verified tokens come first, then those of known keys. */
  const evidenceFor = (value: string): number =>
    cache.get(value) ? 2 : Number(keys.latest?.has(value.split('.', 1)[0]!))

  return {
    verify(value: string, given?: VerifyContext | ProvenRequest) {
      const until = now() + options.timeout
      return given !== undefined && 'proof' in given
        ? verify(value, given.context, until, given)
        : verify(value, given, until)
    },
    async verifyRequest(
      { headers, method = '', url = '' }: RequestHeaders & Partial<ProvenRequest>,
      given?: VerifyContext | { readonly proof: true; readonly context?: VerifyContext | undefined },
    ) {
      const [context, proven] =
        given !== undefined && 'proof' in given
          ? [given.context, { proof: headers.get(PROOF_HEADER), method, url }]
          : [given]
      const request: HeaderSource = { header: (name) => headers.get(name) }
      let error: SessionsError = new NotSignedInError()
      // All cookies of the request together wait no longer than one.
      const until = now() + options.timeout
      for (const value of accessTokensOf(request, transportOf(request), options.cookie, evidenceFor)) {
        try {
          return await verify(value, context, until, proven)
        } catch (thrown) {
          if (!isSessionsError(thrown)) throw thrown
          error = thrown
        }
      }
      throw error
    },
  }
}

/** @throws StoreUnavailableError */
function assertUsable({ isUsable, lastError }: Remote<unknown>, option: string): void {
  if (!isUsable)
    throw new StoreUnavailableError(`Cannot load \`${option}\`. Check the address and the application.`, {
      cause: lastError,
    })
}
