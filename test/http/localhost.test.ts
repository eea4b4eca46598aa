import { afterEach, describe, expect, it, vi } from 'vitest'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { sessionsOverHttp } from '../../src/http/http.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import { createJar } from '../support/http-jar.ts'
import { openSite } from '../support/http-site.ts'
import { NEW_SECRET, SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'

const SECURE = ['__Host-pawl-access', '__Secure-pawl-refresh']
const PLAIN = ['pawl-access', 'pawl-refresh']

afterEach(() => vi.unstubAllEnvs())

/** The names of the cookies that a login sets. */
async function cookieNames(...given: Parameters<typeof fakeExchange>): Promise<string[]> {
  const http = sessionsOverHttp(await openSessions())
  const exchange = fakeExchange(...given)
  const { session } = await http.handle(exchange)
  await session!.create({ userId: 'anna' })
  return exchange
    .sendHead()
    .getSetCookie()
    .map((cookie) => cookie.split('=')[0]!)
}

describe('on plain http://localhost', () => {
  it('cookies have no prefix, no `Secure` and no Domain', async () => {
    const { visitor } = await openSite({
      cookies: { domain: 'example.com', sameSite: 'none', partitioned: true },
    })
    const anna = visitor(undefined, 'http://localhost:3000')
    const life = 'Expires=Thu, 31 Jan 2030 12:00:00 GMT; Max-Age=2592000'
    expect((await anna.login()).cookies).toStrictEqual([
      `pawl-access=<access>; Path=/; ${life}; HttpOnly; SameSite=Lax`,
      `pawl-refresh=<refresh>; Path=/session; ${life}; HttpOnly; SameSite=Lax`,
    ])
    expect((await anna.me()).status).toBe(200)
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.logout()).status).toBe(204)
    expect(anna.jar.names).toStrictEqual([])
  })

  it.each([
    [{ access: '__Host-shop-access', refresh: '__Secure-shop-refresh' }, ['shop-access', 'shop-refresh']],
    [{ access: 'sid', refresh: 'rid' }, ['sid-local', 'rid-local']],
  ])('the names follow those of the options: %j', async (cookies, names) => {
    const { visitor } = await openSite({ cookies })
    const anna = visitor(undefined, 'http://localhost:3000')
    expect((await anna.login()).cookies.map((cookie) => cookie.split('=')[0])).toStrictEqual(names)
    expect((await anna.me()).status).toBe(200)
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.logout()).status).toBe(204)
    expect(anna.jar.names).toStrictEqual([])
  })

  it.each([
    ['on two ports', NEW_SECRET, 'http://localhost:4000'],
    ['in one process', SECRET, 'http://localhost:3000'],
  ])('two applications %s with names of their own do not disturb each other', async (_where, secret, url) => {
    const clock = createFakeClock()
    const store = memory()
    const shop = await openSite({}, { store, now: clock.now, secret: SECRET })
    const cookies = { access: '__Host-admin-access', refresh: '__Secure-admin-refresh' }
    const shared = secret === SECRET ? { store } : {}
    const admin = await openSite({ cookies }, { ...shared, now: clock.now, secret })
    const jar = createJar()
    const buyer = shop.visitor(jar, 'http://localhost:3000')
    const clerk = admin.visitor(jar, url)
    await buyer.login({ userId: 'buyer' })
    await clerk.login({ userId: 'clerk' })
    for (let turn = 0; turn < 3; turn++) {
      clock.advance(900)
      expect([(await buyer.refresh()).status, (await clerk.refresh()).status]).toStrictEqual([200, 200])
      expect((await buyer.me()).body).toMatchObject({ userId: 'buyer' })
      expect((await clerk.me()).body).toMatchObject({ userId: 'clerk' })
    }
    expect((await clerk.logout()).status).toBe(204)
    expect((await buyer.me()).body).toMatchObject({ userId: 'buyer' })
    expect(jar.names).toStrictEqual(PLAIN)
  })

  it.each([
    'localhost',
    'localhost:3000',
    'shop.localhost:3000',
    '127.0.0.1:3000',
    '127.9.9.9',
    '[::1]:3000',
  ])('the host can be %s', async (host) => {
    expect(await cookieNames({ headers: { host }, peer: '127.0.0.1' })).toStrictEqual(PLAIN)
  })

  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', undefined])('the peer address can be %s', async (peer) => {
    expect(await cookieNames({ headers: { host: 'localhost' }, peer })).toStrictEqual(PLAIN)
  })
})

