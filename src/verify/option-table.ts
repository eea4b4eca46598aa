import { isLoopbackHost } from '../portable/loopback.ts'
import { check } from '../portable/options/check.ts'
import { cookieName } from '../portable/options/cookie-name.ts'
import type { OptionTable, OptionValue } from '../portable/options/option.ts'
import { bytes, callback, oneOf, seconds, text } from '../portable/options/values.ts'
import { usableKeys } from './keys.ts'

/** The options of `createVerifier`. After a change run `npm run options`. */
export const VERIFIER_OPTIONS: OptionTable = {
  /**
   * The application's public keys, or the URL at which it serves them: `https://app.example.com/.well-known/jwks.json`.
   * @type {string | URL | JsonWebKeySet | undefined}
   */
  jwks: { value: keySource(), required: true },
  /** The `accessToken.issuer` of the application. If you set it, the verifier checks the claim `iss`. */
  issuer: { value: text() },
  /** The `accessToken.audience` of the application. If you set it, the verifier checks the claim `aud`. */
  audience: { value: text() },
  /** The `accessToken.clientId` of the application. If you set it, the verifier checks the claim `client_id`. */
  clientId: { value: text() },
  /**
   * The URL at which the application serves its revocations: `https://app.example.com/session/revocations`. The adapter
   * there needs `revocations: true`. Without this option an access token is valid until it expires.
   * @type {string | URL}
   */
  revocations: { value: address() },
  /**
   * How often the verifier reads the revocations. It never relies on an answer older than twice this time.
   */
  pollInterval: { value: seconds(1, 60), default: 5 },
  /**
   * How the verifier continues when it cannot read the revocations. `serve` relies on those that it knows, `refuse` throws
   * `StoreUnavailableError`.
   */
  onStale: { value: oneOf('serve', 'refuse'), default: 'serve' },
  /** How long the application may take to answer. No verification waits longer. */
  timeout: { value: seconds(0.1, 30), default: 3 },
  /**
   * The name of the access cookie. On plain http at localhost the application calls it `pawl-access`, unless it has
   * `NODE_ENV=production`: set that during development.
   */
  cookie: { value: cookieName(), default: '__Host-pawl-access' },
  /** The memory of the cache of verified access tokens. 0 turns the cache off. */
  cacheBytes: { value: bytes(0, 2 ** 33), default: 4 * 1024 * 1024 },
  /**
   * A function that sends the requests to the application, over a service binding or with your own headers.
   * @type {Fetch}
   * @defaultValue the global `fetch`
   */
  fetch: { value: callback() },
  /**
   * The clock, in milliseconds since the epoch.
   * @type {() => number}
   */
  now: { value: callback(), internal: true },
}

function keySource(): OptionValue {
  const takes = 'an address, or a key set that holds an EdDSA or ES256 key'
  return {
    takes,
    check(option, value) {
      if (typeof value === 'string' || value instanceof URL) return address().check(option, value)
      return usableKeys(value).length > 0 ? value : check.fail(option, value, takes)
    },
  }
}

/** Whoever can change the answer on its way decides who is signed in. */
function address(): OptionValue {
  const takes = 'an https address without a password; http for this machine only'
  return {
    takes,
    check(option, value) {
      if ((typeof value === 'string' && URL.canParse(value)) || value instanceof URL) {
        const { protocol, hostname, username, password, href } = new URL(value)
        const isSafe = protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname))
        if (isSafe && username === '' && password === '') return href
      }
      return check.fail(option, value, takes)
    },
  }
}
