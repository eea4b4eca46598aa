import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { HttpOptions } from '../../src/adapters/fetch/index.ts'
import { CsrfRejectedError, StoreUnavailableError, TryAgainError } from '../../src/index.ts'
import { createJar } from '../support/http-jar.ts'
import {
  type Answer,
  type Handler,
  NAVIGATION,
  openSite,
  type Site,
  type Visitor,
} from '../support/http-site.ts'
import { NEW_SECRET, SECRET } from '../support/secrets.ts'
import { listen } from '../support/sessions.ts'

/** Two applications on one host, or one before and after it got a new secret. The visitor has cookies of the other one. */
async function openWithForeignCookies(
  http: HttpOptions = {},
  origin?: string,
): Promise<{ site: Site; anna: Visitor }> {
  const jar = createJar()
  const other = await openSite(http, { secret: NEW_SECRET })
  await other.visitor(jar, origin).login()
  const site = await openSite(http, { secret: SECRET })
  return { site, anna: site.visitor(jar, origin) }
}

const FORM = { ...NAVIGATION, 'sec-fetch-site': 'same-origin' }
const WITHOUT_METADATA = {
  'sec-fetch-site': undefined,
  'sec-fetch-mode': undefined,
  'sec-fetch-dest': undefined,
  accept: 'text/html',
}
const current: Handler = (session) => Response.json({ current: session.current })

/** Loads a page and follows its redirects. */
async function load(
  visitor: Visitor,
  path: string,
  options: Parameters<Visitor['navigate']>[1],
): Promise<Answer> {
  let answer = await visitor.navigate(path, options)
  for (let step = 0; step < 4 && answer.status === 303; step++)
    answer = await visitor.navigate(answer.headers.get('location')!, options)
  return answer
}

function expectPage(answer: Answer, status: number, code: string): void {
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(answer.headers.get('cache-control')).toBe('private, no-store')
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  expect(answer.text).toContain(`<small>${code}</small>`)
  const style = /<style>(.*)<\/style>/.exec(answer.text)![1]!
  const hash = createHash('sha256').update(style).digest('base64')
  expect(answer.headers.get('content-security-policy')).toBe(
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  )
  expect(style).toContain('color-scheme:light dark')
  expect(answer.text).not.toMatch(/<script|src=|https?:|style=/)
}

describe.each(['endpoint', 'inline'] as const)(
  'a token of an unknown secret, with refresh: %s',
  (refresh) => {
    it('makes a visitor of an optional page, and keeps its cookies', async () => {
      const { anna } = await openWithForeignCookies({ refresh })
      const before = anna.jar.header('/session')
      const page = { info: { optional: true }, handler: current }
      const answer = await load(anna, '/hello', page)
      expect(answer).toMatchObject({ status: 200, body: { current: null }, cookies: [] })
      const open = await load(anna, '/open', { info: {}, handler: current })
      expect(open).toMatchObject({ status: 200, body: { current: null }, cookies: [] })
      expect(anna.jar.header('/session')).toBe(before)
      expect((await anna.login()).status).toBe(200)
      expect((await anna.me()).status).toBe(200)
    })

    it('answers a page that needs a session with a page and 503, until a process knows the secret', async () => {
      const { site, anna } = await openWithForeignCookies({ refresh })
      const answer = await load(anna, '/page', {})
      expectPage(answer, 503, 'unavailable')
      expect([answer.headers.get('retry-after'), answer.cookies]).toStrictEqual(['30', []])
      expect(answer.text).toContain('cannot check right now')
      // The next try goes through the refresh route again.
      site.clock.advance(16)
      expectPage(await load(anna, '/page', {}), 503, 'unavailable')
    })

    it('ends the way through the refresh route also for a link with an old marker in another spelling', async () => {
      const { anna } = await openWithForeignCookies({ refresh })
      expectPage(await load(anna, '/page?pawl%2Dresumed=1', {}), 503, 'unavailable')
    })

    it('answers a script with 503 as JSON', async () => {
      const { anna } = await openWithForeignCookies({ refresh })
      const answer = await anna.refresh({ headers: { accept: 'text/html', 'sec-fetch-mode': 'cors' } })
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' }, cookies: [] })
      if (refresh === 'inline')
        expect(await anna.me({ info: { optional: true } })).toMatchObject({
          status: 503,
          body: { code: 'unavailable' },
        })
    })

    it('is explained to a developer on localhost, and nowhere else', async () => {
      const options = { refresh, insecureLocalhost: true }
      const local = await openWithForeignCookies(options, 'http://localhost:3000')
      expect((await load(local.anna, '/page', {})).text).toMatch(
        /Cookies do not know ports.*cookies\.access/s,
      )
      const elsewhere = await openWithForeignCookies(options)
      expect((await load(elsewhere.anna, '/page', {})).text).not.toContain('secret')
      const production = await openWithForeignCookies(
        { refresh, insecureLocalhost: false },
        'http://localhost:3000',
      )
      expect((await load(production.anna, '/page', {})).text).not.toContain('secret')
    })
  },
)

describe('a page load that Pawl refuses', () => {
  const throwing =
    (error: Error): Handler =>
    () => {
      throw error
    }

  it.each([
    [new StoreUnavailableError('x'), 503, 'unavailable'],
    [new TryAgainError(), 503, 'try_again'],
    [new CsrfRejectedError('token'), 403, 'csrf_rejected'],
  ] as const)('gets a page in words: %s', async (error, status, code) => {
    const { visitor } = await openSite()
    const options = { info: {}, handler: throwing(error) }
    expectPage(await visitor().navigate('/', options), status, code)
    expectPage(await visitor().visit('POST', '/', { ...options, headers: FORM }), status, code)
    expectPage(await visitor().visit('GET', '/', { ...options, headers: WITHOUT_METADATA }), status, code)
  })

  it('gets a page without a session, and for a form of another site', async () => {
    const { visitor } = await openSite()
    expectPage(await visitor().navigate('/page'), 401, 'not_signed_in')
    const form = { headers: { ...FORM, 'sec-fetch-site': 'cross-site' } }
    expectPage(await visitor().visit('POST', '/login', form), 403, 'csrf_rejected')
    const { text } = await visitor().navigate('/page', { headers: { 'pawl-transport': 'bearer' } })
    expect(text).toBe('{"code":"not_signed_in","refresh":false}')
  })
})

it('a logout with a token of an unknown secret emits `secretUnknown`', async () => {
  const { site, anna } = await openWithForeignCookies()
  const heard = listen(site.sessions, 'secretUnknown')
  expect((await anna.logout()).status).toBe(503)
  expect(heard).toHaveLength(1)
})

it.each([
  [{ access: '__Host-shop', refresh: '__Secure-shop-r' }, ['shop', 'shop-r']],
  [{ access: '__Host-shop', refresh: '__Secure-shop' }, ['shop', 'shop-refresh']],
  [{ access: 'shop', refresh: 'shop-r' }, ['shop-local', 'shop-r-local']],
  [{}, ['pawl-access', 'pawl-refresh']],
])('on plain localhost, applications have cookie names of their own: %o', async (cookies, names) => {
  const { visitor } = await openSite({ cookies, insecureLocalhost: true })
  const anna = visitor(createJar(), 'http://localhost:3000')
  await anna.login()
  expect(anna.jar.names).toStrictEqual(names)
  expect((await anna.me()).status).toBe(200)
})
