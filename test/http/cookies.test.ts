import { describe, expect, it } from 'vitest'
import { coded } from '../support/errors.ts'
import { openSite } from '../support/http-site.ts'

const MONTH = 'Expires=Thu, 31 Jan 2030 12:00:00 GMT; Max-Age=2592000'
const GONE = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0'

describe('the session cookies', () => {
  it('of a login have exactly these attributes, and the body holds no token', async () => {
    const { visitor } = await openSite()
    const { cookies, headers, body } = await visitor().login()
    expect(cookies).toStrictEqual([
      `__Host-pawl-access=<access>; Path=/; ${MONTH}; HttpOnly; Secure; SameSite=Lax`,
      `__Secure-pawl-refresh=<refresh>; Path=/session; ${MONTH}; HttpOnly; Secure; SameSite=Lax`,
    ])
    expect(headers.get('cache-control')).toBe('private, no-store')
    expect(headers.get('vary')).toBe('Cookie')
    expect(body).toStrictEqual({ expiresIn: expect.any(Number), marker: expect.stringMatching(/^[\w-]{8}$/) })
  })

  it('of a refresh are both set again with a new expiry', async () => {
    const { visitor, clock } = await openSite()
    const anna = visitor()
    await anna.login()
    clock.advance(86_400)
    const { status, cookies, headers, body } = await anna.refresh()
    const month = 'Expires=Fri, 01 Feb 2030 12:00:00 GMT; Max-Age=2592000'
    expect(status).toBe(200)
    expect(cookies).toStrictEqual([
      `__Host-pawl-access=<access>; Path=/; ${month}; HttpOnly; Secure; SameSite=Lax`,
      `__Secure-pawl-refresh=<refresh>; Path=/session; ${month}; HttpOnly; Secure; SameSite=Lax`,
    ])
    expect(Object.fromEntries(headers)).toStrictEqual({
      'cache-control': 'private, no-store',
      'content-type': 'application/json',
      'cross-origin-resource-policy': 'same-site',
      'set-cookie': expect.any(String),
      vary: 'Cookie',
      'x-content-type-options': 'nosniff',
    })
    expect(body).toStrictEqual({ expiresIn: expect.any(Number), marker: expect.stringMatching(/^[\w-]{8}$/) })
  })

  it('of a refresh shortly after a turn are only the access cookie', async () => {
    const { visitor, clock } = await openSite()
    const anna = visitor()
    await anna.login()
    await anna.refresh()
    const kept = anna.jar.get('__Secure-pawl-refresh')
    clock.advance(1)
    const { status, cookies } = await anna.refresh()
    expect(status).toBe(200)
    expect(cookies).toStrictEqual([
      '__Host-pawl-access=<access>; Path=/; Expires=Thu, 31 Jan 2030 12:00:01 GMT; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax',
    ])
    expect(anna.jar.get('__Secure-pawl-refresh')).toBe(kept)
  })

  it('are cleared by a logout with the attributes they were set with', async () => {
    const { visitor } = await openSite()
    const anna = visitor()
    await anna.login()
    const { status, cookies, headers, text } = await anna.logout()
    expect(status).toBe(204)
    expect(text).toBe('')
    expect(headers.get('cache-control')).toBe('private, no-store')
    expect(headers.get('vary')).toBe('Cookie')
    expect(cookies).toStrictEqual([
      `__Host-pawl-access=; Path=/; ${GONE}; HttpOnly; Secure; SameSite=Lax`,
      `__Secure-pawl-refresh=; Path=/session; ${GONE}; HttpOnly; Secure; SameSite=Lax`,
    ])
    expect(anna.jar.names).toStrictEqual([])
  })

  it('have no expiry if the session is not persistent, also after a refresh', async () => {
    const { visitor } = await openSite()
    const anna = visitor()
    const expected = [
      '__Host-pawl-access=<access>; Path=/; HttpOnly; Secure; SameSite=Lax',
      '__Secure-pawl-refresh=<refresh>; Path=/session; HttpOnly; Secure; SameSite=Lax',
    ]
    expect((await anna.login({ userId: 'anna', persistent: false })).cookies).toStrictEqual(expected)
    expect((await anna.refresh()).cookies).toStrictEqual(expected)
  })

  it('with the option `domain` have a Domain and no __Host- prefix', async () => {
    const { visitor } = await openSite({ cookies: { domain: 'Example.com' } })
    const anna = visitor()
    expect((await anna.login()).cookies).toStrictEqual([
      `__Secure-pawl-access=<access>; Path=/; ${MONTH}; HttpOnly; Secure; SameSite=Lax; Domain=example.com`,
      `__Secure-pawl-refresh=<refresh>; Path=/session; ${MONTH}; HttpOnly; Secure; SameSite=Lax; Domain=example.com`,
    ])
    expect((await anna.logout()).cookies).toStrictEqual([
      `__Secure-pawl-access=; Path=/; ${GONE}; HttpOnly; Secure; SameSite=Lax; Domain=example.com`,
      `__Secure-pawl-refresh=; Path=/session; ${GONE}; HttpOnly; Secure; SameSite=Lax; Domain=example.com`,
    ])
  })

  it('with the option `partitioned` are Partitioned, also when they are cleared', async () => {
    const { visitor } = await openSite({ cookies: { sameSite: 'none', partitioned: true } })
    const anna = visitor()
    expect((await anna.login()).cookies).toStrictEqual([
      `__Host-pawl-access=<access>; Path=/; ${MONTH}; HttpOnly; Secure; SameSite=None; Partitioned`,
      `__Secure-pawl-refresh=<refresh>; Path=/session; ${MONTH}; HttpOnly; Secure; SameSite=None; Partitioned`,
    ])
    expect((await anna.logout()).cookies).toStrictEqual([
      `__Host-pawl-access=; Path=/; ${GONE}; HttpOnly; Secure; SameSite=None; Partitioned`,
      `__Secure-pawl-refresh=; Path=/session; ${GONE}; HttpOnly; Secure; SameSite=None; Partitioned`,
    ])
  })

  it('with inline refresh both have Path=/', async () => {
    const { visitor } = await openSite({ refresh: 'inline' })
    expect((await visitor().login()).cookies).toStrictEqual([
      `__Host-pawl-access=<access>; Path=/; ${MONTH}; HttpOnly; Secure; SameSite=Lax`,
      `__Secure-pawl-refresh=<refresh>; Path=/; ${MONTH}; HttpOnly; Secure; SameSite=Lax`,
    ])
  })

  it('use the names, the path and SameSite of the options', async () => {
    const { visitor } = await openSite({
      path: '/api/auth',
      cookies: { access: '__Host-sid', refresh: '__Secure-rt', sameSite: 'strict' },
    })
    expect((await visitor().login()).cookies).toStrictEqual([
      `__Host-sid=<access>; Path=/; ${MONTH}; HttpOnly; Secure; SameSite=Strict`,
      `__Secure-rt=<refresh>; Path=/api/auth; ${MONTH}; HttpOnly; Secure; SameSite=Strict`,
    ])
  })

  it('expire after at most 400 days, the limit of browsers', async () => {
    const year = 3650 * 86_400
    const { visitor } = await openSite({}, { idleTimeout: year, absoluteTimeout: null })
    expect((await visitor().login()).cookies[1]).toBe(
      '__Secure-pawl-refresh=<refresh>; Path=/session; Expires=Wed, 05 Feb 2031 12:00:00 GMT; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax',
    )
  })

  it('expire with the absolute timeout at the latest', async () => {
    const { visitor } = await openSite()
    expect((await visitor().login({ userId: 'anna', absoluteTimeout: 3600 })).cookies).toStrictEqual([
      '__Host-pawl-access=<access>; Path=/; Expires=Tue, 01 Jan 2030 13:00:00 GMT; Max-Age=3600; HttpOnly; Secure; SameSite=Lax',
      '__Secure-pawl-refresh=<refresh>; Path=/session; Expires=Tue, 01 Jan 2030 13:00:00 GMT; Max-Age=3600; HttpOnly; Secure; SameSite=Lax',
    ])
  })
})

