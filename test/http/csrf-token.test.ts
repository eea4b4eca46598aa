import { describe, expect, it } from 'vitest'
import type { HttpOptions } from '../../src/adapters/fetch/index.ts'
import { type Handler, openSite, type Site, type VisitOptions, type Visitor } from '../support/http-site.ts'

const REFUSED = { status: 403, body: { code: 'csrf_rejected', refresh: false }, cookies: [] }
const ACCESS = '__Host-pawl-access'

async function openSignedIn(http: HttpOptions = {}): Promise<{ site: Site; anna: Visitor; token: string }> {
  const site = await openSite({ csrf: 'token', ...http })
  const anna = site.visitor()
  const { body } = await anna.login()
  return { site, anna, token: (body as { csrfToken: string }).csrfToken }
}

const withToken = (token: string): VisitOptions => ({ headers: { 'pawl-csrf': token } })

describe('with the option `csrf: token`', () => {
  it('a login and a refresh return a CSRF token, and requests with it are served', async () => {
    const { anna, token } = await openSignedIn()
    expect(token).toMatch(/^[\w-]{16}\.[\w-]{43}$/)
    expect((await anna.visit('POST', '/act', withToken(token))).status).toBe(200)
    const { status, body } = await anna.refresh()
    expect(status).toBe(200)
    expect(body).toStrictEqual({
      expiresIn: expect.any(Number),
      marker: expect.any(String),
      csrfToken: expect.stringMatching(/^[\w-]{16}\.[\w-]{43}$/),
    })
    const { csrfToken } = body as { csrfToken: string }
    expect(csrfToken).not.toBe(token)
    // Both tokens belong to the same session, so a page loaded earlier keeps working.
    expect((await anna.visit('POST', '/act', withToken(csrfToken))).status).toBe(200)
    expect((await anna.visit('POST', '/act', withToken(token))).status).toBe(200)
  })

  it('`csrfToken()` returns a valid CSRF token for a page', async () => {
    const { anna } = await openSignedIn()
    const { text } = await anna.visit('GET', '/form', {
      handler: (session) => new Response(session.csrfToken()),
    })
    expect((await anna.visit('POST', '/act', withToken(text))).status).toBe(200)
  })

  it('`csrfToken()` throws for a visitor', async () => {
    const { site } = await openSignedIn()
    const { status, body } = await site.visitor().visit('GET', '/form', {
      handler: (session) => new Response(session.csrfToken()),
    })
    expect(status).toBe(401)
    expect(body).toStrictEqual({ code: 'not_signed_in', refresh: false })
  })

  it('an unsafe request without the CSRF token is refused', async () => {
    const { anna } = await openSignedIn()
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      expect(await anna.visit(method, '/act')).toMatchObject(REFUSED)
  })

  it('a safe request needs no CSRF token', async () => {
    const { anna } = await openSignedIn()
    expect((await anna.visit('GET', '/me')).status).toBe(200)
    expect((await anna.visit('HEAD', '/me')).status).toBe(200)
  })

  it('a damaged CSRF token or that of another session is refused', async () => {
    const { site, anna, token } = await openSignedIn()
    const other = await site.visitor().login({ userId: 'anna' })
    const { csrfToken } = other.body as { csrfToken: string }
    for (const wrong of [
      '',
      'x',
      csrfToken,
      token.slice(0, -1),
      `${token}A`,
      `${token.slice(0, 17)}${csrfToken.slice(17)}`,
      `${token[0] === 'A' ? 'B' : 'A'}${token.slice(1)}`,
      `${token}, ${token}`,
      `\u00e9${token.slice(1)}`,
    ])
      expect(await anna.visit('POST', '/act', withToken(wrong))).toMatchObject(REFUSED)
  })

  it('a request from another site is refused even with the CSRF token', async () => {
    const { anna, token } = await openSignedIn()
    expect(
      await anna.visit('POST', '/act', { headers: { 'pawl-csrf': token, 'sec-fetch-site': 'cross-site' } }),
    ).toMatchObject(REFUSED)
  })

  it('a logout needs the CSRF token, even if the access token has expired', async () => {
    const { site, anna, token } = await openSignedIn()
    expect(await anna.logout()).toMatchObject(REFUSED)
    site.clock.advance(3600)
    expect(await anna.logout()).toMatchObject(REFUSED)
    expect((await anna.logout(withToken(token))).status).toBe(204)
    expect(anna.jar.names).toStrictEqual([])
  })

  it('a login without a session needs no CSRF token', async () => {
    const site = await openSite({ csrf: 'token' })
    expect((await site.visitor().login()).status).toBe(200)
  })

  it('a login with a session needs its CSRF token', async () => {
    const { anna } = await openSignedIn()
    expect(await anna.login({ userId: 'berta' })).toMatchObject(REFUSED)
  })

  it('a login with the cookies of an ended session needs no CSRF token', async () => {
    const { site, anna } = await openSignedIn()
    await site.sessions.revokeUser('anna')
    expect((await anna.me()).body).toStrictEqual({ code: 'session_ended', refresh: false })
    expect((await anna.login()).status).toBe(200)
    site.clock.advance(3600)
    expect((await anna.login()).status).toBe(200)
  })

  it('a WebSocket handshake from the same site needs no CSRF token, which no page could send', async () => {
    const { anna } = await openSignedIn()
    const upgrade = { upgrade: 'websocket', 'sec-fetch-site': undefined }
    const from = (origin: string): VisitOptions => ({ headers: { ...upgrade, origin } })
    expect((await anna.visit('GET', '/socket', from('https://app.example.com'))).status).toBe(200)
    expect(await anna.visit('GET', '/socket', from('https://evil.example'))).toMatchObject(REFUSED)
  })

  it('an unsafe request with a WebSocket upgrade needs the CSRF token', async () => {
    const { anna, token } = await openSignedIn()
    const headers = { upgrade: 'websocket' }
    expect(await anna.visit('POST', '/socket', { headers })).toMatchObject(REFUSED)
    const visit = { headers: { ...headers, 'pawl-csrf': token } }
    expect((await anna.visit('POST', '/socket', visit)).status).toBe(200)
  })

  it('a planted access cookie does not make the CSRF token of the attacker valid', async () => {
    const { site, anna } = await openSignedIn({ cookies: { domain: 'example.com' } })
    const mallory = site.visitor()
    const { csrfToken } = (await mallory.login({ userId: 'mallory' })).body as { csrfToken: string }
    anna.jar.delete('__Secure-pawl-access')
    site.clock.advance(3600)
    await anna.refresh()
    // The expired access token of the attacker comes first, but the request would act for the victim.
    anna.jar.put('__Secure-pawl-access', mallory.jar.get('__Secure-pawl-access')!, '/act')
    expect(await anna.visit('POST', '/act', withToken(csrfToken))).toMatchObject(REFUSED)
  })

  it('bearer mode neither needs nor returns a CSRF token', async () => {
    const { site } = await openSignedIn()
    const { accessToken } = await site.sessions.create({ userId: 'anna' })
    const { status } = await site
      .visitor()
      .visit('POST', '/act', { headers: { authorization: `Bearer ${accessToken.value}` } })
    expect(status).toBe(200)
    const { body } = await site.visitor().visit('POST', '/login', {
      headers: { 'pawl-transport': 'bearer' },
      handler: async (session) => Response.json(await session.create({ userId: 'anna' })),
    })
    expect(Object.keys(body as object)).toStrictEqual(['accessToken', 'refreshToken', 'expiresIn'])
  })
})

