import type { RequestHandler } from 'express'

const POLICY = (frameAncestors: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-src 'self'",
    `frame-ancestors ${frameAncestors}`,
  ].join('; ')

/** What a page that holds a session should be sent with. */
export const securityHeaders: RequestHandler = ({ path }, res, next) => {
  // One page of the demo puts ten tabs side by side.
  const framed = path === '/tab'
  res.set({
    'content-security-policy': POLICY(framed ? "'self'" : "'none'"),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'x-frame-options': framed ? 'SAMEORIGIN' : 'DENY',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  })
  next()
}
