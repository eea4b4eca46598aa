import { afterEach, describe, expect, it, vi } from 'vitest'
import type { HttpOptions } from '../../src/adapters/fetch/index.ts'
import { sessionsOverHttp } from '../../src/http/http.ts'
import { InvalidOptionsError } from '../../src/index.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import { createLog } from '../support/logger.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { openSessions } from '../support/sessions.ts'

const HOST = 'app.example.com'
const PREVIEW = 'https://preview-7.example.dev'

/** Origins of applications in web views, of extensions and of desktop applications. */
const APPLICATIONS = [
  'capacitor://localhost',
  'ionic://localhost',
  'tauri://localhost',
  'http://tauri.localhost',
  'https://localhost',
  'app://-',
  'app://.',
  'app://shop.example:5',
  'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
  'moz-extension://2b9c6a0e-1a2b-4c3d-8e4f-123456789abc',
  'safari-web-extension://2b9c6a0e-1a2b-4c3d-8e4f-123456789abc',
]

const SIMILAR = [
  'capacitor://localhost.evil',
  'capacitor://localhost:1',
  'capacitors://localhost',
  'app://shop.example:50',
  'chrome-extension://abcdefghijklmnopabcdefghijklmnoa',
]

afterEach(() => void vi.useRealTimers())

interface Sent {
  readonly method?: string
  readonly target?: string
  readonly origin?: string
  readonly site?: string
  readonly headers?: Record<string, string>
}

/** An application, by the statuses of its answers: 200 for a request that reaches it. */
async function open(options: HttpOptions): Promise<{
  send(sent: Sent): Promise<{ status: number; headers: Record<string, string>; body: unknown }>
  warned: string[]
}> {
  const { logger, lines } = createLog()
  const http = sessionsOverHttp(await openSessions({ logger }), options)
  const warned: string[] = []
  return {
    warned,
    async send({ method = 'POST', target = '/act', origin, site, headers = {} }) {
      const exchange = fakeExchange({
        method,
        target,
        headers: {
          host: HOST,
          ...(origin !== undefined && { origin }),
          ...(site !== undefined && { 'sec-fetch-site': site }),
          ...headers,
        },
      })
      const { reply } = await http.handle(exchange)
      warned.splice(
        0,
        warned.length,
        ...lines
          .filter(({ level }) => level === 'warn')
          .map(({ fields, message }) => `${JSON.stringify(fields)} ${message}`),
      )
      const head = exchange.sendHead(new Headers(reply?.headers.map(([name, value]) => [name, value])))
      return { status: reply?.status ?? 200, headers: Object.fromEntries(head), body: reply?.body ?? null }
    },
  }
}

describe('a list of trusted origins', () => {
  it.each([
    ['https://*.example.com', 'a function of the origin'],
    ['https://preview-*.example.com', 'a function of the origin'],
    ['*', 'a function of the origin'],
    ['https://a.example/', "'https://a.example'"],
    ['https://a.example/login?x#y', "'https://a.example'"],
    ['a.example', "'https://a.example'"],
    ['//a.example', "'https://a.example'"],
    ['https:/a.example', "'https://a.example'"],
    ['HTTP:\\\\a.example', "'http://a.example'"],
    ['localhost:3000', "'http://localhost:3000'"],
    ['HTTPS://A.example', "'https://a.example'"],
    ['https://a.example:443', "'https://a.example'"],
    ['http://a.example:80', "'http://a.example'"],
    [' https://a.example', "'https://a.example'"],
    ['https://münchen.example', "'https://xn--mnchen-3ya.example'"],
    ['https://user:word@a.example', "'https://a.example'"],
    ['https://192.168.1', "'https://192.168.0.1'"],
    ['https://a..example', 'an exact origin like'],
    ['https://a example', 'an exact origin like'],
    ['https://a,b.example', 'an exact origin like'],
    ['https://', 'an exact origin like'],
    ['null', 'an exact origin like'],
    ['', 'an exact origin like'],
    ['file:///', 'an exact origin like'],
    ['file://', 'browsers send `null` for files'],
    ['null', 'browsers send `null` for files'],
    ['ftp://a.example', 'an exact origin like'],
    ['wss://a.example', 'an exact origin like'],
    ['data://a.example', 'an exact origin like'],
    ['capacitor://localhost/', "'capacitor://localhost'"],
    ['capacitor://localhost/index.html?a#b', "'capacitor://localhost'"],
    ['capacitor:localhost', "'capacitor://localhost'"],
    ['capacitor:/localhost', "'capacitor://localhost'"],
    ['capacitor:///localhost', "'capacitor://localhost'"],
    ['Capacitor://LocalHost', "'capacitor://localhost'"],
    [' tauri://localhost ', "'tauri://localhost'"],
    ['app://localhost:', "'app://localhost'"],
    ['chrome-extension://*', 'a function of the origin'],
    ['chrome-extension://ABCDEFGHIJKLMNOPabcdefghijklmnop/popup.html', "'chrome-extension://abcdefgh"],
    ['moz-extension://', 'an exact origin like'],
    ['app://user@localhost', 'an exact origin like'],
    ['app://localhost:99999', 'an exact origin like'],
    ['app://lo%63alhost', 'an exact origin like'],
    ['app://a..b', 'an exact origin like'],
    ['1app://localhost', 'an exact origin like'],
    ['ap_p://localhost', 'an exact origin like'],
    [`app://${'a.'.repeat(140)}b`, 'an exact origin like'],
    [/example/, 'an exact origin like'],
  ])('refuses %j, which no browser sends, and names the right form', async (origin, advice) => {
    await expect(open({ trustedOrigins: [origin as string] })).rejects.toSatisfy(
      (error: unknown) =>
        error instanceof InvalidOptionsError &&
        error.option === 'trustedOrigins[0]' &&
        error.message.includes(advice),
    )
  })

  it.each([
    'https://a.example',
    'http://localhost:3000',
    'http://127.0.0.1:8080',
    'http://[::1]:3000',
    'https://xn--mnchen-3ya.example',
    'https://a_b.example:8443',
    'https://a.example.',
    ...APPLICATIONS,
  ])('takes %s', async (origin) => {
    const { send } = await open({ trustedOrigins: [origin] })
    expect((await send({ origin, site: 'cross-site' })).status).toBe(200)
  })
})