describe('a response that sets a cookie', () => {
  it.each([
    [undefined, 'Cookie'],
    ['Origin', 'Origin, Cookie'],
    ['Origin, Accept-Language', 'Origin, Accept-Language, Cookie'],
    ['Origin,cookie', 'Origin,cookie'],
    ['*', '*'],
    ['X-Cookie', 'X-Cookie, Cookie'],
  ])('with Vary %s of the application has Vary %s', async (given, expected) => {
    const { visitor } = await openSite()
    const { headers } = await visitor().visit('POST', '/login', {
      handler: async (session) => {
        await session.create({ userId: 'anna' })
        return new Response(null, {
          headers: { 'cache-control': 'public, max-age=60', ...(given !== undefined && { vary: given }) },
        })
      },
    })
    expect(headers.get('vary')).toBe(expected)
    expect(headers.get('cache-control')).toBe('private, no-store')
  })

  it('keeps the cookies of the application', async () => {
    const { visitor } = await openSite()
    const { cookies } = await visitor().visit('POST', '/login', {
      handler: async (session) => {
        await session.create({ userId: 'anna' })
        return new Response(null, { headers: { 'set-cookie': 'theme=dark' } })
      },
    })
    expect(cookies.map((cookie) => cookie.split('=')[0])).toStrictEqual([
      'theme',
      '__Host-pawl-access',
      '__Secure-pawl-refresh',
    ])
  })

  it('is the only kind whose caching headers Pawl changes', async () => {
    const { visitor } = await openSite()
    const anna = visitor()
    await anna.login()
    const { headers } = await anna.visit('GET', '/page', {
      handler: ({ userId }) => new Response(userId, { headers: { 'cache-control': 'max-age=60' } }),
    })
    expect(headers.get('cache-control')).toBe('max-age=60')
    expect(headers.get('vary')).toBeNull()
  })
})

