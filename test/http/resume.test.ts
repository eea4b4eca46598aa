import { describe, expect, it } from 'vitest'
import { sessionsOverHttp } from '../../src/http/http.ts'
import { safePath } from '../../src/http/resume.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import { type Answer, NAVIGATION, openSite, type Site, type Visitor } from '../support/http-site.ts'

const EXPIRED = { code: 'access_token_expired', refresh: true }
const ACCESS = '__Host-pawl-access'

/** Somebody whose access token has expired, at this time. */
async function away(): Promise<{ site: Site; anna: Visitor }> {
  const site = await openSite()
  const anna = site.visitor()
  await anna.login()
  site.clock.advance(3600)
  return { site, anna }
}

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
  it('goes through the refresh route and comes back', async () => {
    const { anna } = await away()
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
    expect([third.status, third.body]).toStrictEqual([200, { userId: 'anna', generation: 1 }])
  })

  it('is resumed as well when the claims have changed or the token is not recognized', async () => {
    const { site, anna } = await away()
    await browse(anna, '/')
    await site.sessions.setClaims((await site.sessions.list('anna'))[0]!.sessionId, { role: 'admin' })
    expect((await browse(anna, '/a')).last.status).toBe(200)
    anna.jar.put(ACCESS, 'garbage')
    expect((await browse(anna, '/b')).last.status).toBe(200)
  })

  it('is resumed when a handler that nothing guards asks for the session', async () => {
    const { anna } = await away()
    const answer = await anna.navigate('/page', { info: {} })
    expect(locationOf(answer)).toBe('/session/refresh?to=%2Fpage')
  })

  it('is resumed where a session is optional, and shown to a stranger', async () => {
    const { site, anna } = await away()
    const page = {
      info: { optional: true },
      handler: (session: { current: { userId: string } | null }) =>
        Response.json(session.current?.userId ?? null),
    }
    expect(locationOf(await anna.navigate('/hello', page))).toBe('/session/refresh?to=%2Fhello')
    expect(await site.visitor().navigate('/hello', page)).toMatchObject({ status: 200, body: null })
  })

  it('ends in a 401 page where the browser stores no cookies, not in a loop', async () => {
    const { anna } = await away()
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
    expect([last.status, last.body]).toStrictEqual([401, EXPIRED])
  })

  it('ends in the page itself where the session is optional', async () => {
    const { anna } = await away()
    const { status, body } = await anna.navigate(`/hello?pawl-resumed=${marker}`, {
      info: { optional: true },
      handler: (session) => Response.json(session.current),
    })
    expect([status, body]).toStrictEqual([200, null])
  })

  it('is resumed again when the marker is old, or is none', async () => {
    const { site, anna } = await away()
    const old = `/page?pawl-resumed=${marker}`
    expect((await anna.navigate(old)).status).toBe(401)
    site.clock.advance(60)
    const resumed = await anna.navigate(old)
    expect(resumed.status).toBe(303)
    const { steps, last } = await browse(anna, old)
    expect(last.status).toBe(200)
    expect(steps.at(-1)).toBe(`/page?pawl-resumed=${(Date.UTC(2030, 0, 1, 13, 1) / 1000).toString(36)}`)
    site.clock.advance(3600)
    for (const nonsense of ['', 'x', '-1', 'zzzzzzzzzzzzzzzzzzzzzz', '%00'])
      expect((await anna.navigate(`/page?pawl-resumed=${nonsense}`)).status).toBe(303)
  })

  it('of a session that has ended ends in the page, with the cookies cleared', async () => {
    const { site, anna } = await away()
    await site.sessions.revokeUser('anna')
    const { steps, last } = await browse(anna, '/page')
    expect(steps).toHaveLength(3)
    expect([last.status, last.body]).toStrictEqual([401, { code: 'not_signed_in', refresh: false }])
    expect(anna.jar.names).toStrictEqual([])
  })

  it.each(['//', '///x', '/\\x', '/%00', '/%', 'http://[', '*'])(
    'of a target that is no path of this site, %j, is not resumed and breaks nothing',
    async (target) => {
      const { site, anna } = await away()
      const http = sessionsOverHttp(site.sessions)
      const cookie = anna.jar.header('/')!
      const exchange = fakeExchange({ target, headers: { ...NAVIGATION, cookie } })
      const { session } = await http.handle(exchange)
      expect(http.authorize(session!)).toMatchObject({ status: 401, body: JSON.stringify(EXPIRED) })
    },
  )
})