describe.each(APPLICATIONS)('a page of %s', (origin) => {
  const asked = { 'access-control-request-method': 'POST' }
  /** Chromium sends `none` for an extension with host permissions; older WebKit sends no `Sec-Fetch-Site`. */
  const sites = ['cross-site', 'same-site', undefined] as const

  it.each<[string, HttpOptions['trustedOrigins'] & {}]>([
    ['a list', [origin]],
    ['a function', (given: string) => given === origin],
  ])('may send requests and read the answers if %s trusts it', async (_how, trustedOrigins) => {
    const { send } = await open({ trustedOrigins, cors: true })
    for (const site of sites) {
      const from = { origin, ...(site !== undefined && { site }) }
      expect(await send(from)).toMatchObject({
        status: 200,
        headers: { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' },
      })
      const preflight = await send({ ...from, method: 'OPTIONS', headers: asked })
      expect([preflight.status, preflight.headers['access-control-allow-origin']]).toStrictEqual([
        204,
        origin,
      ])
    }
    expect((await send({ origin, site: 'none' })).status).toBe(200)
  })

  it('is refused if it is not trusted, and the log names it', async () => {
    for (const trustedOrigins of [SIMILAR, () => false]) {
      const { send, warned } = await open({ trustedOrigins, cors: true })
      for (const site of sites)
        expect((await send({ origin, ...(site !== undefined && { site }) })).status).toBe(403)
      expect((await send({ method: 'GET', origin, headers: { upgrade: 'websocket' } })).status).toBe(403)
      expect(warned).toStrictEqual([expect.stringContaining(`from a page of ${origin} was refused`)])
    }
  })
})

it('a page of another scheme is not of this origin, even with the name of the requested host', async () => {
  const { send } = await open({ trustedOrigins: (origin) => origin === PREVIEW, cors: true })
  for (const origin of [`capacitor://${HOST}`, `app://${HOST}`, `ftp://${HOST}`])
    expect((await send({ origin })).status).toBe(403)
  for (const origin of [`https://${HOST}`, `http://${HOST}`])
    expect((await send({ origin })).status).toBe(200)
})

describe('a function as `trustedOrigins`', () => {
  it.each([
    ['at once', (origin: string) => origin === PREVIEW],
    ['later', async (origin: string) => origin === PREVIEW],
  ])('decides %s about each origin, for requests, preflights and CORS', async (_when, trustedOrigins) => {
    const { send } = await open({ trustedOrigins, cors: true })
    const asked = { 'access-control-request-method': 'POST' }
    for (const [origin, status, preflight, allowed] of [
      [PREVIEW, 200, 204, PREVIEW],
      ['https://evil.example', 403, 200, undefined],
    ] as const) {
      const from = { origin, site: 'cross-site' }
      expect((await send(from)).status).toBe(status)
      const options = await send({ ...from, method: 'OPTIONS', headers: asked })
      expect([options.status, options.headers['access-control-allow-origin']]).toStrictEqual([
        preflight,
        allowed,
      ])
      expect((await send({ ...from, method: 'GET' })).headers['access-control-allow-origin']).toBe(allowed)
    }
  })

  it('is asked once for a request, and only about a valid origin of another site', async () => {
    const asked: string[] = []
    const { send } = await open({
      cors: true,
      trustedOrigins(origin) {
        asked.push(origin)
        return true
      },
    })
    await send({ origin: PREVIEW, site: 'cross-site' })
    await send({ origin: PREVIEW })
    expect(asked).toStrictEqual([PREVIEW, PREVIEW])
    for (const own of [
      { origin: `https://${HOST}`, site: 'same-origin' },
      { origin: `https://${HOST}`, site: 'none' },
      { origin: `https://${HOST}` },
      {},
      { origin: '' },
    ])
      expect((await send(own)).status).toBe(200)
    const garbage = [
      'null',
      'x',
      'https://*.example.com',
      'HTTPS://A.example',
      'file://',
      'ftp://a.example',
      'Capacitor://localhost',
      'capacitor://localhost/',
      'capacitor:localhost',
      `app://${'a'.repeat(300)}`,
      `https://${'a'.repeat(300)}.example`,
    ]
    for (const origin of garbage) expect((await send({ origin, site: 'cross-site' })).status).toBe(403)
    expect(asked).toHaveLength(2)
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no database')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
    ['returns no boolean', () => 'yes'],
    ['resolves to no boolean', async () => ({ trusted: true })],
  ])('that %s trusts nobody, and is reported once in ten seconds', async (_how, trustedOrigins) => {
    const warnings = collectWarnings()
    const { send } = await open({ trustedOrigins: trustedOrigins as () => boolean })
    for (const origin of [PREVIEW, 'https://evil.example'])
      expect((await send({ origin, site: 'cross-site' })).status).toBe(403)
    expect(warnings.map(({ message }) => message)).toStrictEqual([
      expect.stringMatching(/^`trustedOrigins` threw: (?:no database|it returned neither true nor false)$/),
    ])
  })

  it('that never answers holds a request for ten seconds, and trusts nobody', async () => {
    const warnings = collectWarnings()
    const { send } = await open({ trustedOrigins: () => new Promise(() => {}) })
    vi.useFakeTimers()
    const sent = send({ origin: PREVIEW, site: 'cross-site' })
    await vi.advanceTimersByTimeAsync(10_000)
    expect((await sent).status).toBe(403)
    expect(warnings.map(({ message }) => message)).toStrictEqual([
      '`trustedOrigins` threw: it did not answer within 10 s',
    ])
  })
})

describe('a request refused for its origin', () => {
  it.each([{}, { trustedOrigins: [PREVIEW] }, { trustedOrigins: () => false }])(
    'is logged once for each origin, and the line names `trustedOrigins`: %o',
    async (options) => {
      const { send, warned } = await open(options)
      for (const origin of ['https://a.example', 'https://b.example', 'https://a.example', 'null'])
        await send({ origin, site: 'cross-site' })
      expect(warned).toStrictEqual([
        expect.stringMatching(/https:\/\/a\.example.*`trustedOrigins`.* proxy changes the `Host` header/),
        expect.stringMatching(/https:\/\/b\.example.*`trustedOrigins`/),
        expect.stringMatching(/without an origin.*`trustedOrigins`/),
      ])
    },
  )

  it('is logged for a WebSocket handshake too', async () => {
    const { send, warned } = await open({})
    const headers = { upgrade: 'websocket' }
    expect((await send({ method: 'GET', origin: PREVIEW, headers })).status).toBe(403)
    expect(warned).toStrictEqual([expect.stringContaining(PREVIEW)])
  })

  it('is logged for a hundred origins at most', async () => {
    const { send, warned } = await open({})
    for (let index = 0; index < 110; index++)
      await send({ origin: `https://${index}.example`, site: 'cross-site' })
    expect(warned).toHaveLength(101)
    expect(warned.every((line) => line.startsWith('{"event":"originRefused"} '))).toBe(true)
    expect(warned.at(-1)).toContain('not reported')
  })

  it('can be read by its page with `cors`, and without it cannot', async () => {
    const from = { origin: 'https://evil.example', site: 'cross-site' }
    const { send } = await open({ trustedOrigins: [PREVIEW], cors: true })
    const { status, headers, body } = await send({ ...from, target: '/session/refresh' })
    expect([status, body]).toStrictEqual([403, '{"code":"csrf_rejected","refresh":false}'])
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://evil.example',
      'access-control-allow-credentials': 'true',
      vary: 'Cookie, Origin',
    })
    expect(Object.keys(headers)).not.toContain('set-cookie')
    const names = Object.keys((await send({ origin: 'null', site: 'cross-site' })).headers)
    expect(names.filter((name) => name.startsWith('access-control'))).toStrictEqual([])
    const without = await open({ trustedOrigins: [PREVIEW] })
    const closed = Object.keys((await without.send(from)).headers)
    expect(closed.filter((name) => name.startsWith('access-control'))).toStrictEqual([])
  })
})
