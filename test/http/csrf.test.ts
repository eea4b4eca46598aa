import { describe, expect, it } from 'vitest'
import type { HttpOptions } from '../../src/adapters/fetch/index.ts'
import { assertSameSite } from '../../src/http/csrf.ts'
import { sessionsOverHttp } from '../../src/http/http.ts'
import { coded } from '../support/errors.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import { openSite } from '../support/http-site.ts'
import { openSessions } from '../support/sessions.ts'

const REJECTED = { status: 403, body: '{"code":"csrf_rejected","refresh":false}' }
const HOST = 'app.example.com'

interface Sent {
  method?: string
  site?: string
  origin?: string
  host?: string
  headers?: Record<string, string>
  target?: string
}

/** Whether a request reaches the application. */
async function isAccepted(sent: Sent, options: HttpOptions = {}): Promise<boolean> {
  const http = sessionsOverHttp(await openSessions(), options)
  const { method = 'POST', site, origin, host = HOST, headers = {}, target = '/act' } = sent
  const { reply } = await http.handle(
    fakeExchange({
      method,
      target,
      headers: {
        ...(host !== '' && { host }),
        ...(site !== undefined && { 'sec-fetch-site': site }),
        ...(origin !== undefined && { origin }),
        ...headers,
      },
    }),
  )
  if (reply !== undefined) {
    expect(reply).toMatchObject(REJECTED)
    expect(reply.headers.map(([name]) => name)).not.toContain('set-cookie')
  }
  return reply === undefined
}

describe('an unsafe request', () => {
  // The cases of net/http csrf_test.go in Go, and some more.
  it.each<[boolean, Sent]>([
    [true, { site: 'same-origin' }],
    [true, { site: 'none' }],
    [false, { site: 'cross-site' }],
    [false, { site: 'same-site' }],
    [false, { site: 'unknown' }],
    [false, { site: 'Same-Origin' }],
    [true, {}],
    [true, { site: '' }],
    [true, { origin: '' }],
    [true, { origin: `https://${HOST}` }],
    [true, { origin: `http://${HOST}` }],
    [false, { origin: 'https://evil.example' }],
    [false, { origin: 'https://example.com' }],
    [false, { origin: `https://${HOST}.evil.example` }],
    [false, { origin: `https://${HOST}:8443` }],
    [true, { origin: `https://${HOST}:8443`, host: `${HOST}:8443` }],
    [false, { origin: `https://${HOST}`, host: `${HOST}:8443` }],
    [false, { origin: `https://${HOST}`, host: '' }],
    [false, { origin: 'null' }],
    [false, { origin: HOST }],
    [false, { origin: 'not a url' }],
    [false, { origin: 'https://' }],
    // If the browser sends Sec-Fetch-Site, Origin is ignored.
    [true, { site: 'same-origin', origin: 'https://evil.example' }],
    [true, { site: 'none', origin: 'null' }],
    [false, { site: 'cross-site', origin: `https://${HOST}` }],
    [false, { site: 'same-site', origin: `https://${HOST}` }],
  ])('is accepted: %s for %o', async (expected, sent) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'get', 'QUERY', 'CONNECT'])
      expect(await isAccepted({ ...sent, method })).toBe(expected)
  })

  it.each(['GET', 'HEAD', 'OPTIONS'])('does not include %s, which is always accepted', async (method) => {
    expect(await isAccepted({ method, site: 'cross-site', origin: 'https://evil.example' })).toBe(true)
  })

  it('from a trusted origin is accepted with any Sec-Fetch-Site', async () => {
    const options = { trustedOrigins: ['https://shop.example', 'https://app.example:8443'] }
    expect(await isAccepted({ site: 'cross-site', origin: 'https://shop.example' }, options)).toBe(true)
    expect(await isAccepted({ site: 'same-site', origin: 'https://app.example:8443' }, options)).toBe(true)
    expect(await isAccepted({ origin: 'https://shop.example' }, options)).toBe(true)
    for (const origin of [
      'http://shop.example',
      'https://shop.example:8443',
      'https://shop.example.evil.example',
      'https://shop.example/',
      'https://app.example',
      'null',
    ])
      expect(await isAccepted({ site: 'cross-site', origin }, options)).toBe(false)
  })

  it('from another site is refused at the routes of Pawl, and at a login before the handler runs', async () => {
    const { visitor, sessions } = await openSite()
    const anna = visitor()
    const headers = { 'sec-fetch-site': 'cross-site' }
    let ran = 0
    const handler = (): Response => {
      ran += 1
      return new Response()
    }
    await anna.login()
    for (const target of ['/session/refresh', '/session/logout', '/login']) {
      const { status, body, cookies } = await anna.visit('POST', target, { headers, handler })
      expect([target, status, body, cookies]).toStrictEqual([
        target,
        403,
        { code: 'csrf_rejected', refresh: false },
        [],
      ])
    }
    expect(ran).toBe(0)
    expect((await sessions.list('anna')).map(({ active }) => active)).toStrictEqual([true])
  })
})

describe('a WebSocket handshake', () => {
  const upgrade = { upgrade: 'websocket', connection: 'Upgrade' }
  it.each<[boolean, Sent]>([
    [true, { origin: `https://${HOST}` }],
    [false, { origin: 'https://evil.example' }],
    [false, { origin: 'null' }],
    [true, { site: 'same-origin' }],
    [false, { site: 'same-site' }],
    [true, {}],
  ])('is accepted: %s for %o', async (expected, sent) => {
    expect(await isAccepted({ ...sent, method: 'GET', headers: upgrade })).toBe(expected)
    expect(await isAccepted({ ...sent, method: 'GET', headers: { upgrade: 'WebSocket' } })).toBe(expected)
  })

  it.each(['POST', 'PUT', 'OPTIONS'])('does not exempt %s from the check', async (method) => {
    expect(await isAccepted({ site: 'cross-site', method, headers: upgrade })).toBe(false)
    expect(await isAccepted({ site: 'same-origin', method, headers: upgrade })).toBe(true)
  })

  it('does not include an upgrade to another protocol', async () => {
    expect(await isAccepted({ method: 'GET', site: 'cross-site', headers: { upgrade: 'h2c' } })).toBe(true)
  })
})

describe('bearer mode', () => {
  it.each([{ authorization: 'Bearer abc' }, { authorization: 'bearer abc' }, { 'pawl-transport': 'Bearer' }])(
    'is exempt, because no page of another site can send its headers: %o',
    async (headers) => {
      expect(await isAccepted({ site: 'cross-site', origin: 'https://evil.example', headers })).toBe(true)
    },
  )

  it.each([
    { authorization: 'Basic YTpi' },
    { authorization: 'Digest Bearer' },
    { authorization: 'BearerX abc' },
    { authorization: '' },
    { 'pawl-transport': 'cookie' },
    { 'pawl-transport': '' },
  ])('is not enabled by %o', async (headers) => {
    expect(await isAccepted({ site: 'cross-site', headers })).toBe(false)
  })
})

it('a CsrfRejectedError names the failed check', () => {
  const refusal = (headers: Record<string, string>) => () =>
    assertSameSite(fakeExchange({ method: 'POST', headers }), false)
  expect(refusal({ 'sec-fetch-site': 'cross-site' })).toThrow(
    coded('ERR_CSRF_REJECTED', { check: 'sec-fetch-site' }) as Error,
  )
  expect(refusal({ origin: 'https://evil.example', host: 'a.example' })).toThrow(
    coded('ERR_CSRF_REJECTED', { check: 'origin' }) as Error,
  )
})
