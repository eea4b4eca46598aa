import { describe, expect, it } from 'vitest'
import { sessionsOverHttp } from '../../src/http/http.ts'
import { safePath } from '../../src/http/resume.ts'
import { memory } from '../../src/memory/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import { fragile } from '../support/http-outage.ts'
import {
  type Answer,
  codeInPage,
  NAVIGATION,
  openSite,
  type Site,
  type Visitor,
} from '../support/http-site.ts'
import { FOREIGN_SECRET } from '../support/secrets.ts'
import { listen, openSessions } from '../support/sessions.ts'

const EXPIRED = { code: 'access_token_expired', refresh: true }
const ACCESS = '__Host-pawl-access'

/** A site with a visitor whose access token has expired. */
async function openExpired(): Promise<{ site: Site; anna: Visitor }> {
  const site = await openSite()
  const anna = site.visitor()
  await anna.login()
  site.clock.advance(3600)
  return { site, anna }
}

const visitors = (session: { current: object | null }): Response =>
  new Response(session.current === null ? 'visitor' : 'user')
const locationOf = (answer: Answer): string | null => answer.headers.get('location')
/** The marker as it is an hour after the clock's start. */
const marker = (Date.UTC(2030, 0, 1, 13) / 1000).toString(36)

/** Follows redirects as a browser would. @returns every step */
async function browse(
  visitor: Visitor,
  target: string,
  limit = 10,
): Promise<{ steps: string[]; last: Answer }> {
  const steps = [target]
  for (let step = 0; step < limit; step++) {
    const answer = await visitor.navigate(steps.at(-1)!)
    const location = locationOf(answer)
    if (location === null) return { steps, last: answer }
    steps.push(location)
  }
  throw new Error('redirected in a loop')
}

