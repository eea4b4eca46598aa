import { describe, expect, it } from 'vitest'
import type { HttpOptions } from '../../src/adapters/fetch/index.ts'
import { sessionsOverHttp } from '../../src/http/http.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import {
  type Answer,
  codeInPage,
  NAVIGATION,
  openSite,
  type Site,
  THROUGH_WORKER,
  type Visitor,
} from '../support/http-site.ts'
import { createLog } from '../support/logger.ts'

/** A visitor whose access token has expired. */
async function openExpired(http: HttpOptions = {}): Promise<{ site: Site; anna: Visitor }> {
  const site = await openSite(http)
  const anna = site.visitor()
  await anna.login()
  site.clock.advance(3600)
  return { site, anna }
}

const REQUIRED = { info: { required: true } } as const
const EXPIRED = { status: 401, body: { code: 'access_token_expired', refresh: true }, cookies: [] }
const locationOf = ({ headers }: Answer): string => headers.get('location') ?? ''

describe.each(Object.entries(THROUGH_WORKER))(
  'a page load that a service worker passes on in %s',
  (_browser, headers) => {
    const load = (visitor: Visitor, target: string, method = 'GET'): Promise<Answer> =>
      visitor.visit(method, target, { ...REQUIRED, headers })

    it('is redirected through the refresh route and back', async () => {
      const { anna } = await openExpired()
      const first = await load(anna, '/page?a=b')
      expect([first.status, locationOf(first)]).toStrictEqual([303, '/session/refresh?to=%2Fpage%3Fa%3Db'])
      const second = await load(anna, locationOf(first))
      expect([second.status, second.cookies.length]).toStrictEqual([303, 2])
      expect(locationOf(second)).toMatch(/^\/page\?a=b&pawl-resumed=\w+$/)
      const third = await load(anna, locationOf(second))
      expect([third.status, locationOf(third)]).toStrictEqual([303, '/page?a=b'])
      expect((await load(anna, locationOf(third))).body).toStrictEqual({ userId: 'anna', generation: 1 })
    })

    it('gets a page in words instead of JSON, also as a form', async () => {
      const { site, anna } = await openExpired()
      const refused: readonly [Answer, number, string][] = [
        [await load(site.visitor(), '/page'), 401, 'not_signed_in'],
        [await load(anna, '/page', 'POST'), 401, 'access_token_expired'],
        [await load(anna, `${'/page'.padEnd(5000, 'x')}`), 401, 'access_token_expired'],
      ]
      for (const [answer, status, code] of refused)
        expect([answer.status, codeInPage(answer), answer.cookies]).toStrictEqual([status, code, []])
    })

    it('gets a marker with inline refresh, so a browser without cookies makes no loop', async () => {
      const { site, anna } = await openExpired({ refresh: 'inline' })
      const http = sessionsOverHttp(site.sessions, { refresh: 'inline' })
      const cookie = anna.jar.header('/')!
      async function redirected(target: string): Promise<string | undefined> {
        const exchange = fakeExchange({ target, headers: { ...headers, cookie } })
        const { session } = await http.handle(exchange)
        const reply = http.redirectAfterRefresh(session!)
        return reply?.headers.find(([name]) => name === 'location')?.[1]
      }
      const marked = await redirected('/page')
      expect(marked).toMatch(/^\/page\?pawl-resumed=\w+$/)
      expect(await redirected(marked!)).toBeUndefined()
    })
  },
)

it('a form that a service worker passes on is reported once, because forms of other sites look the same', async () => {
  const { logger, lines } = createLog()
  const site = await openSite({}, { logger })
  const warned = (): unknown[] =>
    lines.filter(({ level }) => level === 'warn').map(({ fields, message }) => [fields, message])
  const form = { handler: () => new Response('ok'), info: {} }
  const { Firefox: passedOn } = THROUGH_WORKER
  await site.visitor().visit('GET', '/page', { ...form, headers: passedOn })
  await site.visitor().visit('POST', '/form', { ...form, headers: NAVIGATION })
  await site.visitor().visit('POST', '/form', { ...form, headers: { ...passedOn, accept: '*/*' } })
  expect(warned()).toStrictEqual([])
  for (const headers of Object.values(THROUGH_WORKER))
    expect((await site.visitor().visit('POST', '/form', { ...form, headers })).status).toBe(200)
  expect(warned()).toStrictEqual([
    [{ event: 'formPassedOn' }, expect.stringMatching(/service worker.*every method but GET/)],
  ])
})

const { 'Chromium and WebKit': navigate, Firefox: sameOrigin } = THROUGH_WORKER
const crossSite = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }

/** What a page can send by `fetch`, elements and prefetches, and what only looks like a page load of a worker. */
it.each<[string, Record<string, string | undefined>]>([
  ['a script that asks for HTML', { ...sameOrigin, 'sec-fetch-mode': 'cors' }],
  [
    'a script in the mode same-origin that asks for HTML, as htmx 4',
    { ...sameOrigin, 'upgrade-insecure-requests': undefined },
  ],
  ['a script in the mode same-origin', { ...sameOrigin, accept: '*/*' }],
  ['a script that takes HTML as well', { ...sameOrigin, accept: 'application/json, text/html' }],
  ['a script that takes a type like HTML', { ...sameOrigin, accept: 'text/html-fragment' }],
  ['a script that sends no Accept', { ...sameOrigin, accept: undefined }],
  ['a no-cors script of another site', { ...sameOrigin, ...crossSite, 'sec-fetch-mode': 'no-cors' }],
  ['a script of another site', { ...sameOrigin, ...crossSite, 'sec-fetch-mode': 'cors' }],
  ['a prefetch', { ...sameOrigin, 'sec-fetch-mode': 'no-cors', 'sec-purpose': 'prefetch' }],
  ['an image in the mode same-origin', { ...sameOrigin, 'sec-fetch-dest': 'image' }],
  ['a document in the mode same-origin', { ...sameOrigin, 'sec-fetch-dest': 'document' }],
  ['a frame of another site', { ...navigate, ...crossSite, 'sec-fetch-dest': 'iframe' }],
  ['an object', { ...navigate, 'sec-fetch-dest': 'object' }],
  ['a WebSocket', { ...sameOrigin, 'sec-fetch-mode': 'websocket' }],
])('is no page load: %s', async (_what, headers) => {
  const { anna } = await openExpired()
  expect(await anna.me({ headers })).toMatchObject(EXPIRED)
  const route = await anna.visit('GET', '/session/refresh?to=/page', { headers })
  expect([route.status, route.text, route.cookies]).toStrictEqual([405, '', []])
})
