import { describe, expect, it } from 'vitest'
import { coded } from '../support/errors.ts'
import { openSite } from '../support/http-site.ts'

const MONTH = 'Max-Age=2592000; Expires=Thu, 31 Jan 2030 12:00:00 GMT'
const GONE = 'Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT'

describe('the cookies', () => {
  it('of a login are exactly these, and its body holds no token', async () => {
    const { visitor } = await openSite()
    const { cookies, headers, body } = await visitor().login()
    expect(cookies).toStrictEqual([
      `__Host-pawl-access=<access>; Path=/; ${MONTH}; HttpOnly; Secure; SameSite=Lax`,
      `__Secure-pawl-refresh=<refresh>; Path=/session; ${MONTH}; HttpOnly; Secure; SameSite=Lax`,
    ])
    expect(headers.get('cache-control')).toBe('private, no-store')
    expect(headers.get('vary')).toBe('Cookie')
    expect(body).toStrictEqual({ expiresIn: expect.any(Number) })
  })

  it('of a refresh are both, with a life that starts anew', async () => {
    const { visitor, clock } = await openSite()
    const anna = visitor()
    await anna.login()
    clock.advance(86_400)
    const { status, cookies, headers, body } = await anna.refresh()
    const month = 'Max-Age=2592000; Expires=Fri, 01 Feb 2030 12:00:00 GMT'
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
    expect(body).toStrictEqual({ expiresIn: expect.any(Number) })
  })

  it('of a refresh in the calm after a turn leave the refresh cookie alone', async () => {
    const { visitor, clock } = await openSite()
    const anna = visitor()
    await anna.login()
    await anna.refresh()
    const kept = anna.jar.get('__Secure-pawl-refresh')
    clock.advance(1)
    const { status, cookies } = await anna.refresh()
    expect(status).toBe(200)
    expect(cookies).toStrictEqual([
      '__Host-pawl-access=<access>; Path=/; Max-Age=2592000; Expires=Thu, 31 Jan 2030 12:00:01 GMT; HttpOnly; Secure; SameSite=Lax',
    ])
    expect(anna.jar.get('__Secure-pawl-refresh')).toBe(kept)
  })

  it('are removed by logout with the attributes they were set with', async () => {
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

  it('end with the browser when a session is not persistent, after a refresh as well', async () => {
    const { visitor } = await openSite()
    const anna = visitor()
    const expected = [
      '__Host-pawl-access=<access>; Path=/; HttpOnly; Secure; SameSite=Lax',
      '__Secure-pawl-refresh=<refresh>; Path=/session; HttpOnly; Secure; SameSite=Lax',
    ]
    expect((await anna.login({ userId: 'anna', persistent: false })).cookies).toStrictEqual(expected)
    expect((await anna.refresh()).cookies).toStrictEqual(expected)
  })

  it('of a domain carry it and give up the __Host- prefix', async () => {
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

  it('for pages embedded in other sites are partitioned, when they are removed too', async () => {
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

  it('of inline refresh are both sent everywhere', async () => {
    const { visitor } = await openSite({ refresh: 'inline' })
    expect((await visitor().login()).cookies).toStrictEqual([
      `__Host-pawl-access=<access>; Path=/; ${MONTH}; HttpOnly; Secure; SameSite=Lax`,
      `__Secure-pawl-refresh=<refresh>; Path=/; ${MONTH}; HttpOnly; Secure; SameSite=Lax`,
    ])
  })

  it('follow the names, the path and SameSite of the options', async () => {
    const { visitor } = await openSite({
      path: '/api/auth',
      cookies: { access: '__Host-sid', refresh: '__Secure-rt', sameSite: 'strict' },
    })
    expect((await visitor().login()).cookies).toStrictEqual([
      `__Host-sid=<access>; Path=/; ${MONTH}; HttpOnly; Secure; SameSite=Strict`,
      `__Secure-rt=<refresh>; Path=/api/auth; ${MONTH}; HttpOnly; Secure; SameSite=Strict`,
    ])
  })

  it('promise no longer life than the 400 days a browser keeps them', async () => {
    const year = 3650 * 86_400
    const { visitor } = await openSite({}, { idleTimeout: year, absoluteTimeout: null })
    expect((await visitor().login()).cookies[1]).toBe(
      '__Secure-pawl-refresh=<refresh>; Path=/session; Max-Age=34560000; Expires=Wed, 05 Feb 2031 12:00:00 GMT; HttpOnly; Secure; SameSite=Lax',
    )
  })

  it('never outlive the absolute lifetime', async () => {
    const { visitor } = await openSite()
    expect((await visitor().login({ userId: 'anna', absoluteTimeout: 3600 })).cookies).toStrictEqual([
      '__Host-pawl-access=<access>; Path=/; Max-Age=3600; Expires=Tue, 01 Jan 2030 13:00:00 GMT; HttpOnly; Secure; SameSite=Lax',
      '__Secure-pawl-refresh=<refresh>; Path=/session; Max-Age=3600; Expires=Tue, 01 Jan 2030 13:00:00 GMT; HttpOnly; Secure; SameSite=Lax',
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
  ])('with Vary %s of the application says %s', async (given, expected) => {
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

  it('is the only kind whose caching is changed', async () => {
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
  it('that make the access cookie longer than 4096 bytes fail at creation, without a session', async () => {
    const { visitor, sessions } = await openSite()
    const anna = visitor()
    await expect(anna.login({ userId: 'anna', claims: { role: 'x'.repeat(3000) } })).rejects.toThrow(
      TypeError,
    )
    expect(anna.jar.names).toStrictEqual([])
    expect(await sessions.list('anna')).toStrictEqual([])
  })

  it('that just fit make a cookie of at most 4096 bytes, also under the longest name and after a turn', async () => {
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
    expect(name.length + anna.jar.get(name)!.length).toBeGreaterThan(4000)
  })
})

describe('options of cookies', () => {
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
    ['cookies.sameSite', { cookies: { sameSite: 'Lax' } }],
    ['cookies.partitioned', { cookies: { partitioned: 'yes' } }],
    ['cookies.name', { cookies: { name: 'sid' } }],
    ['cookies', { cookies: 'sid' }],
    ['path', { path: 'session' }],
    ['path', { path: '/session/' }],
    ['path', { path: '/' }],
    ['path', { path: '/a;b' }],
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
  ])('are refused by name: %s', async (option, options) => {
    await expect(openSite(options as never)).rejects.toThrow(
      coded('ERR_INVALID_OPTIONS', { option }) as Error,
    )
  })

  it('let both cookies be __Host- with inline refresh, as both are sent to /', async () => {
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
