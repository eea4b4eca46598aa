// Apart, so that one import loads what a server of better-auth needs.
export { betterAuth } from 'better-auth'
export { createAuthEndpoint } from 'better-auth/api'
export { setSessionCookie } from 'better-auth/cookies'
