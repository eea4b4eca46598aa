import { describe, expect, it } from 'vitest'
import type { HttpOptions } from '../../src/adapters/fetch/index.ts'
import {
  codeInPage,
  type Handler,
  NAVIGATION,
  openSite,
  type Site,
  THROUGH_WORKER,
  type Visitor,
} from '../support/http-site.ts'
import { listen } from '../support/sessions.ts'

/*
 * The attacks of a sibling subdomain. It can set cookies with `Domain=example.com` for the application, such as the
 * refresh token of its own session. It cannot set a cookie with the prefix `__Host-`.
 */

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
const MODES = ['endpoint', 'inline'] as const
const DAY = 86_400

const whoami: Handler = ({ current }) => Response.json({ userId: current?.userId ?? null })
const PAGE = { info: { optional: true }, handler: whoami } as const
const NOBODY = { status: 200, body: { userId: null }, cookies: [] }

/** How the browser of a signed-in user may come back. */
const ACCESS_COOKIES: readonly [name: string, leave: (site: Site, anna: Visitor) => Promise<void>][] = [
  ['an expired access token', async (site) => site.clock.advance(3600)],
  [
    'an access token of a retired key',
    async ({ sessions, clock }) => {
      await sessions.keys.rotate()
      clock.advance(3 * DAY)
      await sessions.create({ userId: 'somebody' })
      await sessions.prune()
    },
  ],
  [
    'an access token of a deleted key',
    async ({ sessions, store, clock }) => {
      await store.deleteKeys(null)
      clock.advance(3600)
      await sessions.create({ userId: 'somebody' })
    },
  ],
  [
    'an access token with a wrong signature',
    async (_site, { jar }) => jar.put(ACCESS, `${jar.get(ACCESS)!.slice(0, -4)}AAAA`),
  ],
]

/** Plants refresh tokens of the attacker's sessions, of higher generations than the victim's. */
async function plant(site: Site, { jar }: Visitor, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const mallory = site.visitor()
    await mallory.login({ userId: 'mallory' })
    for (let turn = 0; turn < 3; turn++) {
      site.clock.advance(120)
      await mallory.refresh()
      await mallory.me()
      await site.sessions.flush()
    }
    for (const path of ['/', '/session'])
      jar.put(REFRESH, mallory.jar.get(REFRESH)!, path, index === 0 ? 'example.com' : `${index}.example.com`)
  }
}

async function openVictim(
  http: HttpOptions,
  leave: (site: Site, anna: Visitor) => Promise<void>,
  planted: number,
): Promise<{ site: Site; anna: Visitor }> {
  const site = await openSite(http)
  const anna = site.visitor()
  await anna.login()
  await leave(site, anna)
  await plant(site, anna, planted)
  return { site, anna }
}

/** Opens a page as a link on another site does, and follows redirects. */
async function browse(visitor: Visitor, target: string): ReturnType<Visitor['navigate']> {
  const options = { ...PAGE, headers: { ...NAVIGATION, 'sec-fetch-site': 'cross-site' } }
  let answer = await visitor.navigate(target, options)
  for (let step = 0; step < 5 && answer.status === 303; step++)
    answer = await visitor.navigate(answer.headers.get('location')!, options)
  return answer
}

