import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type CookieOptions, type Request } from 'express'
import * as oidc from 'openid-client'
import { createSessions } from 'pawl'
import { expressSessions, requireSession, sessionErrors, sessionOf } from 'pawl/express'
import { postgres } from 'pawl/postgres'
import { page } from '../page.ts'
import { startProvider } from './provider.ts'
import { createSeal } from './seal.ts'

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env

const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
})

const app = express()
const server = app.listen(Number(PORT), '127.0.0.1')
await once(server, 'listening')
const origin = `http://localhost:${(server.address() as AddressInfo).port}`
const redirectUri = `${origin}/login/callback`

const provider = await startProvider(redirectUri)
const config = await oidc.discovery(
  provider.issuer,
  provider.clientId,
  provider.clientSecret,
  oidc.ClientSecretBasic(provider.clientSecret),
  { execute: [oidc.allowInsecureRequests] }, // plain HTTP, on loopback only
)

/** Checked when the provider redirects the browser back. Until then an encrypted cookie holds it. */
interface PendingLogin {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}
const MINUTES_TO_SIGN_IN = 10
const loginSeal = createSeal<PendingLogin>(PAWL_SECRET!, 'pending login', MINUTES_TO_SIGN_IN * 60)
const loginCookie = (req: Request): CookieOptions => ({
  path: '/login',
  httpOnly: true,
  sameSite: 'lax', // 'strict' cookies are not sent on the way back from the provider
  secure: req.secure,
})

app.use(expressSessions(sessions))

app.get('/', requireSession({ optional: true }), (req, res) => {
  const name = sessionOf(req, sessions).current?.claims.name ?? null
  res.send(page(name, { signIn: '<a href="/login">Sign in</a> with any name and password' }))
})

app.get('/login', async (req, res) => {
  const login = {
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
    codeVerifier: oidc.randomPKCECodeVerifier(),
  }
  // The seal ends the login, so a browser with a wrong clock cannot drop the cookie too early.
  res.cookie('login', loginSeal.seal(login), loginCookie(req))
  const target = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile',
    state: login.state,
    nonce: login.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(login.codeVerifier),
    code_challenge_method: 'S256',
  })
  res.redirect(target.href)
})

app.get('/login/callback', async (req, res) => {
  const sealed = /(?:^|; )login=([^;]*)/.exec(req.headers.cookie ?? '')?.[1] ?? ''
  const login = loginSeal.open(sealed)
  res.clearCookie('login', loginCookie(req))
  // Without the cookie another browser started this login, and its user must not be signed in here.
  const claims = login === null ? undefined : await claimsOf(req, login)
  if (claims === undefined) {
    res.status(400).send(page(null, { signIn: 'The login failed. <a href="/login">Sign in again</a>' }))
    return
  }
  // An application finds or creates its own user here, by issuer and `sub`.
  await sessionOf(req, sessions).create({ userId: claims.sub, claims: { name: String(claims['name']) } })
  res.redirect('/')
})

async function claimsOf(req: Request, login: PendingLogin): Promise<oidc.IDToken | undefined> {
  try {
    const tokens = await oidc.authorizationCodeGrant(config, new URL(req.originalUrl, origin), {
      expectedState: login.state,
      expectedNonce: login.nonce,
      pkceCodeVerifier: login.codeVerifier,
    })
    return tokens.claims()
  } catch (error) {
    console.error('The login failed:', error instanceof Error ? error.message : error)
    return undefined
  }
}

app.get('/me', requireSession(), (req, res) => {
  const { userId, claims } = sessionOf(req, sessions)
  res.json({ userId, name: claims.name })
})

app.use(sessionErrors())

console.log(`Listening on ${origin}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    provider.close()
    server.close(() => sessions.close())
    // Browsers keep idle connections open.
    setTimeout(() => server.closeAllConnections(), 1000).unref()
  })
}