describe('claims', () => {
  it('that make the access cookie longer than 4096 bytes fail at the login and create no session', async () => {
    const { visitor, sessions } = await openSite()
    const anna = visitor()
    await expect(anna.login({ userId: 'anna', claims: { role: 'x'.repeat(3000) } })).rejects.toThrow(
      TypeError,
    )
    expect(anna.jar.names).toStrictEqual([])
    expect(await sessions.list('anna')).toStrictEqual([])
  })

  it('of the maximum size fit into 4096 bytes, even with the longest name and after a refresh', async () => {
    const name = `__Host-${'n'.repeat(57)}`
    const { visitor } = await openSite({ cookies: { access: name } })
    const anna = visitor()
    let length = 3000
    for (; ; length -= 1) {
      try {
        await anna.login({ userId: 'anna', claims: { role: 'x'.repeat(length) } })
        break
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
      }
    }
    expect(name.length + anna.jar.get(name)!.length).toBeLessThanOrEqual(4096)
    await anna.refresh()
    expect(name.length + anna.jar.get(name)!.length).toBeLessThanOrEqual(4096)
    expect(name.length + anna.jar.get(name)!.length).toBeGreaterThan(3980)
  })
})

describe('the HTTP options', () => {
  it.each([
    ['cookies.access', { cookies: { access: '__Host-a', domain: 'example.com' } }],
    ['cookies.refresh', { cookies: { refresh: '__Host-r' } }],
    ['cookies.access', { cookies: { access: '__host-a' } }],
    ['cookies.access', { cookies: { access: '__Http-a' } }],
    ['cookies.access', { cookies: { access: '__Host-Http-a', domain: 'example.com' } }],
    ['cookies.access', { cookies: { access: 'a b' } }],
    ['cookies.access', { cookies: { access: 'a=b' } }],
    ['cookies.access', { cookies: { access: '' } }],
    ['cookies.access', { cookies: { access: 'a'.repeat(65) } }],
    ['cookies.refresh', { cookies: { access: 'one', refresh: 'one' } }],
    ['cookies.domain', { cookies: { domain: '.example.com' } }],
    ['cookies.domain', { cookies: { domain: 'localhost' } }],
    ['cookies.domain', { cookies: { domain: 'example.com; Path=/' } }],
    ['cookies.domain', { cookies: { domain: 'https://example.com' } }],
    ['cookies.domain', { cookies: { domain: 'example.com:8080' } }],
    ['cookies.domain', { cookies: { domain: 'example.com/' } }],
    ['cookies.domain', { cookies: { domain: '*.example.com' } }],
    ['cookies.domain', { cookies: { domain: 'münchen.example' } }],
    ['cookies.domain', { cookies: { domain: `${'a'.repeat(64)}.example` } }],
    ['cookies.sameSite', { cookies: { sameSite: 'Lax' } }],
    ['cookies.partitioned', { cookies: { partitioned: 'yes' } }],
    ['cookies.name', { cookies: { name: 'sid' } }],
    ['cookies', { cookies: 'sid' }],
    ['path', { path: 'session' }],
    ['path', { path: '/session/' }],
    ['path', { path: '/' }],
    ['path', { path: '/a;b' }],
    ['path', { path: '/session/..' }],
    ['path', { path: '/./session' }],
    ['path', { path: '//session' }],
    ['path', { path: '/ses%73ion' }],
    ['refresh', { refresh: 'always' }],
    ['csrf', { csrf: false }],
    ['insecureLocalhost', { insecureLocalhost: 'yes' }],
    ['trustedOrigins', { trustedOrigins: 'https://a.example' }],
    ['trustedOrigins[0]', { trustedOrigins: ['https://a.example/'] }],
    ['trustedOrigins[1]', { trustedOrigins: ['https://a.example', '*'] }],
    ['trustedOrigins[0]', { trustedOrigins: ['null'] }],
    ['trustedOrigins[0]', { trustedOrigins: ['ftp://a.example'] }],
    ['trustedOrigins[0]', { trustedOrigins: ['https://A.example'] }],
    ['cookie', { cookie: {} }],
  ])('are checked, and the error names the wrong one: %s', async (option, options) => {
    await expect(openSite(options as never)).rejects.toThrow(
      coded('ERR_INVALID_OPTIONS', { option }) as Error,
    )
  })

  it('allow __Host- for both cookies with inline refresh, because both have Path=/', async () => {
    const { visitor } = await openSite({
      refresh: 'inline',
      cookies: { access: '__Host-a', refresh: '__Host-r' },
    })
    expect((await visitor().login()).cookies.map((cookie) => cookie.split(';', 2).join(';'))).toStrictEqual([
      '__Host-a=<access>; Path=/',
      '__Host-r=<refresh>; Path=/',
    ])
  })
})