describe.each(MODES)('with `refresh: %s`, a signed-in user', (refresh) => {
  describe.each(ACCESS_COOKIES)('with %s', (_name, leave) => {
    it.each([1, 3])('stays signed in when a sibling subdomain plants %i refresh cookies', async (planted) => {
      for (const target of ['/page', '/session/refresh?to=/page']) {
        const { anna } = await openVictim({ refresh }, leave, planted)
        expect(await browse(anna, target)).toMatchObject({ status: 200, body: { userId: 'anna' } })
      }
      const { anna } = await openVictim({ refresh }, leave, planted)
      expect((await anna.refresh()).status).toBe(200)
      expect((await anna.me()).body).toMatchObject({ userId: 'anna' })
    })

    it('is signed in as nobody else when the own refresh cookie is gone', async () => {
      for (const target of ['/page', '/session/refresh?to=/page']) {
        const { site, anna } = await openVictim({ refresh }, leave, 0)
        anna.jar.delete(REFRESH)
        await plant(site, anna, 2)
        expect(await browse(anna, target)).toMatchObject(NOBODY)
      }
      const { site, anna } = await openVictim({ refresh }, leave, 0)
      anna.jar.delete(REFRESH)
      await plant(site, anna, 2)
      const replaced = { status: 401, body: { code: 'session_replaced', refresh: 'once' }, cookies: [] }
      expect(await anna.refresh()).toMatchObject(replaced)
    })
  })

  describe('with an unreadable access cookie', () => {
    const garble = async (_site: Site, { jar }: Visitor): Promise<void> => jar.put(ACCESS, 'garbage')

    it('stays signed in', async () => {
      const { anna } = await openVictim({ refresh }, garble, 0)
      expect(await browse(anna, '/page')).toMatchObject({ status: 200, body: { userId: 'anna' } })
    })

    it('is signed in as nobody else when a sibling subdomain plants refresh cookies', async () => {
      for (const target of ['/page', '/session/refresh?to=/page']) {
        const { anna } = await openVictim({ refresh }, garble, 1)
        expect(await browse(anna, target)).toMatchObject(NOBODY)
      }
    })
  })

  it('whose access cookie alone is gone stays signed in by a script of the page', async () => {
    for (const visit of [
      (anna: Visitor) => anna.refresh(),
      ...(refresh === 'inline'
        ? [
            (anna: Visitor) => anna.visit('GET', '/page', { ...PAGE, headers: script }),
            (anna: Visitor) => anna.visit('POST', '/page', PAGE),
          ]
        : []),
    ]) {
      const { anna } = await openVictim({ refresh }, async (_site, { jar }) => jar.delete(ACCESS), 0)
      expect((await visit(anna)).cookies).toHaveLength(2)
      expect((await anna.me()).body).toMatchObject({ userId: 'anna' })
    }
  })
})

const script = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }

describe.each(MODES)('with `refresh: %s`, a visitor with a planted refresh cookie', (refresh) => {
  const subresource = { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }
  const page = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

  it.each<[string, Readonly<Record<string, string | undefined>>, method?: string]>([
    ['a link on another site', { ...page, 'sec-fetch-site': 'cross-site' }],
    ['a link on the sibling subdomain', { ...page, 'sec-fetch-site': 'same-site' }],
    ['a link on the same site', { ...page, 'sec-fetch-site': 'same-origin' }],
    ['the address bar', { ...page, 'sec-fetch-site': 'none' }],
    [
      'a frame of the sibling subdomain',
      { ...page, 'sec-fetch-site': 'same-site', 'sec-fetch-dest': 'iframe' },
    ],
    ['an image of the sibling subdomain', { ...subresource, 'sec-fetch-dest': 'image' }],
    [
      'an image of the same site',
      { ...subresource, 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'image' },
    ],
    ['a script of the sibling subdomain', { ...subresource, 'sec-fetch-dest': 'empty' }],
    [
      'a prefetch of the same site',
      { ...subresource, 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'empty' },
    ],
    [
      'a script of the sibling subdomain that reads',
      { ...script, 'sec-fetch-site': 'same-site', origin: 'https://evil.example.com' },
    ],
    ['a HEAD request of the sibling subdomain', { ...subresource, 'sec-fetch-dest': 'empty' }, 'HEAD'],
    // Browsers call such a page load one of the same origin, even if a link on another site started it.
    ['a page load through a worker of Chromium', THROUGH_WORKER['Chromium and WebKit']],
    ['a page load through a worker of Firefox', THROUGH_WORKER.Firefox],
    ['a form through a worker of Firefox', THROUGH_WORKER.Firefox, 'POST'],
    ['a form through a worker of WebKit', THROUGH_WORKER['Chromium and WebKit'], 'POST'],
    ['a worker that copies a page load', { ...THROUGH_WORKER.Firefox, 'sec-fetch-mode': 'cors' }],
    ['a worker that copies a form', { ...THROUGH_WORKER.Firefox, 'sec-fetch-mode': 'cors' }, 'POST'],
    ['a page load of an old browser', { 'sec-fetch-site': undefined, accept: 'text/html' }],
    ['an image of an old browser', { 'sec-fetch-site': undefined, accept: 'image/*' }],
  ])('is signed in as nobody by %s', async (_what, headers, method = 'GET') => {
    const site = await openSite({ refresh })
    const visitor = site.visitor()
    await plant(site, visitor, 1)
    const refreshed = listen(site.sessions, 'refreshed')
    const { status, cookies } = await visitor.visit(method, '/page', { ...PAGE, headers })
    expect([status, cookies]).toStrictEqual([200, []])
    const route = await visitor.visit(method, '/session/refresh?to=/page', { headers })
    expect(route.cookies).toStrictEqual([])
    expect(refreshed).toStrictEqual([])
    expect(await browse(visitor, '/page')).toMatchObject(NOBODY)
  })

  it('is asked to sign in by a page that requires a session', async () => {
    const site = await openSite({ refresh })
    const visitor = site.visitor()
    await plant(site, visitor, 1)
    const answer = await visitor.navigate('/page')
    expect([answer.status, codeInPage(answer), answer.cookies]).toStrictEqual([401, 'not_signed_in', []])
  })

  it('signs in as usual', async () => {
    const site = await openSite({ refresh })
    const visitor = site.visitor()
    await plant(site, visitor, 1)
    await visitor.login({ userId: 'berta' })
    site.clock.advance(3600)
    expect(await browse(visitor, '/page')).toMatchObject({ status: 200, body: { userId: 'berta' } })
  })
})