describe('what is no page load', () => {
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
      'a client that says nothing of itself',
      { 'sec-fetch-mode': undefined, 'sec-fetch-dest': undefined, accept: '*/*' },
    ],
  ])('is not redirected, and refreshes nothing: %s', async (_what, headers) => {
    const { anna } = await away()
    const page = await anna.navigate('/page', { headers })
    expect([page.status, page.body]).toStrictEqual([401, EXPIRED])
    const route = await anna.navigate('/session/refresh?to=/page', { headers })
    expect([route.status, route.headers.get('allow'), route.cookies]).toStrictEqual([405, 'POST', []])
  })

  it('is a POST', async () => {
    const { anna } = await away()
    const { status, body } = await anna.visit('POST', '/act', {
      headers: { ...NAVIGATION, 'sec-fetch-site': 'same-origin' },
    })
    expect([status, body]).toStrictEqual([401, EXPIRED])
  })
})

it('an old browser’s page load is known by what it accepts', async () => {
  const { anna } = await away()
  const old = { 'sec-fetch-mode': undefined, 'sec-fetch-dest': undefined, 'sec-fetch-site': undefined }
  expect((await anna.navigate('/page', { headers: old })).status).toBe(303)
})

describe('the refresh route', () => {
  it.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a?b=c', '/a?b=c'],
    // The query keeps its spelling: a signed URL would not survive another one.
    // A form's text area, and a query that is no proper encoding, are queries like any other.
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
  ])('sends back to %s', async (to, expected) => {
    const { anna } = await away()
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
  ])('sends to / instead of %j', async (to) => {
    const { anna } = await away()
    const answer = await anna.navigate(`/session/refresh?to=${encodeURIComponent(to)}`)
    expect(answer.status).toBe(303)
    expect(locationOf(answer)).toBe(`/?pawl-resumed=${marker}`)
  })

  it('sends to / instead of a place of 10 kB', async () => {
    const { anna } = await away()
    const place = `/${'a'.repeat(10_240)}`
    expect((await anna.navigate(place)).status).toBe(401)
    const answer = await anna.navigate(`/session/refresh?to=${place}`)
    expect(locationOf(answer)).toBe(`/?pawl-resumed=${marker}`)
  })

  it('sends to / when no place is named, and takes the first of several', async () => {
    const { anna } = await away()
    expect(locationOf(await anna.navigate('/session/refresh'))).toBe(`/?pawl-resumed=${marker}`)
    expect(locationOf(await anna.navigate('/session/refresh?to=//evil.example&to=/a'))).toBe(
      `/?pawl-resumed=${marker}`,
    )
  })

  it('sent to itself ends all the same', async () => {
    const { anna } = await away()
    let to = '/page'
    for (let depth = 0; depth < 3; depth++) to = `/session/refresh?to=${encodeURIComponent(to)}`
    expect((await browse(anna, to)).last.status).toBe(200)
    expect((await browse(anna, '/session/refresh?to=/session/refresh')).last.status).toBe(200)
  })

  it('sends a session that has ended back with its cookies cleared, and the page is shown', async () => {
    const { site, anna } = await away()
    await site.sessions.revokeUser('anna')
    const answer = await anna.navigate('/session/refresh?to=/page')
    expect(answer.status).toBe(303)
    expect(locationOf(answer)).toBe(`/page?pawl-resumed=${marker}`)
    const gone = 'Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax'
    expect(answer.cookies).toStrictEqual([
      `${ACCESS}=; Path=/; ${gone}`,
      `__Secure-pawl-refresh=; Path=/session; ${gone}`,
    ])
    expect(await anna.navigate(locationOf(answer)!)).toMatchObject({
      status: 401,
      body: { code: 'not_signed_in', refresh: false },
    })
  })

  it('sends a stranger on', async () => {
    const { site } = await away()
    const answer = await site.visitor().navigate('/session/refresh?to=/page')
    expect([answer.status, locationOf(answer), answer.cookies]).toStrictEqual([
      303,
      `/page?pawl-resumed=${marker}`,
      [],
    ])
  })
})

it('whatever passes as a path resolves to the same origin, as a browser reads it', () => {
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
  let passed = 0
  for (const a of pieces)
    for (const b of pieces)
      for (const c of pieces)
        for (const d of pieces) {
          const path = safePath(`/${a}${b}${c}${d}evil.example`)
          if (path === null) continue
          passed += 1
          const paths = [path, decodeURIComponent(path)]
          if (
            new URL(path, base).origin !== 'https://app.example.com' ||
            !paths.every((text) => /^\/(?![/\\])/.test(text))
          )
            expect.fail(`${JSON.stringify(a + b + c + d)} became ${path}`)
        }
  expect(passed).toBeGreaterThan(1000)
})
