import * as crypto from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { HttpOptions } from '../../src/adapters/fetch/index.ts'
import { sessionsOverHttp } from '../../src/http/http.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import { type Handler, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { openSessions } from '../support/sessions.ts'

vi.mock('node:crypto', { spy: true })

const ACCESS = '__Host-pawl-access'
const SHARED = '__Secure-pawl-access'
const DOMAIN = { cookies: { domain: 'example.com' } } as const
const DAY = 86_400
/** The limit of Node.js on the headers of a request. */
const HEADER_BYTES = 16 * 1024

/** A token with the same header and payload and another signature. */
function forge(token: string, index: number): string {
  const [header, payload, signature] = token.split('.')
  const bytes = Buffer.from(signature!, 'base64url')
  bytes.writeUInt16BE((bytes.readUInt16BE(20) + index + 1) % 65_536, 20)
  return `${header}.${payload}.${bytes.toString('base64url')}`
}

/** As many cookies of one name as fit into a request. */
function fill(name: string, tokenOf: (index: number) => string, ...more: string[]): string {
  const pairs: string[] = []
  let length = more.join('; ').length
  for (let index = 0; ; index++) {
    const pair = `${name}=${tokenOf(index)}`
    length += pair.length + 2
    if (length > HEADER_BYTES) return [...pairs, ...more].join('; ')
    pairs.push(pair)
  }
}

async function openSignedIn(
  http: HttpOptions = {},
  options: Parameters<typeof openSite>[1] = {},
): Promise<{ site: Site; anna: Visitor; token: string; cookie: string }> {
  const site = await openSite(http, { keys: { algorithm: 'ES256' }, ...options })
  const anna = site.visitor()
  await anna.login()
  const name = http.cookies?.domain === undefined ? ACCESS : SHARED
  const token = anna.jar.get(name)!
  return { site, anna, token, cookie: fill(name, (index) => forge(token, index)) }
}

const signatureChecks = (): number => vi.mocked(crypto.verify).mock.calls.length
const bye: Handler = async (session) => Response.json(await session.revoke())
const login: Handler = async (session) => Response.json(await session.create({ userId: 'berta' }))
const read: Handler = ({ error }) => Response.json(error?.code ?? null)

beforeEach(() => void vi.mocked(crypto.verify).mockClear())

/** Every way in which a request can make Pawl look at its access tokens. */
const REQUESTS: readonly [
  what: string,
  send: (visitor: Visitor, cookie: string) => Promise<unknown>,
  HttpOptions?,
][] = [
  ['a request', (visitor, cookie) => visitor.visit('GET', '/', { handler: read, headers: { cookie } })],
  ['a page load', (visitor, cookie) => visitor.navigate('/', { headers: { cookie } })],
  ['a login', (visitor, cookie) => visitor.visit('POST', '/login', { handler: login, headers: { cookie } })],
  [
    'a logout of the application',
    (visitor, cookie) => visitor.visit('POST', '/bye', { handler: bye, headers: { cookie } }),
  ],
  ['a logout', (visitor, cookie) => visitor.logout({ headers: { cookie } })],
  ['a refresh', (visitor, cookie) => visitor.refresh({ headers: { cookie } })],
  [
    'a logout with a CSRF token',
    (visitor, cookie) => visitor.logout({ headers: { cookie } }),
    { csrf: 'token' },
  ],
  [
    'an inline refresh with a CSRF token',
    (visitor, cookie) => visitor.visit('POST', '/', { handler: bye, headers: { cookie } }),
    { csrf: 'token', refresh: 'inline' },
  ],
]

describe.each(REQUESTS)('%s', (_what, send, http = {}) => {
  it.each([
    ['of the application alone', {}],
    ['of all subdomains', DOMAIN],
  ])('with a header full of forged cookies %s checks at most four signatures', async (_name, cookies) => {
    const { site, cookie } = await openSignedIn({ ...http, ...cookies })
    expect(cookie.split('; ').length).toBeGreaterThan(50)
    await send(site.visitor(), cookie)
    expect(signatureChecks()).toBeLessThanOrEqual(4)
    const { refreshToken } = await site.sessions.create({ userId: 'mallory' })
    vi.mocked(crypto.verify).mockClear()
    await send(site.visitor(), `${cookie}; __Secure-pawl-refresh=${refreshToken.value}`)
    expect(signatureChecks()).toBeLessThanOrEqual(4)
  })

  it('checks a forged token once, also if the cookie is doubled', async () => {
    const { site, token } = await openSignedIn(http)
    const cookie = `${ACCESS}=${forge(token, 1)}`
    const { refreshToken } = await site.sessions.create({ userId: 'mallory' })
    await send(site.visitor(), `${cookie}; ${cookie}; __Secure-pawl-refresh=${refreshToken.value}`)
    expect(signatureChecks()).toBe(1)
  })

  it('checks the token of a retired key once', async () => {
    const { site, token, anna } = await openSignedIn(http)
    await site.sessions.keys.rotate()
    site.clock.advance(3 * DAY)
    await site.sessions.create({ userId: 'somebody' })
    vi.mocked(crypto.verify).mockClear()
    await send(site.visitor(anna.jar), `${ACCESS}=${token}`)
    expect(signatureChecks()).toBeLessThanOrEqual(1)
  })
})