describe('with the option `csrf: token` and inline refresh', () => {
  it('an unsafe request needs the CSRF token of the session that it renews', async () => {
    const { site, anna, token } = await openSignedIn({ refresh: 'inline' })
    site.clock.advance(3600)
    const before = anna.jar.get(ACCESS)
    expect(await anna.visit('POST', '/act')).toMatchObject(REFUSED)
    expect(anna.jar.get(ACCESS)).toBe(before)
    expect((await anna.visit('POST', '/act', withToken(token))).status).toBe(200)
    expect(anna.jar.get(ACCESS)).not.toBe(before)
  })

  it('a planted refresh cookie does not make the CSRF token of the attacker valid', async () => {
    const { site, anna } = await openSignedIn({ refresh: 'inline' })
    const mallory = site.visitor()
    const { csrfToken } = (await mallory.login({ userId: 'mallory' })).body as { csrfToken: string }
    site.clock.advance(600)
    await anna.refresh()
    anna.jar.delete(ACCESS)
    anna.jar.put('__Secure-pawl-refresh', mallory.jar.get('__Secure-pawl-refresh')!, '/act')
    expect(await anna.visit('POST', '/act', withToken(csrfToken))).toMatchObject(REFUSED)
  })
})

it('without the option `csrf: token`, no CSRF token is returned or needed', async () => {
  const { visitor } = await openSite()
  const anna = visitor()
  expect((await anna.login()).body).not.toHaveProperty('csrfToken')
  expect((await anna.visit('POST', '/act')).status).toBe(200)
})

