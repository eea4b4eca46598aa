import { describe, expect, it } from 'vitest'
import { openSite, type Visitor } from '../support/http-site.ts'

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
const GONE = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax'
const CLEARED = [`${ACCESS}=; Path=/; ${GONE}`, `${REFRESH}=; Path=/session; ${GONE}`]

const handler = (): Response => new Response('the application', { status: 418 })

describe('the routes of Pawl', () => {
  it.each([
    ['GET', '/session/refresh'],
    ['HEAD', '/session/refresh'],
    ['PUT', '/session/refresh'],
    ['DELETE', '/session/refresh?x=1'],
    ['GET', '/session/logout'],
    ['HEAD', '/session/logout'],
    ['PATCH', '/session/logout'],
  ])('answer %s %s with 405 and the Allow header', async (method, target) => {
    const { visitor } = await openSite()
    const anna = visitor()
    await anna.login()
    const { status, headers, cookies } = await anna.visit(method, target, { handler })
    expect([status, headers.get('allow'), cookies]).toStrictEqual([405, 'POST', []])
    expect((await anna.me()).status).toBe(200)
  })

  it.each([
    '/session',
    '/session/',
    '/session/refresh/',
    '/session/refresh/x',
    '/session/Refresh',
    '/session//refresh',
    '/session/%72efresh',
    '/api/session/refresh',
    '/sessions/refresh',
    '/session/logout.html',
    '/session/list',
  ])('leave %s to the application', async (target) => {
    const { visitor } = await openSite()
    expect((await visitor().visit('POST', target, { handler })).status).toBe(418)
  })

  it('leave OPTIONS to the application without the option `cors`', async () => {
    const { visitor } = await openSite()
    for (const target of ['/session/refresh', '/session/logout'])
      expect((await visitor().visit('OPTIONS', target, { handler })).status).toBe(418)
  })

  it('ignore the query', async () => {
    const { visitor } = await openSite()
    const anna = visitor()
    await anna.login()
    expect((await anna.visit('POST', '/session/refresh?t=1#x', { handler })).status).toBe(200)
    expect((await anna.visit('POST', '/session/logout?t=1', { handler })).status).toBe(204)
  })

  it('follow the option `path` and leave the default path to the application', async () => {
    const { visitor } = await openSite({ path: '/api/v1/session' })
    const anna = visitor()
    await anna.login()
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.visit('POST', '/session/refresh', { handler })).status).toBe(418)
    expect((await anna.logout()).status).toBe(204)
  })
})

describe('the public keys at /.well-known/jwks.json', () => {
  it.each(['EdDSA', 'ES256'] as const)('are served with %s', async (algorithm) => {
    const { visitor, sessions } = await openSite({}, { keys: { algorithm } })
    const { status, headers, body } = await visitor().visit('GET', '/.well-known/jwks.json', { handler })
    expect(status).toBe(200)
    expect(Object.fromEntries(headers)).toStrictEqual({
      'cache-control': 'public, max-age=300',
      'content-type': 'application/jwk-set+json',
      'x-content-type-options': 'nosniff',
    })
    expect(body).toStrictEqual(JSON.parse(JSON.stringify(sessions.keys.jwks())))
    const { keys } = body as { keys: Record<string, string>[] }
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) expect(key).not.toHaveProperty('d')
  })

  it('are served for HEAD and for a page of any origin', async () => {
    const { visitor } = await openSite({}, { keys: { algorithm: 'EdDSA' } })
    const head = await visitor().visit('HEAD', '/.well-known/jwks.json', { handler })
    expect(head.status).toBe(200)
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    expect((await visitor().visit('GET', '/.well-known/jwks.json', { handler, headers })).status).toBe(200)
  })

  it('do not exist with HS256', async () => {
    const { visitor } = await openSite()
    expect((await visitor().visit('GET', '/.well-known/jwks.json', { handler })).status).toBe(418)
  })
})

describe('logout', () => {
  async function signedIn(): Promise<{
    anna: Visitor
    advance(seconds: number): void
    active(): Promise<boolean[]>
  }> {
    const { visitor, sessions, clock } = await openSite()
    const anna = visitor()
    await anna.login()
    return {
      anna,
      advance: clock.advance,
      active: async () => (await sessions.list('anna')).map(({ active }) => active),
    }
  }
  const loggedOut = { status: 204, text: '', cookies: CLEARED }

  it('accepts an expired access token', async () => {
    const { anna, advance, active } = await signedIn()
    advance(86_400)
    anna.jar.delete(REFRESH)
    expect(await anna.logout()).toMatchObject(loggedOut)
    expect(await active()).toStrictEqual([false])
  })

  it('accepts the refresh token alone', async () => {
    const { anna, active } = await signedIn()
    anna.jar.delete(ACCESS)
    expect(await anna.logout()).toMatchObject(loggedOut)
    expect(await active()).toStrictEqual([false])
  })

  it('succeeds without a session', async () => {
    const { visitor } = await openSite()
    expect(await visitor().logout()).toMatchObject(loggedOut)
  })

  it('succeeds a second time', async () => {
    const { anna } = await signedIn()
    const again = anna.jar.copy()
    await anna.logout()
    anna.jar.put(ACCESS, again.get(ACCESS)!)
    anna.jar.put(REFRESH, again.get(REFRESH)!, '/session')
    expect(await anna.logout()).toMatchObject(loggedOut)
  })

  it('clears forged cookies and revokes nothing', async () => {
    const { anna, active } = await signedIn()
    for (const name of [ACCESS, REFRESH])
      anna.jar.put(name, `${anna.jar.get(name)!.slice(0, -4)}AAAA`, name === ACCESS ? '/' : '/session')
    expect(await anna.logout()).toMatchObject(loggedOut)
    expect(await active()).toStrictEqual([true])
  })

  it('revokes every session of its cookies with the reason logout', async () => {
    const { visitor, sessions } = await openSite()
    const anna = visitor()
    await anna.login()
    const { refreshToken } = await sessions.create({ userId: 'anna' })
    const { refreshToken: third } = await sessions.create({ userId: 'anna' })
    await sessions.create({ userId: 'anna', userAgent: 'another device' })
    anna.jar.put(REFRESH, refreshToken.value, '/session')
    anna.jar.put(REFRESH, third.value, '/session', 'example.com')
    expect((await anna.logout()).status).toBe(204)
    const all = await sessions.list('anna')
    expect(all.filter(({ active }) => active).map(({ userAgent }) => userAgent)).toStrictEqual([
      'another device',
    ])
    expect(all.filter(({ active }) => !active).map(({ endReason }) => endReason)).toStrictEqual([
      'logout',
      'logout',
      'logout',
    ])
  })

  it('invalidates copies of its tokens at once', async () => {
    const { visitor } = await openSite()
    const anna = visitor()
    await anna.login()
    const thief = visitor(anna.jar.copy())
    await anna.logout()
    expect((await thief.me()).body).toStrictEqual({ code: 'session_ended', refresh: false })
    expect((await thief.refresh()).body).toStrictEqual({ code: 'session_ended', refresh: false })
  })
})