it('a request with many forged bearer tokens checks one signature', async () => {
  const { site, token } = await openSignedIn()
  const authorization = `Bearer ${forge(token, 1)}`
  await site.visitor().visit('POST', '/bye', { handler: bye, headers: { authorization } })
  expect(signatureChecks()).toBe(1)
  await site.visitor().logout({ headers: { authorization } })
  expect(signatureChecks()).toBe(2)
  const many = { authorization: `${authorization}, ${authorization}` }
  await site.visitor().visit('POST', '/bye', { handler: bye, headers: many })
  expect(signatureChecks()).toBe(2)
})

it('a logout with a token that was verified before checks no signature', async () => {
  const { anna } = await openSignedIn()
  await anna.me()
  expect(signatureChecks()).toBe(1)
  expect((await anna.visit('POST', '/bye', { handler: bye })).body).toBe(true)
  expect(signatureChecks()).toBe(1)
})

describe('forged cookies of a sibling subdomain do not hide the genuine one', () => {
  const readUser: Handler = ({ current }) => Response.json(current?.userId ?? null)
  const between = (forged: string, genuine: string): string => `${forged}; ${SHARED}=${genuine}; ${forged}`

  it('that was verified before', async () => {
    const { site, token, cookie } = await openSignedIn(DOMAIN)
    site.sessions.verify(token)
    const headers = { cookie: between(cookie, token) }
    const { body } = await site.visitor().visit('GET', '/', { handler: readUser, headers })
    expect(body).toBe('anna')
  })

  it('whose session has a refresh cookie', async () => {
    const { site, anna, token } = await openSignedIn({ ...DOMAIN, refresh: 'inline' })
    const { accessToken } = await site.sessions.create({ userId: 'mallory' })
    const forged = fill(SHARED, (index) => forge(accessToken.value, index))
    const refresh = `__Secure-pawl-refresh=${anna.jar.get('__Secure-pawl-refresh')}`
    const headers = { cookie: `${between(forged, token)}; ${refresh}` }
    const { body, cookies } = await site.visitor().visit('GET', '/', { handler: readUser, headers })
    expect([body, cookies]).toStrictEqual(['anna', []])
    expect(signatureChecks()).toBeLessThanOrEqual(4)
  })

  it('when they are of unknown keys', async () => {
    const { site, token } = await openSignedIn(DOMAIN)
    const forged = fill(SHARED, (index) => `header${index}.payload.signature`)
    const headers = { cookie: between(forged, token) }
    const { body } = await site.visitor().visit('GET', '/', { handler: readUser, headers })
    expect(body).toBe('anna')
  })

  it('as long as there are at most four cookies', async () => {
    const { site, token } = await openSignedIn(DOMAIN)
    const forged = [0, 1, 2].map((index) => `${SHARED}=${forge(token, index)}`)
    const headers = { cookie: [...forged, `${SHARED}=${token}`].join('; ') }
    const { body } = await site.visitor().visit('GET', '/', { handler: readUser, headers })
    expect(body).toBe('anna')
  })
})

describe('a request with a header full of forged cookies', () => {
  const MEASUREMENTS = 60

  /** The median time of each way, in ns, measured by turns so that a busy machine slows all of them. */
  async function medians(ways: readonly (() => Promise<unknown>)[]): Promise<number[]> {
    const times = ways.map((): number[] => [])
    for (let round = 0; round < MEASUREMENTS + 20; round++) {
      for (const [index, run] of ways.entries()) {
        const start = process.hrtime.bigint()
        await run()
        if (round >= 20) times[index]!.push(Number(process.hrtime.bigint() - start))
      }
    }
    return times.map((all) => all.toSorted((a, b) => a - b)[MEASUREMENTS / 2]!)
  }

  it.each(['HS256', 'ES256', 'EdDSA'] as const)(
    'costs at most five times a plain one (%s)',
    async (algorithm) => {
      const sessions = await openSessions({ keys: { algorithm } })
      // An HMAC costs no more than to look for a token in the cache, so 60 looks are more than five HMACs.
      for (const options of algorithm === 'HS256' ? [{}] : [{}, DOMAIN]) {
        const name = options === DOMAIN ? SHARED : ACCESS
        const http = sessionsOverHttp(sessions, options)
        const { accessToken } = await sessions.create({ userId: 'anna' })
        const send = async (cookie: string): Promise<unknown> => {
          const exchange = fakeExchange({
            method: 'POST',
            headers: { cookie, 'sec-fetch-site': 'same-origin' },
          })
          const { session } = await http.handle(exchange)
          return [session!.error?.code, session!.namedSessionIds]
        }
        const one = `${name}=${forge(accessToken.value, 0)}`
        const many = fill(name, (index) => forge(accessToken.value, index))
        for (const cookie of [one, many])
          expect(await send(cookie)).toStrictEqual(['ERR_ACCESS_TOKEN_INVALID', []])
        // The machine may slow the one part of a request that only long headers have, but hardly three times.
        let ratio = Number.POSITIVE_INFINITY
        for (let attempt = 1; attempt <= 3 && ratio >= 5; attempt++) {
          const [plain, full] = await medians([() => send(one), () => send(many)])
          ratio = full! / plain!
        }
        expect(ratio).toBeLessThan(5)
      }
    },
  )
})
