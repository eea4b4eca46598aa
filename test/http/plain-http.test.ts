import { afterEach, describe, expect, it, vi } from 'vitest'
import type { HttpOptions } from '../../src/adapters/fetch/index.ts'
import { sessionsOverHttp } from '../../src/http/http.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import { createLog } from '../support/logger.ts'
import { openSessions } from '../support/sessions.ts'

type Given = NonNullable<Parameters<typeof fakeExchange>[0]>

afterEach(() => vi.unstubAllEnvs())

/** An application that signs in every visitor. */
async function open(
  options: HttpOptions = {},
): Promise<{ send(given: Given): Promise<void>; warned(): string[] }> {
  const { logger, lines } = createLog()
  const http = sessionsOverHttp(await openSessions({ logger }), options)
  return {
    async send(given) {
      const { session } = await http.handle(fakeExchange({ method: 'POST', ...given }))
      await session?.create({ userId: 'anna' })
    },
    warned: () =>
      lines
        .filter(({ level }) => level === 'warn')
        .map(({ fields, message }) => `${JSON.stringify(fields)} ${message}`),
  }
}

describe('a sign-in over plain http', () => {
  const lan = { host: '192.168.1.20:3000', origin: 'http://192.168.1.20:3000' }

  it.each<[string, Record<string, string>]>([
    ['a LAN address', lan],
    ['a LAN address, without `Origin`', { host: '192.168.1.20:3000' }],
    [
      'a LAN address, with the headers that Next adds',
      { ...lan, 'x-forwarded-proto': 'http', 'x-forwarded-host': lan.host, 'x-forwarded-for': '192.168.1.7' },
    ],
    ['a name', { host: 'devbox:3000', referer: 'http://devbox:3000/login' }],
    ['a name of the local network', { host: 'my-mac.local', origin: 'http://my-mac.local' }],
    ['every address', { host: '0.0.0.0:3000', origin: 'http://0.0.0.0:3000' }],
    ['IPv6', { host: '[fe80::1]:3000', origin: 'http://[fe80::1]:3000' }],
  ])('by %s is reported once, because browsers drop the cookies', async (_what, headers) => {
    const { send, warned } = await open()
    for (let time = 0; time < 3; time++) await send({ headers, peer: '192.168.1.7' })
    expect(warned()).toStrictEqual([expect.stringContaining(`http://${headers['host']}`)])
    expect(warned()[0]).toMatch(
      /^\{"event":"cookiesDropped"\} .*drops? the session cookies.*http:\/\/localhost.*https/,
    )
  })

  it('names no host that could forge a log line', async () => {
    const { send, warned } = await open()
    await send({ headers: { host: 'a\nb' } })
    expect(warned()).toStrictEqual([expect.not.stringMatching(/[\n]/)])
  })

  it.each<[string, Given]>([
    ['https', { headers: lan, secure: true }],
    ['localhost', { headers: { host: 'localhost:3000' }, peer: '127.0.0.1' }],
    ['a loopback address', { headers: { host: '127.0.0.1:3000' }, peer: '127.0.0.1' }],
    ['a proxy that says so', { headers: { ...lan, 'x-forwarded-proto': 'https' } }],
    ['a proxy with `Via`', { headers: { ...lan, via: '1.1 cache' } }],
    ['a page on https', { headers: { host: 'app.example.com', origin: 'https://app.example.com' } }],
    ['a `Referer` on https', { headers: { host: 'app.example.com', referer: 'https://app.example.com/' } }],
    ['a secure cookie', { headers: { host: 'app.example.com', cookie: '__Host-pawl-access=x' } }],
    // Browsers send it to https and localhost alone.
    ['`Sec-Fetch-Site`', { headers: { host: 'app.example.com', 'sec-fetch-site': 'same-origin' } }],
    ['bearer mode', { headers: { ...lan, 'pawl-transport': 'bearer' } }],
    ['no host', { headers: {} }],
  ])('is not reported: %s', async (_what, given) => {
    const { send, warned } = await open()
    await send(given)
    expect(warned()).toStrictEqual([])
  })

  it('is not reported in production', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    const { send, warned } = await open()
    await send({ headers: lan })
    expect(warned()).toStrictEqual([])
  })
})

describe('a page of localhost that calls localhost by another name', () => {
  const call = (host: string, origin: string): Given => ({
    headers: { host, origin, 'sec-fetch-site': 'cross-site' },
    peer: '127.0.0.1',
  })

  it.each([
    ['localhost:4000', 'http://127.0.0.1:3000'],
    ['127.0.0.1:4000', 'http://localhost:3000'],
    ['localhost:4000', 'http://[::1]:3000'],
    ['api.localhost:4000', 'http://localhost:3000'],
  ])('learns once that one name helps: %s from %s', async (host, origin) => {
    for (const sameSite of ['lax', 'none'] as const) {
      const { send, warned } = await open({ trustedOrigins: [origin], cors: true, cookies: { sameSite } })
      for (let time = 0; time < 2; time++) await send(call(host, origin))
      expect(warned()).toStrictEqual([
        expect.stringMatching(
          /^\{"event":"cookiesNotSent"\} .*Use one name for both.*'none'.*changes nothing/,
        ),
      ])
    }
  })

  it.each<[string, Given, HttpOptions]>([
    ['on https', { ...call('localhost:4000', 'https://127.0.0.1:3000'), secure: true }, {}],
    ['at another host', call('api.example.com', 'http://localhost:3000'), {}],
    ['of an application', call('localhost:4000', 'capacitor://localhost'), {}],
    ['of another host', call('localhost:4000', 'https://app.example.com'), {}],
  ])('is advised `sameSite` elsewhere: %s', async (_where, given, options) => {
    const { send, warned } = await open({
      ...options,
      trustedOrigins: [given.headers!['origin']!],
      cors: true,
    })
    await send(given)
    expect(warned()).toStrictEqual([expect.stringMatching(/Set `cookies.sameSite` to 'none'.*`partitioned`/)])
  })
})
