import type { Header, Reply } from '../http/exchange.ts'
import { createReply } from '../http/reply.ts'
import { plainPage } from './layout.ts'

const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/**
 * For every answer. With `no-referrer` browsers would send the origin `null` with a form, so that nothing could tell forms of
 * the console from those of another site.
 */
const HEADERS: readonly Header[] = [
  ['content-security-policy', POLICY],
  ['cache-control', 'no-store'],
  ['x-frame-options', 'DENY'],
  ['x-robots-tag', 'noindex, nofollow'],
  ['referrer-policy', 'same-origin'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()'],
]

export function reply(status: number, type: string, body: string, headers: readonly Header[] = []): Reply {
  return createReply(status, [['content-type', type], ...HEADERS, ...headers], body)
}

/** An answer for somebody whom the console does not know, or cannot serve. */
export function plainReply(
  status: number,
  title: string,
  text: string,
  headers: readonly Header[] = [],
): Reply {
  return reply(status, 'text/html; charset=utf-8', plainPage(title, text), headers)
}

export function redirect(location: string): Reply {
  return reply(303, 'text/plain; charset=utf-8', 'See the other page\n', [['location', location]])
}

export function refusal(status: 403 | 500 | 503): Reply {
  if (status === 403) return plainReply(403, 'You may not see this page', 'Sign in with an account that may.')
  return plainReply(
    status,
    'This page is not available',
    'The application could not tell whether you may see it. Its log says why.',
  )
}
