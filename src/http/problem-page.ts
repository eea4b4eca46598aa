import { createHash } from 'node:crypto'
import type { WireCode } from '../wire/names.ts'
import type { Reply } from './exchange.ts'
import type { Problem } from './problem.ts'
import { createReply, NO_CACHING, setCookieHeaders } from './reply.ts'

const STYLE =
  ':root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}h1{font-size:1.4rem}h2{font-size:1.1rem}'
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

type Words = readonly [title: string, text: string]

const TRY_AGAIN: Words = [
  'Please try again',
  'We cannot check right now whether you are signed in. You have not been signed out. Try again in a moment.',
]
const SIGN_IN: Words = ['You are not signed in', 'Sign in, then open this page again.']
const NOT_RENEWED: Words = [
  'Your session has to be renewed',
  'Go back, reload the page, and repeat what you did. If that does not help, sign in again and allow cookies for this site.',
]

const WORDS: Readonly<Record<WireCode, Words>> = {
  not_signed_in: SIGN_IN,
  access_token_expired: NOT_RENEWED,
  access_token_invalid: NOT_RENEWED,
  session_ended: SIGN_IN,
  session_replaced: SIGN_IN,
  session_outdated: ['Please sign in again', 'This site has changed since you signed in.'],
  refresh_token_invalid: SIGN_IN,
  refresh_token_reused: SIGN_IN,
  recent_auth_required: ['Please confirm that it is you', 'Sign in again, then repeat what you did.'],
  device_proof_required: ['Please sign in again', 'This browser has not shown that the session is its own.'],
  device_required: ['Not available on this device', 'Sign in again with a browser that this page supports.'],
  device_mismatch: ['Not available on this device', 'The session belongs to another device.'],
  acting_refused: ['Not available while you act as another user', 'Stop acting first, then try again.'],
  session_limit: ['You are signed in too often', 'Sign out on another device, then try again.'],
  handoff_refused: ['This link has expired', 'Go back to where you came from, and open it again.'],
  csrf_rejected: [
    'This request was refused',
    'It seems to come from another site. Go back, reload the page, then try again.',
  ],
  try_again: TRY_AGAIN,
  unavailable: TRY_AGAIN,
}

/** For a developer on localhost, whose cookies of another application or of an earlier start are the usual cause. */
const UNKNOWN_SECRET =
  '<h2>For the developer</h2><p>A cookie of this host was made with another <code>secret</code> or for another database. Cookies do not know ports: ' +
  'another application on this host has set it, or this one before it got a new secret or database.</p><ul>' +
  '<li>Keep the same <code>secret</code> between restarts and in all processes.</li>' +
  '<li>Give each application on this host cookie names of its own: <code>cookies.access</code> and <code>cookies.refresh</code>.</li>' +
  '<li>To go on now, delete the cookies of this host.</li></ul>'

/**
 * The answer to a page load, in words instead of JSON. It loads nothing and runs no script.
 * @param explainsSecret adds what a developer can do about an unknown secret
 */
export function problemPage(
  { status, body: { code }, retryAfter }: Problem,
  explainsSecret: boolean,
  cookies: readonly string[],
): Reply {
  const [title, text] = WORDS[code]
  return createReply(
    status,
    [
      ['content-type', 'text/html; charset=utf-8'],
      ['content-security-policy', POLICY],
      ...NO_CACHING,
      ...(retryAfter === null ? [] : ([['retry-after', String(retryAfter)]] as const)),
      ...setCookieHeaders(cookies),
    ],
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
      `<title>${title}</title><style>${STYLE}</style><h1>${title}</h1><p>${text}</p>` +
      `<p><a href="">Try again</a></p>${explainsSecret ? UNKNOWN_SECRET : ''}<p><small>${code}</small></p>\n`,
  )
}
