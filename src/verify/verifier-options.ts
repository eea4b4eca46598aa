// `npm run options` writes this file from ./option-table.ts. Change that file instead.

import type { Fetch } from './get.ts'
import type { JsonWebKeySet } from './keys.ts'

/** The options of {@link createVerifier}. Every duration is in seconds. */
export interface VerifierOptions {
  /**
   * The application's public keys, or the URL at which it serves them:
   * `https://app.example.com/.well-known/jwks.json`.
   */
  readonly jwks: string | URL | JsonWebKeySet | undefined
  /**
   * The `accessToken.issuer` of the application. If you set it, the verifier checks the claim `iss`.
   * Takes a string of 1 to 255 characters.
   */
  readonly issuer?: string
  /**
   * The `accessToken.audience` of the application. If you set it, the verifier checks the claim `aud`.
   * Takes a string of 1 to 255 characters.
   */
  readonly audience?: string
  /**
   * The `accessToken.clientId` of the application. If you set it, the verifier checks the claim `client_id`.
   * Takes a string of 1 to 255 characters.
   */
  readonly clientId?: string
  /**
   * The URL at which the application serves its revocations: `https://app.example.com/session/revocations`. The
   * adapter there needs `revocations: true`. Without this option an access token is valid until it expires.
   */
  readonly revocations?: string | URL
  /**
   * How often the verifier reads the revocations. It never relies on an answer older than twice this time.
   * Takes 1 to 60 seconds.
   * @defaultValue 5
   */
  readonly pollInterval?: number
  /**
   * How the verifier continues when it cannot read the revocations. `serve` relies on those that it knows,
   * `refuse` throws `StoreUnavailableError`.
   * @defaultValue 'serve'
   */
  readonly onStale?: 'serve' | 'refuse'
  /**
   * How long the application may take to answer. No verification waits longer.
   * Takes 0.1 to 30 seconds.
   * @defaultValue 3
   */
  readonly timeout?: number
  /**
   * The name of the access cookie. On plain http at localhost the application calls it `pawl-access`, unless it
   * has `NODE_ENV=production`: set that during development.
   * Takes a cookie name of at most 64 characters.
   * @defaultValue '__Host-pawl-access'
   */
  readonly cookie?: string
  /**
   * The memory of the cache of verified access tokens. 0 turns the cache off.
   * Takes 0 to 8,589,934,592 bytes.
   * @defaultValue 4,194,304 (4 MiB)
   */
  readonly cacheBytes?: number
  /**
   * A function that sends the requests to the application, over a service binding or with your own headers.
   * @defaultValue the global fetch
   */
  readonly fetch?: Fetch
  /**
   * The clock, in milliseconds since the epoch.
   * @internal
   */
  readonly now?: () => number
}

/** {@link VerifierOptions}, checked and complete. Durations are in milliseconds. */
export interface ResolvedVerifierOptions {
  readonly jwks: string | JsonWebKeySet
  readonly issuer: string | null
  readonly audience: string | null
  readonly clientId: string | null
  readonly revocations: string | null
  readonly pollInterval: number
  readonly onStale: 'serve' | 'refuse'
  readonly timeout: number
  readonly cookie: string
  readonly cacheBytes: number
  readonly fetch: Fetch | null
  readonly now: (() => number) | null
}