describe('cookies are secure', () => {
  it.each([
    ['another host', { headers: { host: 'app.example.com' } }],
    ['a host that only starts with localhost', { headers: { host: 'localhost.example.com' } }],
    ['a host that only ends with localhost', { headers: { host: 'notlocalhost' } }],
    ['a host that only starts with a loopback address', { headers: { host: '127.0.0.1.example.com' } }],
    ['no Host header', { headers: {} }],
    ['https', { headers: { host: 'localhost' }, secure: true }],
    ['X-Forwarded-For', { headers: { host: 'localhost', 'x-forwarded-for': '192.0.2.1' } }],
    ['X-Forwarded-Proto', { headers: { host: 'localhost', 'x-forwarded-proto': 'https' } }],
    [
      'a foreign Origin',
      { headers: { host: 'localhost', origin: 'https://app.example.com', 'sec-fetch-site': 'same-origin' } },
    ],
    ['a foreign Referer', { headers: { host: 'localhost', referer: 'https://app.example.com/login' } }],
    ['a secure cookie', { headers: { host: 'localhost', cookie: '__Secure-pawl-refresh=x' } }],
    ['Forwarded', { headers: { host: 'localhost', forwarded: 'for=192.0.2.1' } }],
    ['a remote peer', { headers: { host: 'localhost' }, peer: '192.0.2.1' }],
    [
      'a peer that only starts with a loopback address',
      { headers: { host: 'localhost' }, peer: '127.0.0.1.2' },
    ],
  ])('with %s', async (_what, given) => {
    expect(await cookieNames({ peer: '127.0.0.1', ...given })).toStrictEqual(SECURE)
  })

  it('in production', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    expect(await cookieNames({ headers: { host: 'localhost' }, peer: '127.0.0.1' })).toStrictEqual(SECURE)
  })

  it('with the option `insecureLocalhost: false`', async () => {
    const { visitor } = await openSite({ insecureLocalhost: false })
    const anna = visitor(undefined, 'http://localhost:3000')
    await anna.login()
    expect(anna.jar.names).toStrictEqual(SECURE)
  })
})

it('the option `insecureLocalhost: true` is rejected in production', async () => {
  const sessions = await openSessions()
  vi.stubEnv('NODE_ENV', 'production')
  expect(() => fetchSessions(sessions, { insecureLocalhost: true })).toThrow(
    coded('ERR_INVALID_OPTIONS', { option: 'insecureLocalhost' }) as Error,
  )
  expect(() => fetchSessions(sessions, { insecureLocalhost: false })).not.toThrow()
})

it('cookies without prefix are ignored outside of localhost', async () => {
  const { visitor, sessions, withSession } = await openSite()
  const { accessToken, refreshToken } = await sessions.create({ userId: 'mallory' })
  const anna = visitor()
  anna.jar.put('pawl-access', accessToken.value)
  anna.jar.put('pawl-refresh', refreshToken.value, '/session')
  expect((await anna.me()).body).toStrictEqual({ code: 'not_signed_in', refresh: false })
  expect((await anna.refresh()).body).toStrictEqual({ code: 'not_signed_in', refresh: false })
  const headers = new Headers({ host: 'app.example.com', cookie: `pawl-access=${accessToken.value}` })
  expect(withSession.read({ headers })).toBeNull()
  headers.set('host', 'localhost:3000')
  expect(withSession.read({ headers })).toMatchObject({ userId: 'mallory' })
})
