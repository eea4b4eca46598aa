import { MAX_COOKIE_NAME } from '../core/tokens/access-token.ts'
import { check } from '../portable/options/check.ts'
import type { OptionTable } from '../portable/options/table.ts'
import { flag, type OptionValue, oneOf, seconds } from '../portable/options/values.ts'

/** The options of every adapter. After a change run `npm run options`. */
export const HTTP_OPTIONS: OptionTable = {
  path: {
    meaning: 'Where Pawl serves `<path>/refresh` and `<path>/logout`. Also the path of the refresh cookie.',
    value: matching(
      /^(?=.{1,255}$)(?:\/[\w.~-]+)+$/,
      "an absolute path without a trailing slash, like '/session'",
    ),
    default: '/session',
  },
  refresh: {
    meaning:
      'How an expired access token is renewed. `endpoint`: the browser client calls the refresh route, and browsers send the refresh cookie only there. `inline`: inside any request, for server-rendered applications without client code; browsers send the refresh cookie with every request.',
    value: oneOf('endpoint', 'inline'),
    default: 'endpoint',
  },
  csrf: {
    meaning:
      'How Pawl detects cross-site requests. `fetch-metadata`: by `Sec-Fetch-Site`, then by `Origin`. `token`: an unsafe request of a session must also carry its CSRF token in the header `pawl-csrf`.',
    value: oneOf('fetch-metadata', 'token'),
    default: 'fetch-metadata',
  },
  trustedOrigins: {
    meaning: "Origins, besides the request's own, that may send unsafe requests.",
    value: origins(),
    default: [],
  },
  cors: {
    meaning:
      'Whether pages of the `trustedOrigins` may call the application with cookies and read the answers. Pawl then answers preflights and sends the CORS headers. Leave it off if the application sends them itself.',
    value: flag(),
    default: false,
  },
  revocations: {
    meaning:
      'Whether Pawl serves `<path>/revocations`, where services that use `pawl/verify` learn of ended and changed sessions. The answer holds parts of session ids and nothing about users.',
    value: flag(),
    default: false,
  },
  cookies: {
    meaning: 'Names and attributes of the two cookies.',
    type: 'CookieOptions',
    options: {
      access: {
        meaning: 'Name of the access cookie.',
        value: cookieName(),
        defaultText: "'__Host-pawl-access', with a domain '__Secure-pawl-access'",
      },
      refresh: {
        meaning: 'Name of the refresh cookie.',
        value: cookieName(),
        default: '__Secure-pawl-refresh',
      },
      domain: {
        meaning: 'Shares the cookies with the subdomains of this domain.',
        value: matching(
          /^(?=.{1,253}$)[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i,
          "a domain like 'example.com', without a leading dot",
        ),
        defaultText: 'this host only',
      },
      sameSite: {
        meaning: 'The attribute `SameSite`.',
        value: oneOf('lax', 'strict', 'none'),
        default: 'lax',
      },
      partitioned: {
        meaning:
          "The attribute `Partitioned` (CHIPS), for pages embedded in other sites with `sameSite: 'none'`.",
        value: flag(),
        default: false,
      },
    },
  },
  insecureLocalhost: {
    meaning:
      'Whether plain `http://localhost` on the same machine gets cookies without `Secure` and without a prefix, because Safari drops the others there. Pawl refuses `true` in production.',
    value: flag(),
    defaultText: 'true unless `NODE_ENV` is `production`',
  },
}

/** What a route requires of a request. After a change run `npm run options`. */
export const REQUIRE_OPTIONS: OptionTable = {
  optional: {
    meaning:
      'Whether a request without a session passes. One with an expired access token must still refresh.',
    value: flag(),
    default: false,
  },
  maxAuthAge: {
    meaning: 'The oldest accepted authentication (ASVS 7.5.1).',
    value: seconds(0, 3650 * 86_400),
    defaultText: 'any age',
  },
  lookup: {
    meaning:
      "Whether to read the session's row instead of trusting the feed, for actions that must not happen a moment too late.",
    value: flag(),
    default: false,
  },
}

function matching(pattern: RegExp, takes: string): OptionValue {
  return {
    type: 'string',
    takes,
    check: (option, value) =>
      typeof value === 'string' && pattern.test(value) ? value : check.fail(option, value, takes),
  }
}

function cookieName(): OptionValue {
  const takes = `a cookie name of at most ${MAX_COOKIE_NAME} characters`
  const pattern = new RegExp(`^[\\w!#$%&'*+.^\`|~-]{1,${MAX_COOKIE_NAME}}$`)
  return matching(pattern, takes)
}

function origins(): OptionValue {
  const takes = "an array of exact origins like 'https://app.example.com', without a path"
  return {
    type: 'readonly string[]',
    takes,
    check(option, value) {
      if (!Array.isArray(value)) return check.fail(option, value, takes)
      for (const [index, origin] of value.entries()) {
        const isExact =
          typeof origin === 'string' && URL.canParse(origin) && new URL(origin).origin === origin
        if (!isExact || !/^https?:/.test(origin)) check.fail(`${option}[${index}]`, origin, 'an exact origin')
      }
      return value
    },
  }
}
