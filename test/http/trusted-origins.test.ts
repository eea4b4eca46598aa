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
        ...lines.filter(({ level }) => level === 'warn').map((line) => line.message),
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
    ['ftp://a.example', 'an exact origin like'],
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
  ])('takes %s', async (origin) => {
    const { send } = await open({ trustedOrigins: [origin] })
    expect((await send({ origin, site: 'cross-site' })).status).toBe(200)
  })
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
        expect.stringMatching(/https:\/\/a\.example.*`trustedOrigins`/),
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
