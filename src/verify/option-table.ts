import { isLoopbackHost } from '../portable/loopback.ts'
import { check } from '../portable/options/check.ts'
import type { OptionTable } from '../portable/options/table.ts'
import { bytes, callback, type OptionValue, oneOf, seconds, text } from '../portable/options/values.ts'
import { usableKeys } from './keys.ts'

/** The options of `createVerifier`. After a change run `npm run options`. */
export const VERIFIER_OPTIONS: OptionTable = {
  jwks: {
    meaning:
      "The application's public keys, or where it serves them: `https://app.example.com/.well-known/jwks.json`.",
    value: keySource(),
    required: true,
  },
  issuer: { meaning: 'The `accessToken.issuer` of the application. Checked when it is set.', value: text() },
  audience: {
    meaning: 'The `accessToken.audience` of the application. Checked when it is set.',
    value: text(),
  },
  clientId: {
    meaning: 'The `accessToken.clientId` of the application. Checked when it is set.',
    value: text(),
  },
  revocations: {
    meaning:
      'Where the application serves its revocations: `https://app.example.com/session/revocations`. The adapter there needs `revocations: true`. Without this option an access token is valid until it expires.',
    value: address(),
  },
  pollInterval: {
    meaning:
      'How often the verifier reads the revocations. It never relies on an answer older than twice this time.',
    value: seconds(1, 60),
    default: 5,
  },
  onStale: {
    meaning:
      'The verifier cannot read the revocations. `serve` relies on those it knows, `refuse` throws ERR_STORE_UNAVAILABLE.',
    value: oneOf('serve', 'refuse'),
    default: 'serve',
  },
  timeout: {
    meaning: 'How long the application may take to answer.',
    value: seconds(0.1, 30),
    default: 3,
  },
  cookie: { meaning: 'Name of the access cookie.', value: text(), default: '__Host-pawl-access' },
  cacheBytes: {
    meaning: 'Memory for verified access tokens. 0 turns the cache off.',
    value: bytes(0, 2 ** 33),
    default: 4 * 1024 * 1024,
  },
  fetch: {
    meaning: 'Sends the requests to the application, over a service binding or with your own headers.',
    value: callback('Fetch'),
    defaultText: 'the global `fetch`',
  },
  now: {
    meaning: 'The clock, in milliseconds since the epoch.',
    value: callback('() => number'),
    internal: true,
  },
}

function keySource(): OptionValue {
  const takes = 'an address, or a key set that holds an EdDSA or ES256 key'
  return {
    type: 'string | URL | JsonWebKeySet',
    resolvedType: 'string | JsonWebKeySet',
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
    type: 'string | URL',
    resolvedType: 'string',
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
