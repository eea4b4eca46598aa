import { describe, expect, it } from 'vitest'
import type { HttpOptions } from '../../src/adapters/fetch/index.ts'
import { openSite, type Site, type VisitOptions, type Visitor } from '../support/http-site.ts'

const REFUSED = { status: 403, body: { code: 'csrf_rejected', refresh: false }, cookies: [] }
const ACCESS = '__Host-pawl-access'

async function signedIn(http: HttpOptions = {}): Promise<{ site: Site; anna: Visitor; token: string }> {
  const site = await openSite({ csrf: 'token', ...http })
  const anna = site.visitor()
  const { body } = await anna.login()
  return { site, anna, token: (body as { csrfToken: string }).csrfToken }
}

const withToken = (token: string): VisitOptions => ({ headers: { 'pawl-csrf': token } })

describe('with `csrf: token`', () => {
  it('login and refresh hand the token out, and requests with it are served', async () => {
    const { anna, token } = await signedIn()
    expect(token).toMatch(/^[\w-]{16}\.[\w-]{43}$/)
    expect((await anna.visit('POST', '/act', withToken(token))).status).toBe(200)
    const { status, body } = await anna.refresh()
    expect(status).toBe(200)
    expect(body).toStrictEqual({
      expiresIn: expect.any(Number),
      csrfToken: expect.stringMatching(/^[\w-]{16}\.[\w-]{43}$/),
    })
    const { csrfToken } = body as { csrfToken: string }
    expect(csrfToken).not.toBe(token)
    // Both name the same session: a page that was loaded earlier keeps working.
    expect((await anna.visit('POST', '/act', withToken(csrfToken))).status).toBe(200)
    expect((await anna.visit('POST', '/act', withToken(token))).status).toBe(200)
  })

  it('a page can be given one', async () => {
    const { anna } = await signedIn()
    const { text } = await anna.visit('GET', '/form', {
      handler: (session) => new Response(session.csrfToken()),
    })
    expect((await anna.visit('POST', '/act', withToken(text))).status).toBe(200)
  })

  it('there is none without a session', async () => {
    const { site } = await signedIn()
    const { status, body } = await site.visitor().visit('GET', '/form', {
      handler: (session) => new Response(session.csrfToken()),
    })
    expect(status).toBe(401)
    expect(body).toStrictEqual({ code: 'not_signed_in', refresh: false })
  })

  it('an unsafe request without it is refused, whatever the method', async () => {
    const { anna } = await signedIn()
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      expect(await anna.visit(method, '/act')).toMatchObject(REFUSED)
  })

  it('a safe request needs none', async () => {
    const { anna } = await signedIn()
    expect((await anna.visit('GET', '/me')).status).toBe(200)
    expect((await anna.visit('HEAD', '/me')).status).toBe(200)
  })

  it('a wrong, damaged or foreign one is refused', async () => {
    const { site, anna, token } = await signedIn()
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

  it('a request from another site is refused even with the right one', async () => {
    const { anna, token } = await signedIn()
    expect(
      await anna.visit('POST', '/act', { headers: { 'pawl-csrf': token, 'sec-fetch-site': 'cross-site' } }),
    ).toMatchObject(REFUSED)
  })

  it('logout needs it, also when the access token has expired', async () => {
    const { site, anna, token } = await signedIn()
    expect(await anna.logout()).toMatchObject(REFUSED)
    site.clock.advance(3600)
    expect(await anna.logout()).toMatchObject(REFUSED)
    expect((await anna.logout(withToken(token))).status).toBe(204)
    expect(anna.jar.names).toStrictEqual([])
  })

  it('a visitor without a session needs none to sign in', async () => {
    const site = await openSite({ csrf: 'token' })
    expect((await site.visitor().login()).status).toBe(200)
  })

  it('someone who is signed in needs it to sign in as someone else', async () => {
    const { anna } = await signedIn()
    expect(await anna.login({ userId: 'berta' })).toMatchObject(REFUSED)
  })

  it('cookies of a session that is over do not keep anybody from signing in', async () => {
    const { site, anna } = await signedIn()
    await site.sessions.revokeUser('anna')
    expect((await anna.me()).body).toStrictEqual({ code: 'session_ended', refresh: false })
    expect((await anna.login()).status).toBe(200)
    site.clock.advance(3600)
    expect((await anna.login()).status).toBe(200)
  })

  it('a WebSocket handshake needs none, as no page can send it, but has to come from this site', async () => {
    const { anna } = await signedIn()
    const upgrade = { upgrade: 'websocket', 'sec-fetch-site': undefined }
    const from = (origin: string): VisitOptions => ({ headers: { ...upgrade, origin } })
    expect((await anna.visit('GET', '/socket', from('https://app.example.com'))).status).toBe(200)
    expect(await anna.visit('GET', '/socket', from('https://evil.example'))).toMatchObject(REFUSED)
  })

  it('an unsafe request that asks for a WebSocket needs it', async () => {
    const { anna, token } = await signedIn()
    const headers = { upgrade: 'websocket' }
    expect(await anna.visit('POST', '/socket', { headers })).toMatchObject(REFUSED)
    const visit = { headers: { ...headers, 'pawl-csrf': token } }
    expect((await anna.visit('POST', '/socket', visit)).status).toBe(200)
  })

  it('a cookie planted beside the genuine one does not make its owner’s token count', async () => {
    const { site, anna } = await signedIn({ cookies: { domain: 'example.com' } })
    const mallory = site.visitor()
    const { csrfToken } = (await mallory.login({ userId: 'mallory' })).body as { csrfToken: string }
    anna.jar.delete('__Secure-pawl-access')
    site.clock.advance(3600)
    await anna.refresh()
    // A genuine but expired token of the attacker's comes first; the request would act for the victim.
    anna.jar.put('__Secure-pawl-access', mallory.jar.get('__Secure-pawl-access')!, '/act')
    expect(await anna.visit('POST', '/act', withToken(csrfToken))).toMatchObject(REFUSED)
  })

  it('bearer mode needs none and is handed none', async () => {
    const { site } = await signedIn()
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

describe('with `csrf: token` and inline refresh', () => {
  it('a request whose access token has expired needs the token of the session that would be renewed', async () => {
    const { site, anna, token } = await signedIn({ refresh: 'inline' })
    site.clock.advance(3600)
    const before = anna.jar.get(ACCESS)
    expect(await anna.visit('POST', '/act')).toMatchObject(REFUSED)
    expect(anna.jar.get(ACCESS)).toBe(before)
    expect((await anna.visit('POST', '/act', withToken(token))).status).toBe(200)
    expect(anna.jar.get(ACCESS)).not.toBe(before)
  })

  it('a refresh cookie planted beside the genuine one does not make its owner’s token count', async () => {
    const { site, anna } = await signedIn({ refresh: 'inline' })
    const mallory = site.visitor()
    const { csrfToken } = (await mallory.login({ userId: 'mallory' })).body as { csrfToken: string }
    site.clock.advance(600)
    await anna.refresh()
    anna.jar.delete(ACCESS)
    anna.jar.put('__Secure-pawl-refresh', mallory.jar.get('__Secure-pawl-refresh')!, '/act')
    expect(await anna.visit('POST', '/act', withToken(csrfToken))).toMatchObject(REFUSED)
  })
})

it('without it no token is handed out or asked for', async () => {
  const { visitor } = await openSite()
  const anna = visitor()
  expect((await anna.login()).body).not.toHaveProperty('csrfToken')
  expect((await anna.visit('POST', '/act')).status).toBe(200)
})
