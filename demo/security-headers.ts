import type { RequestHandler } from 'express'

const contentSecurityPolicy = (frameAncestors: string): string =>
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

/** Response headers for pages that hold a session. */
export const securityHeaders: RequestHandler = ({ path }, res, next) => {
  // The page with ten tabs shows this one in frames.
  const framed = path === '/tab'
  res.set({
    'content-security-policy': contentSecurityPolicy(framed ? "'self'" : "'none'"),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'x-frame-options': framed ? 'SAMEORIGIN' : 'DENY',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  })
  next()
}