describe('a route that requires the CSRF token', () => {
  const info = { csrf: true }
  const tokenOf: Handler = (session) => Response.json({ token: session.csrfToken() })

  it.each(['GET', 'HEAD', 'OPTIONS', 'POST'])(
    'refuses %s without it, with any option `csrf`',
    async (method) => {
      for (const csrf of ['fetch-metadata', 'token'] as const) {
        const { visitor } = await openSite({ csrf })
        const anna = visitor()
        await anna.login()
        const { token } = (await anna.visit('GET', '/token', { handler: tokenOf })).body as { token: string }
        expect((await anna.visit(method, '/report', { info })).status).toBe(403)
        expect((await anna.visit(method, '/report', { info, ...withToken(token) })).status).toBe(200)
      }
    },
  )

  it('refuses the token of another session', async () => {
    const { site, anna } = await openSignedIn()
    const { csrfToken } = (await site.visitor().login({ userId: 'mallory' })).body as { csrfToken: string }
    expect(await anna.visit('GET', '/report', { info, ...withToken(csrfToken) })).toMatchObject(REFUSED)
  })

  it('answers 401 without a session, and lets a visitor pass if it is optional', async () => {
    const { visitor } = await openSite()
    expect(await visitor().visit('GET', '/report', { info })).toMatchObject({ status: 401 })
    const optional = { csrf: true, optional: true }
    const handler: Handler = ({ current }) => Response.json(current)
    expect(await visitor().visit('GET', '/report', { info: optional, handler })).toMatchObject({
      status: 200,
      body: null,
    })
  })

  it('needs none in bearer mode', async () => {
    const site = await openSite()
    const { accessToken } = await site.sessions.create({ userId: 'anna' })
    const headers = { authorization: `Bearer ${accessToken.value}` }
    expect((await site.visitor().visit('GET', '/report', { info, headers })).status).toBe(200)
  })
})

describe('`requireCsrfToken` of a session', () => {
  it('takes the token of the header, or that of a form field', async () => {
    const { anna, token } = await openSignedIn()
    const handler =
      (field?: unknown): Handler =>
      (session) =>
        Response.json(session.requireCsrfToken(field).userId)
    const accepted = { status: 200, body: 'anna' }
    expect(await anna.visit('GET', '/x', { handler: handler(), ...withToken(token) })).toMatchObject(accepted)
    expect(await anna.visit('GET', '/x', { handler: handler(token) })).toMatchObject(accepted)
    for (const field of [undefined, null, '', 'x', [token], { token }])
      expect(await anna.visit('GET', '/x', { handler: handler(field) })).toMatchObject(REFUSED)
    // A wrong field does not fall back to the header.
    expect(await anna.visit('GET', '/x', { handler: handler('x'), ...withToken(token) })).toMatchObject(
      REFUSED,
    )
  })
})
