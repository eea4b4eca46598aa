import { check } from '../portable/check-option.ts'
import type { AccessTokenProfile } from '../portable/token-payload.ts'
import type { Fetch } from './get.ts'
import { type JsonWebKeySet, usableKeys } from './keys.ts'

/** What {@link createVerifier} takes. Every duration is in seconds. */
export interface VerifierOptions {
  /**
   * The application's public keys: where it serves them, `https://app.example.com/.well-known/jwks.json`, or the
   * keys themselves. `http` for this machine only.
   */
  readonly jwks: string | URL | JsonWebKeySet
  /** The `issuer` of the application; checked when set. */
  readonly issuer?: string
  /** The `audience` of the application; checked when set. */
  readonly audience?: string
  /** The `clientId` of the application; checked when set. */
  readonly clientId?: string
  /**
   * Where the application tells which sessions ended or changed: `https://app.example.com/session/revocations`,
   * served with `revocations: true` there. Without it an access token is good until it expires.
   */
  readonly revocations?: string | URL
  /** How often it is asked, 1 to 60 seconds; no answer relies on anything older than twice that. @defaultValue 5 */
  readonly pollInterval?: number
  /** When it cannot be had: `serve`: go on with what is known; `refuse`: ERR_STORE_UNAVAILABLE. @defaultValue 'serve' */
  readonly onStale?: 'serve' | 'refuse'
  /** How long the application may take to answer, 0.1 to 30 seconds. @defaultValue 3 */
  readonly timeout?: number
  /** Name of the access cookie. @defaultValue '__Host-pawl-access' */
  readonly cookie?: string
  /** Memory for access tokens already verified, in bytes; 0 turns the cache off. @defaultValue 4_194_304 (4 MiB) */
  readonly tokenCacheBytes?: number
  /** Sends the requests to the application: over a service binding, or with headers of your own. @defaultValue the global one */
  readonly fetch?: Fetch
  /** The clock, in milliseconds since the epoch. @defaultValue Date.now */
  readonly now?: () => number
}

/** The options as the code uses them: checked, complete, in milliseconds. */
export interface ResolvedOptions {
  readonly jwks: string | JsonWebKeySet
  readonly profile: AccessTokenProfile
  readonly revocations: string | null
  readonly pollInterval: number
  readonly refusesStale: boolean
  readonly timeout: number
  readonly cookie: string
  readonly tokenCacheBytes: number
  readonly fetch: Fetch
  readonly now: () => number
}

const KNOWN: ReadonlySet<string> = new Set<keyof VerifierOptions>([
  'jwks',
  'issuer',
  'audience',
  'clientId',
  'revocations',
  'pollInterval',
  'onStale',
  'timeout',
  'cookie',
  'tokenCacheBytes',
  'fetch',
  'now',
])
const LOCAL = /^(?:localhost|[\w-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** @throws InvalidOptionsError */
export function resolveOptions(options: VerifierOptions): ResolvedOptions {
  const given = check.record('', options, KNOWN) as unknown as VerifierOptions
  const { pollInterval = 5, onStale = 'serve', timeout = 3, tokenCacheBytes = 4 * 1024 * 1024 } = given
  check.optionalFunction('fetch', given.fetch)
  check.optionalFunction('now', given.now)
  return Object.freeze({
    jwks: keysOf(given.jwks),
    profile: {
      issuer: check.text('issuer', given.issuer),
      audience: check.text('audience', given.audience),
      clientId: check.text('clientId', given.clientId),
    },
    revocations: given.revocations === undefined ? null : address('revocations', given.revocations),
    pollInterval: check.seconds('pollInterval', pollInterval, 1, 60),
    refusesStale: check.oneOf('onStale', onStale, ['serve', 'refuse']) === 'refuse',
    timeout: check.seconds('timeout', timeout, 0.1, 30),
    cookie: check.text('cookie', given.cookie) ?? '__Host-pawl-access',
    tokenCacheBytes: check.number('tokenCacheBytes', tokenCacheBytes, 0, 2 ** 33),
    // Looked up with each call: whoever instruments it may do so later.
    fetch: given.fetch ?? ((url, init) => fetch(url, init)),
    now: given.now ?? Date.now,
  })
}

function keysOf(jwks: unknown): string | JsonWebKeySet {
  if (typeof jwks === 'string' || jwks instanceof URL) return address('jwks', jwks)
  if (usableKeys(jwks).length === 0)
    check.fail('jwks', jwks, 'an address, or a key set that holds an EdDSA or ES256 key')
  return jwks as JsonWebKeySet
}

/** Whoever could change the answer on its way would decide who is signed in. */
function address(option: string, given: unknown): string {
  if ((typeof given === 'string' && URL.canParse(given)) || given instanceof URL) {
    const { protocol, hostname, username, password, href } = new URL(given)
    const isSafe = protocol === 'https:' || (protocol === 'http:' && LOCAL.test(hostname))
    if (isSafe && username === '' && password === '') return href
  }
  return check.fail(option, given, 'an https address without a password; http for this machine only')
}