describe('a page load with an expired access token', () => {
  it('is redirected to the refresh route and back to the page', async () => {
    const { anna } = await openExpired()
    const first = await anna.navigate('/orders?page=2&q=a%20b')
    expect(first.status).toBe(303)
    expect(locationOf(first)).toBe('/session/refresh?to=%2Forders%3Fpage%3D2%26q%3Da%2520b')
    expect(first.cookies).toStrictEqual([])
    expect(first.headers.get('cache-control')).toBe('private, no-store')
    const second = await anna.navigate(locationOf(first)!)
    expect(second.status).toBe(303)
    expect(locationOf(second)).toBe(`/orders?page=2&q=a%20b&pawl-resumed=${marker}`)
    expect(second.cookies.map((cookie) => cookie.split('=')[0])).toStrictEqual([
      ACCESS,
      '__Secure-pawl-refresh',
    ])
    expect(second.headers.get('cache-control')).toBe('private, no-store')
    expect(second.headers.get('vary')).toBe('Cookie')
    expect(second.headers.get('referrer-policy')).toBe('same-origin')
    const third = await anna.navigate(locationOf(second)!)
    expect([third.status, locationOf(third)]).toStrictEqual([303, '/orders?page=2&q=a%20b'])
    expect([third.headers.get('cache-control'), third.cookies]).toStrictEqual(['private, no-store', []])
    const fourth = await anna.navigate(locationOf(third)!)
    expect([fourth.status, fourth.body]).toStrictEqual([200, { userId: 'anna', generation: 1 }])
  })

  it('can be repeated when the access token expires again at once', async () => {
    const { site, anna } = await openExpired()
    const { steps } = await browse(anna, '/page')
    expect(steps.at(-1)).toBe('/page')
    // A short lifetime ends within the 60 seconds of the marker.
    anna.jar.put(ACCESS, 'expired')
    expect((await browse(anna, steps.at(-1)!)).last.status).toBe(200)
    expect((await site.sessions.list('anna'))[0]).toMatchObject({ active: true })
  })

  it.each([
    ['/page?pawl-resumed=1', '/page'],
    ['/page?pawl-resumed=1&a=b', '/page?a=b'],
    ['/page?a=b&pawl-resumed=1&c=%20', '/page?a=b&c=%20'],
    ['/page?a=1+2&pawl-resumed=', '/page?a=1+2'],
    ['/page?pawl-resumed=1&pawl-resumed=2&pawl-resumed=3', '/page'],
    ['/page?a&&b=c=d&pawl-resumed=1&', '/page?a&&b=c=d&'],
    ['/a&pawl-resumed=1/b?pawl-resumed=1', '/a&pawl-resumed=1/b'],
    ['/page?next=/a?pawl-resumed=1&pawl-resumed=2&b=c', '/page?next=/a?pawl-resumed=1&b=c'],
  ])('with the marker of an old link is redirected to the URL without it: %s', async (marked, to) => {
    const site = await openSite()
    const anna = site.visitor()
    await anna.login()
    for (const info of [{ required: true }, { optional: true }])
      expect(locationOf(await anna.navigate(marked, { info }))).toBe(to)
    const visitor = await site.visitor().navigate(marked, { info: { optional: true } })
    expect([visitor.status, locationOf(visitor)]).toStrictEqual([303, to])
    expect((await site.visitor().navigate(marked)).status).toBe(401)
  })

  it('with a marker is the only request that is redirected', async () => {
    const site = await openSite()
    const anna = site.visitor()
    await anna.login()
    const frame = { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'iframe' }
    const form = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' }
    for (const [method, headers] of [
      ['GET', {}],
      ['GET', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
      ['GET', { ...NAVIGATION, ...frame }],
      ['HEAD', NAVIGATION],
      ['POST', { ...NAVIGATION, ...form }],
    ] as const)
      for (const info of [{ required: true }, { optional: true }])
        expect((await anna.visit(method, '/page?pawl-resumed=1', { headers, info })).status).toBe(200)
  })

  it('keeps a marker that it cannot remove', async () => {
    const site = await openSite()
    const anna = site.visitor()
    await anna.login()
    for (const path of [
      '/page?pawl%2Dresumed=1',
      '/pawl-resumed',
      '/page?my-pawl-resumed=1',
      '/page?pawl-resumed',
      '/a&pawl-resumed=1/b?c=d',
      '/page?next=/a?pawl-resumed=1&b=c',
    ])
      expect((await anna.navigate(path)).status).toBe(200)
  })

  it('keeps the marker while the answer renews the cookies, which the browser may not store', async () => {
    const site = await openSite({ refresh: 'inline' })
    const anna = site.visitor()
    await anna.login()
    site.clock.advance(3600)
    const { status, cookies } = await anna.navigate(`/page?pawl-resumed=${marker}`)
    expect([status, cookies.length]).toStrictEqual([200, 2])
  })

  it.each([
    ['-', 15],
    ['_', 60],
  ])(
    'keeps a marker with the ending %s for %i seconds, because it was not refreshed',
    async (ending, seconds) => {
      const site = await openSite()
      const anna = site.visitor()
      await anna.login()
      const marked = `/page?pawl-resumed=${(site.clock.now() / 1000).toString(36)}${ending}`
      site.clock.advance(seconds - 1)
      expect((await anna.navigate(marked)).status).toBe(200)
      expect(
        (await site.visitor().navigate(marked, { info: { optional: true }, handler: visitors })).text,
      ).toBe('visitor')
      site.clock.advance(1)
      expect(locationOf(await anna.navigate(marked))).toBe('/page')
    },
  )

  it('ends after two rounds if a cache always answers with the redirect to the refresh route', async () => {
    const { anna } = await openExpired()
    const cached = await anna.navigate('/page')
    const navigate: Visitor['navigate'] = async (target, options) =>
      target === '/page' ? cached : anna.navigate(target, options)
    const { steps, last } = await browse({ ...anna, navigate }, '/page')
    expect(steps).toStrictEqual([
      '/page',
      '/session/refresh?to=%2Fpage',
      `/page?pawl-resumed=${marker}`,
      '/page',
      '/session/refresh?to=%2Fpage',
      `/page?pawl-resumed=${marker}_`,
    ])
    expect([last.status, last.body]).toStrictEqual([200, { userId: 'anna', generation: 1 }])
  })

  it('ends after one round if a process refuses the access token that another accepts', async () => {
    const clock = createFakeClock()
    const store = memory()
    const site = await openSite({}, { store, now: clock.now })
    const refusing = await openSite({}, { store, now: clock.now, accessToken: { audience: 'another' } })
    const anna = site.visitor()
    await anna.login()
    const refused = refusing.visitor(anna.jar)
    const marked = `/page?pawl-resumed=${Math.floor(clock.now() / 1000).toString(36)}_`
    const round = ['/page', '/session/refresh?to=%2Fpage', marked]
    for (const [answering, status] of [
      [anna, 200],
      [refused, 401],
    ] as const) {
      const navigate: Visitor['navigate'] = (target, options) => {
        const visitor = target === '/page' ? refused : target === marked ? answering : anna
        return visitor.navigate(target, options)
      }
      const { steps, last } = await browse({ ...anna, navigate }, '/page')
      expect([steps, last.status]).toStrictEqual([round, status])
    }
  })

  it('is also redirected if the claims are outdated or the access token is damaged', async () => {
    const { site, anna } = await openExpired()
    await browse(anna, '/')
    await site.sessions.setClaims((await site.sessions.list('anna'))[0]!.sessionId, { role: 'admin' })
    expect((await browse(anna, '/a')).last.status).toBe(200)
    anna.jar.put(ACCESS, 'garbage')
    expect((await browse(anna, '/b')).last.status).toBe(200)
  })

  it('is also redirected if an unguarded handler reads the session', async () => {
    const { anna } = await openExpired()
    const answer = await anna.navigate('/page', { info: {} })
    expect(locationOf(answer)).toBe('/session/refresh?to=%2Fpage')
  })

  it('is also redirected if the session is optional, and a visitor gets the page', async () => {
    const { site, anna } = await openExpired()
    const page = {
      info: { optional: true },
      handler: (session: { current: { userId: string } | null }) =>
        Response.json(session.current?.userId ?? null),
    }
    expect(locationOf(await anna.navigate('/hello', page))).toBe('/session/refresh?to=%2Fhello')
    expect(await site.visitor().navigate('/hello', page)).toMatchObject({ status: 200, body: null })
  })

  it('ends with 401 instead of a loop if the browser stores no cookies', async () => {
    const { anna } = await openExpired()
    const blocked: Visitor = {
      ...anna,
      navigate: async (target, options) => {
        const cookie = anna.jar.header(target.replace(/\?.*/, ''))
        const before = anna.jar.copy()
        const answer = await anna.navigate(target, { ...options, headers: { ...options?.headers, cookie } })
        for (const name of anna.jar.names) anna.jar.delete(name)
        anna.jar.put(ACCESS, before.get(ACCESS)!)
        anna.jar.put('__Secure-pawl-refresh', before.get('__Secure-pawl-refresh')!, '/session')
        return answer
      },
    }
    const { steps, last } = await browse(blocked, '/page')
    expect(steps).toStrictEqual(['/page', '/session/refresh?to=%2Fpage', `/page?pawl-resumed=${marker}`])
    expect([last.status, codeInPage(last)]).toStrictEqual([401, EXPIRED.code])
  })

  it('is served after one redirect if the session is optional', async () => {
    const { anna } = await openExpired()
    const { status, body } = await anna.navigate(`/hello?pawl-resumed=${marker}`, {
      info: { optional: true },
      handler: (session) => Response.json(session.current),
    })
    expect([status, body]).toStrictEqual([200, null])
  })

  it('is redirected again if the marker is old or malformed', async () => {
    const { site, anna } = await openExpired()
    const old = `/page?pawl-resumed=${marker}`
    expect((await anna.navigate(old)).status).toBe(401)
    site.clock.advance(60)
    const resumed = await anna.navigate(old)
    expect(resumed.status).toBe(303)
    const { steps, last } = await browse(anna, old)
    expect(last.status).toBe(200)
    expect(steps.at(-2)).toBe(`/page?pawl-resumed=${(Date.UTC(2030, 0, 1, 13, 1) / 1000).toString(36)}`)
    site.clock.advance(3600)
    for (const nonsense of ['', 'x', '-1', 'zzzzzzzzzzzzzzzzzzzzzz', '%00'])
      expect((await anna.navigate(`/page?pawl-resumed=${nonsense}`)).status).toBe(303)
  })

  it('of a revoked session returns to the page with the cookies cleared', async () => {
    const { site, anna } = await openExpired()
    await site.sessions.revokeUser('anna')
    const { steps, last } = await browse(anna, '/page')
    expect(steps).toHaveLength(3)
    expect([last.status, codeInPage(last)]).toStrictEqual([401, 'not_signed_in'])
    expect(anna.jar.names).toStrictEqual([])
  })

  it('of a revoked session loses the marker if the session is optional', async () => {
    const { site, anna } = await openExpired()
    await site.sessions.revokeUser('anna')
    const optional: Visitor = {
      ...anna,
      navigate: (target) => anna.navigate(target, { info: { optional: true }, handler: visitors }),
    }
    const { steps, last } = await browse(optional, '/page')
    expect(steps.slice(2)).toStrictEqual([`/page?pawl-resumed=${marker}`, '/page'])
    expect([last.status, last.text]).toStrictEqual([200, 'visitor'])
  })

  it('keeps the marker while the answer clears the cookies, which the browser may not delete', async () => {
    const site = await openSite({ refresh: 'inline' })
    const anna = site.visitor()
    await anna.login()
    site.clock.advance(3600)
    await site.sessions.revokeUser('anna')
    const page = { info: { optional: true }, handler: visitors }
    const { text, cookies } = await anna.navigate('/page?pawl-resumed=1', page)
    expect([text, cookies.length]).toStrictEqual(['visitor', 2])
  })

  it('keeps the marker if this process does not know the secret of the refresh token', async () => {
    const site = await openSite({ refresh: 'inline' })
    const other = await openSite({ refresh: 'inline' }, { secret: FOREIGN_SECRET })
    const anna = site.visitor()
    await anna.login()
    const page = { info: { optional: true }, handler: visitors }
    expect((await other.visitor(anna.jar).navigate('/page?pawl-resumed=1', page)).text).toBe('visitor')
    expect((await anna.navigate('/page?pawl-resumed=1', page)).status).toBe(303)
  })

  it.each(['//', '///x', '/\\x', '/%00', '/%', 'http://[', '*'])(
    'with the malformed target %j gets 401 without a redirect',
    async (target) => {
      const { site, anna } = await openExpired()
      const http = sessionsOverHttp(site.sessions)
      const cookie = anna.jar.header('/')!
      const exchange = fakeExchange({ target, headers: { ...NAVIGATION, cookie } })
      const { session } = await http.handle(exchange)
      expect(http.authorize(session!)).toMatchObject({
        status: 401,
        body: expect.stringContaining(EXPIRED.code),
      })
    },
  )
})

describe('a request other than a page load', () => {
  it.each([
    ['a script', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['an image', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    [
      'an image of another site',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    ],
    ['a frame of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'iframe' }],
    ['a frame', { 'sec-fetch-dest': 'iframe' }],
    ['an object', { 'sec-fetch-dest': 'object' }],
    ['a prefetching worker', { 'sec-fetch-dest': 'serviceworker' }],
    [
      'a client without Sec-Fetch headers',
      { 'sec-fetch-mode': undefined, 'sec-fetch-dest': undefined, accept: '*/*' },
    ],
  ])('is not redirected and cannot refresh by GET: %s', async (_what, headers) => {
    const { anna } = await openExpired()
    const page = await anna.navigate('/page', { headers })
    expect([page.status, page.body]).toStrictEqual([401, EXPIRED])
    const route = await anna.navigate('/session/refresh?to=/page', { headers })
    expect([route.status, route.headers.get('allow'), route.cookies]).toStrictEqual([405, 'POST', []])
  })

  it('is not redirected: a POST', async () => {
    const { anna } = await openExpired()
    const answer = await anna.visit('POST', '/act', {
      headers: { ...NAVIGATION, 'sec-fetch-site': 'same-origin' },
    })
    expect([answer.status, codeInPage(answer)]).toStrictEqual([401, EXPIRED.code])
  })
})

it('a page load of an old browser is recognized by its Accept header', async () => {
  const { anna } = await openExpired()
  const old = { 'sec-fetch-mode': undefined, 'sec-fetch-dest': undefined, 'sec-fetch-site': undefined }
  expect((await anna.navigate('/page', { headers: old })).status).toBe(303)
})

describe('the refresh route', () => {
  it.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a?b=c', '/a?b=c'],
    // The query stays byte for byte, so that signed URLs and malformed encodings survive.
    ['/a?text=a%0D%0Ab', '/a?text=a%0D%0Ab'],
    ['/a?q=100%', '/a?q=100%'],
    ['/a?url=https://other.example/x', '/a?url=https://other.example/x'],
    ['/a#fragment', '/a'],
    ['/caf%C3%A9', '/caf%C3%A9'],
    ['/a/../b', '/b'],
    ['/a/..', '/'],
    ['/@evil.example', '/@evil.example'],
    ['/.evil.example', '/.evil.example'],
    ['/%252F%252Fevil.example', '/%252F%252Fevil.example'],
  ])('redirects to the local path %s', async (to, expected) => {
    const { anna } = await openExpired()
    const answer = await anna.navigate(`/session/refresh?to=${encodeURIComponent(to)}`)
    expect(answer.status).toBe(303)
    expect(locationOf(answer)).toBe(`${expected}${expected.includes('?') ? '&' : '?'}pawl-resumed=${marker}`)
  })

  it.each([
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\\/evil.example',
    'https://evil.example',
    'https:evil.example',
    'HTTPS://evil.example/',
    'javascript:alert(1)',
    'data:text/html,x',
    '/%2F%2Fevil.example',
    '/%2fevil.example',
    '/%5Cevil.example',
    '/%5cevil.example',
    '/.//evil.example',
    '/./%2Fevil.example',
    '/a/..//evil.example',
    '/%2e%2e//evil.example',
    '/..//evil.example',
    '/a\\..\\..\\evil.example',
    '/a/%5c..%5cb',
    '/\t/evil.example',
    '/\n/evil.example',
    '/\u0000',
    '/\u007f',
    '\t//evil.example',
    ' //evil.example',
    '/a\r\nset-cookie: a=b',
    '/a%0d%0aset-cookie:%20a=b',
    '/a%0d%0ab',
    '/%',
    '/%E9',
    '/%c0%af/evil.example',
    'evil',
    '@evil.example',
    '?a=b',
    '',
  ])('redirects to / instead of %j', async (to) => {
    const { anna } = await openExpired()
    const answer = await anna.navigate(`/session/refresh?to=${encodeURIComponent(to)}`)
    expect(answer.status).toBe(303)
    expect(locationOf(answer)).toBe(`/?pawl-resumed=${marker}`)
  })

  it('redirects to / instead of a path of 10 kB', async () => {
    const { anna } = await openExpired()
    const place = `/${'a'.repeat(10_240)}`
    expect((await anna.navigate(place)).status).toBe(401)
    const answer = await anna.navigate(`/session/refresh?to=${place}`)
    expect(locationOf(answer)).toBe(`/?pawl-resumed=${marker}`)
  })

  it('redirects to / without `to`, and uses the first of several', async () => {
    const { anna } = await openExpired()
    expect(locationOf(await anna.navigate('/session/refresh'))).toBe(`/?pawl-resumed=${marker}`)
    expect(locationOf(await anna.navigate('/session/refresh?to=//evil.example&to=/a'))).toBe(
      `/?pawl-resumed=${marker}_`,
    )
  })

  it('does not loop if `to` is the refresh route', async () => {
    const { anna } = await openExpired()
    let to = '/page'
    for (let depth = 0; depth < 3; depth++) to = `/session/refresh?to=${encodeURIComponent(to)}`
    expect((await browse(anna, to)).last.status).toBe(200)
    expect((await browse(anna, '/session/refresh?to=/session/refresh')).last.status).toBe(200)
  })

  it('clears the cookies of a revoked session and redirects to the page', async () => {
    const { site, anna } = await openExpired()
    await site.sessions.revokeUser('anna')
    const answer = await anna.navigate('/session/refresh?to=/page')
    expect(answer.status).toBe(303)
    expect(locationOf(answer)).toBe(`/page?pawl-resumed=${marker}`)
    const gone = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax'
    expect(answer.cookies).toStrictEqual([
      `${ACCESS}=; Path=/; ${gone}`,
      `__Secure-pawl-refresh=; Path=/session; ${gone}`,
    ])
    const page = await anna.navigate(locationOf(answer)!)
    expect([page.status, codeInPage(page)]).toStrictEqual([401, 'not_signed_in'])
  })

  it('does not refresh while the access token is valid, so another site cannot use up the refreshes', async () => {
    const site = await openSite()
    const anna = site.visitor()
    await anna.login()
    site.clock.advance(60)
    const refreshed = listen(site.sessions, 'refreshed')
    const fromElsewhere = { headers: { 'sec-fetch-site': 'cross-site' } }
    for (let time = 0; time < 61; time++) {
      const answer = await anna.navigate('/session/refresh?to=/page', fromElsewhere)
      expect([answer.status, answer.cookies]).toStrictEqual([303, []])
      expect(locationOf(answer)).toMatch(/^\/page\?pawl-resumed=\w+_$/)
    }
    expect(refreshed).toStrictEqual([])
    site.clock.advance(3600)
    expect((await browse(anna, '/page')).last.status).toBe(200)
  })

  it('refreshes once and not again if another site sends the browser there after the expiry', async () => {
    const { site, anna } = await openExpired()
    const refreshed = listen(site.sessions, 'refreshed')
    for (let time = 0; time < 61; time++)
      expect((await anna.navigate('/session/refresh?to=/page')).status).toBe(303)
    expect(refreshed).toHaveLength(1)
    expect((await anna.navigate('/page')).status).toBe(200)
  })

  it('refreshes a token that the row supersedes, even if this process has not learned of it yet', async () => {
    const clock = createFakeClock()
    const store = memory()
    const site = await openSite({}, { store, now: clock.now, revocation: { mode: 'expiry' } })
    const elsewhere = await openSessions({ store, now: clock.now })
    const anna = site.visitor()
    await anna.login()
    await elsewhere.setClaims((await elsewhere.list('anna'))[0]!.sessionId, { role: 'admin' })
    expect((await anna.navigate('/session/refresh?to=/page')).cookies).toHaveLength(2)
  })

  it('lets a page load through while the database is away and the access token is valid', async () => {
    const outage = fragile(memory())
    const site = await openSite({}, { store: outage.store })
    const anna = site.visitor()
    await anna.login()
    outage.down = true
    const answer = await anna.navigate('/session/refresh?to=/page')
    expect([answer.status, answer.cookies]).toStrictEqual([303, []])
  })

  it('redirects a visitor without cookies to the page', async () => {
    const { site } = await openExpired()
    const answer = await site.visitor().navigate('/session/refresh?to=/page')
    expect([answer.status, locationOf(answer), answer.cookies]).toStrictEqual([
      303,
      `/page?pawl-resumed=${marker}`,
      [],
    ])
  })
})

it('every path that safePath accepts resolves to the same origin in a browser', () => {
  const pieces = [
    '/',
    '\\',
    '.',
    '..',
    '%2f',
    '%5c',
    '%2e',
    '\t',
    '\n',
    '@',
    ':',
    'evil.example',
    '?',
    '#',
    '%00',
    ' ',
  ]
  const base = 'https://app.example.com/session/refresh'
  let accepted = 0
  for (const a of pieces)
    for (const b of pieces)
      for (const c of pieces)
        for (const d of pieces) {
          const path = safePath(`/${a}${b}${c}${d}evil.example`)
          if (path === null) continue
          accepted += 1
          const paths = [path, decodeURIComponent(path)]
          if (
            new URL(path, base).origin !== 'https://app.example.com' ||
            !paths.every((text) => /^\/(?![/\\])/.test(text))
          )
            expect.fail(`${JSON.stringify(a + b + c + d)} became ${path}`)
        }
  expect(accepted).toBeGreaterThan(1000)
})