const turbo = { accept: 'text/html, application/xhtml+xml' }

it.each<[string, Readonly<Record<string, string | undefined>>, method?: string]>([
  ['a script that asks for HTML, as Turbo does', { ...script, ...turbo, 'sec-fetch-site': 'same-origin' }],
  ['its POST', { ...script, ...turbo, 'sec-fetch-site': 'same-origin' }, 'POST'],
  [
    'a script of htmx 4',
    { ...script, accept: 'text/html', 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'same-origin' },
  ],
  [
    'a form of a browser without Sec-Fetch headers',
    {
      'sec-fetch-site': undefined,
      accept: 'text/html',
      'upgrade-insecure-requests': '1',
      origin: 'https://app.example.com',
    },
    'POST',
  ],
])('a browser that lost only the access cookie comes back by %s', async (_what, headers, method = 'GET') => {
  const site = await openSite({ refresh: 'inline' })
  const anna = site.visitor()
  await anna.login()
  anna.jar.delete(ACCESS)
  expect((await anna.visit(method, '/page', { ...PAGE, headers })).body).toStrictEqual({ userId: 'anna' })
})

it('a script of a trusted origin renews inline by the refresh cookie alone', async () => {
  const origin = 'https://spa.example.com'
  const site = await openSite({ refresh: 'inline', trustedOrigins: [origin], cors: true })
  const anna = site.visitor()
  await anna.login()
  anna.jar.delete(ACCESS)
  const headers = { ...script, 'sec-fetch-site': 'same-site', origin }
  expect((await anna.visit('GET', '/page', { ...PAGE, headers })).body).toStrictEqual({ userId: 'anna' })
})

describe('a refresh cookie alone signs in on a page load', () => {
  it('with `cookies.domain`, which lets sibling subdomains set every cookie', async () => {
    const site = await openSite({ cookies: { domain: 'example.com' } })
    const anna = site.visitor()
    await anna.login()
    anna.jar.delete('__Secure-pawl-access')
    await browse(anna, '/session/refresh?to=/page')
    expect((await anna.me()).body).toMatchObject({ userId: 'anna' })
  })

  it('with a refresh cookie that has the prefix `__Host-` too', async () => {
    const site = await openSite({ refresh: 'inline', cookies: { refresh: '__Host-pawl-refresh' } })
    const anna = site.visitor()
    await anna.login()
    anna.jar.delete(ACCESS)
    expect(await browse(anna, '/page')).toMatchObject({ status: 200, body: { userId: 'anna' } })
  })
})

it('a logout with a CSRF token succeeds beside a planted refresh cookie', async () => {
  for (const [, leave] of ACCESS_COOKIES) {
    const site = await openSite({ csrf: 'token' })
    const anna = site.visitor()
    const { csrfToken } = (await anna.login()).body as { csrfToken: string }
    await leave(site, anna)
    const mallory = await site.sessions.create({ userId: 'mallory' })
    anna.jar.put(REFRESH, mallory.refreshToken.value, '/session/logout', 'example.com')
    expect((await anna.logout({ headers: { 'pawl-csrf': csrfToken } })).status).toBe(204)
    expect((await site.sessions.list('anna')).map(({ endReason }) => endReason)).toStrictEqual(['logout'])
  }
})
