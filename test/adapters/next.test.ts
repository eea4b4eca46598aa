import { beforeAll, expect, it, vi } from 'vitest'
import type { NextOptions, ProxyHandler } from '../../src/adapters/next.ts'
import {
  type ClaimsObject,
  type Sessions,
  type SessionsOptions,
  StoreUnavailableError,
} from '../../src/index.ts'
import { serveNext } from '../support/adapters/next.ts'
import { coded } from '../support/errors.ts'
import { type Client, createClient, type Received } from '../support/http-client.ts'
import { NAVIGATION } from '../support/http-site.ts'
import { callAction, sendForm } from '../support/next-app/actions.ts'
import { serve, startNext } from '../support/next-app/applications.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
const MONTH = 'Expires=\\w{3}, \\d\\d \\w{3} \\d{4} [\\d:]{8} GMT; Max-Age=2592000'
const GONE = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Secure; HttpOnly; SameSite=lax'
const INLINE: NextOptions = { refresh: 'inline' }

beforeAll(async () => void (await startNext()), 180_000)

async function open(
  options: NextOptions = {},
  onPage?: ProxyHandler<ClaimsObject, unknown>,
  sessionsOptions: Partial<SessionsOptions> = {},
) {
  const { sessions, clock, store } = await openWithClock(sessionsOptions)
  const { port, errors, next } = await serveNext(() => sessions, options, onPage)
  return { sessions, clock, store, port, errors, next, anna: createClient(port) }
}

async function signedIn(...given: Parameters<typeof open>) {
  const opened = await open(...given)
  expect((await opened.anna.send('POST', '/login?user=anna')).status).toBe(200)
  return opened
}

const load = (client: Client, page = '/page', headers: Record<string, string> = {}): Promise<Received> =>
  client.send('GET', page, { headers: { ...NAVIGATION, ...headers } })

/** Who a page has been rendered for, by its text and by its title. */
const shownIn = ({ text }: Received): string[] => [...new Set(text.match(/(?:user|title):\w+/g))].sort()
const ANNA = ['title:anna', 'user:anna']
const NOBODY = ['title:nobody', 'user:nobody']

const generationOf = async (sessions: Sessions): Promise<number | undefined> => {
  await sessions.flush()
  return (await sessions.list('anna'))[0]?.generation
}

it('a Server Component and `generateMetadata` read the session, of a page that no cache keeps', async () => {
  const { anna } = await open()
  expect(shownIn(await load(anna))).toStrictEqual(NOBODY)
  await anna.send('POST', '/login?user=anna')
  const page = await load(anna)
  expect([page.status, shownIn(page), page.cookies]).toStrictEqual([200, ANNA, []])
  expect(page.headers['cache-control']).toBe('private, no-cache, no-store, max-age=0, must-revalidate')
})

it('a Server Component cannot spend a refresh token', async () => {
  const { anna, clock, sessions } = await signedIn(INLINE)
  clock.advance(900)
  const page = await load(anna, '/plain')
  expect([shownIn(page), page.cookies]).toStrictEqual([NOBODY, []])
  expect(await generationOf(sessions)).toBe(0)
})

it('a form signs in without scripts, and its cookies survive `redirect()`', async () => {
  const { anna, sessions } = await open()
  const { status, headers, cookies } = await sendForm(anna, 'signIn', { user: 'anna' })
  expect([status, headers.location]).toStrictEqual([303, '/page'])
  expect(cookies).toStrictEqual([
    expect.stringMatching(`^${ACCESS}=<access>; Path=/; ${MONTH}; Secure; HttpOnly; SameSite=lax$`),
    expect.stringMatching(`^${REFRESH}=<refresh>; Path=/session; ${MONTH}; Secure; HttpOnly; SameSite=lax$`),
  ])
  expect(headers['cache-control']).toContain('no-store')
  expect(shownIn(await load(anna))).toStrictEqual(ANNA)
  expect((await sessions.list('anna'))[0]).toMatchObject({ active: true, ip: null })
})

it('a cookie keeps all its attributes on the way through `cookies()`', async () => {
  const { anna } = await open({
    cookies: { domain: 'example.com', sameSite: 'none', partitioned: true },
  })
  const { cookies } = await sendForm(anna, 'signIn', { user: 'anna' })
  expect(cookies).toStrictEqual([
    expect.stringMatching(
      `^__Secure-pawl-access=<access>; Path=/; ${MONTH}; Domain=example.com; Secure; HttpOnly; SameSite=none; Partitioned$`,
    ),
    expect.stringMatching(
      `^${REFRESH}=<refresh>; Path=/session; ${MONTH}; Domain=example.com; Secure; HttpOnly; SameSite=none; Partitioned$`,
    ),
  ])
})

it('an action that signs out clears the cookies, and the page in the same answer shows nobody', async () => {
  const { anna, sessions } = await signedIn()
  const answer = await callAction(anna, 'signOut')
  expect([answer.status, answer.cookies]).toStrictEqual([
    200,
    [`${ACCESS}=; Path=/; ${GONE}`, `${REFRESH}=; Path=/session; ${GONE}`],
  ])
  expect(shownIn(answer)).toStrictEqual(NOBODY)
  expect(anna.jar.names).toStrictEqual([])
  expect((await sessions.list('anna'))[0]).toMatchObject({ active: false, endReason: 'logout' })
})

it('an action that signs in shows the user in the page of the same answer', async () => {
  const { anna } = await open()
  const answer = await callAction(anna, 'signInHere')
  expect([answer.cookies.length, shownIn(answer)]).toStrictEqual([2, ANNA])
})

it('an action that ends in `notFound()` keeps its cookies', async () => {
  const { anna, errors } = await open()
  const { status, cookies } = await callAction(anna, 'signInToNowhere')
  expect([status, cookies.length]).toStrictEqual([404, 2])
  expect(errors).toStrictEqual([])
})

it('a route that ends in `redirect()` keeps its cookies', async () => {
  const { anna, errors } = await open()
  const { status, headers, cookies } = await anna.send('POST', '/go')
  expect([status, headers.location]).toStrictEqual([307, '/page'])
  expect(cookies).toStrictEqual([
    expect.stringMatching(`^${ACCESS}=<access>; Path=/; `),
    expect.stringMatching(`^${REFRESH}=<refresh>; Path=/session; `),
  ])
  expect(errors).toStrictEqual([])
})

it('an action gets only who its requirement lets through', async () => {
  const { anna, clock, errors } = await open()
  expect((await callAction(anna, 'whoAmI')).status).toBe(500)
  expect(errors.splice(0)).toMatchObject([{ code: 'ERR_NOT_SIGNED_IN' }])
  await anna.send('POST', '/login?user=anna')
  expect((await callAction(anna, 'whoAmI')).text).toContain('acting:anna')
  expect((await callAction(anna, 'pay')).text).toContain('paid')
  clock.advance(61)
  expect((await callAction(anna, 'pay')).text).not.toContain('paid')
  expect(errors.splice(0)).toMatchObject([{ code: 'ERR_RECENT_AUTH_REQUIRED' }])
})

it('an action is refused when a page of another site calls it', async () => {
  const { anna, sessions, errors } = await signedIn()
  for (const headers of [
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'same-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': '', origin: 'https://evil.example' },
  ]) {
    // Next compares `Origin` with this one first.
    const next = { 'x-forwarded-host': 'evil.example' }
    const { status } = await callAction(anna, 'signOut', { page: '/plain', headers: { ...next, ...headers } })
    expect(status).toBe(500)
    expect(errors.splice(0)).toMatchObject([{ code: 'ERR_CSRF_REJECTED' }])
    expect(await callAction(anna, 'signOut', { headers })).toMatchObject({
      status: 403,
      body: { code: 'csrf_rejected' },
    })
  }
  expect((await sessions.list('anna'))[0]!.active).toBe(true)
})

it('the proxy sends a page load with an expired access token through the refresh route', async () => {
  const { anna, clock } = await signedIn()
  clock.advance(900)
  const away = await load(anna, '/page?tab=1')
  expect([away.status, away.headers.location]).toStrictEqual([303, '/session/refresh?to=%2Fpage%3Ftab%3D1'])
  const back = await load(anna, away.headers.location)
  expect([back.status, back.cookies.length]).toStrictEqual([303, 2])
  const page = await load(anna, back.headers.location)
  expect([page.status, shownIn(page), page.cookies]).toStrictEqual([200, ANNA, []])
})

it('the proxy answers the router of Next, which then loads the page, and leaves the rest alone', async () => {
  const { anna, clock } = await signedIn()
  clock.advance(900)
  const asRouter = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: '*/*', rsc: '1' }
  expect(await anna.send('GET', '/page', { headers: asRouter })).toMatchObject({
    status: 401,
    body: { code: 'access_token_expired', refresh: true },
  })
  const embedded = { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image', accept: 'image/*' }
  expect((await anna.send('GET', '/page', { headers: embedded })).status).toBe(200)
  expect((await anna.send('GET', '/page', { headers: { accept: 'image/*' } })).status).toBe(200)
})

it('the proxy renews inline, for the page below it and for the browser', async () => {
  const { anna, clock, sessions } = await signedIn(INLINE)
  clock.advance(900)
  const page = await load(anna)
  expect([page.status, shownIn(page), page.headers['cache-control']]).toStrictEqual([
    200,
    ANNA,
    'private, no-store',
  ])
  expect(page.cookies.map((cookie) => cookie.split(';')[0])).toStrictEqual([
    `${ACCESS}=<access>`,
    `${REFRESH}=<refresh>`,
  ])
  // That the page was rendered with it does not prove that the browser has it.
  expect(await generationOf(sessions)).toBe(0)
  expect(shownIn(await load(anna))).toStrictEqual(ANNA)
  expect(await generationOf(sessions)).toBe(1)
})

it('nobody is logged out by a renewed page that gets lost', async () => {
  const { anna, port, clock, sessions } = await signedIn(INLINE)
  clock.advance(900)
  for (let time = 0; time < 3; time++) {
    const lost = createClient(port, anna.jar.copy())
    expect(shownIn(await load(lost))).toStrictEqual(ANNA)
    expect((await callAction(createClient(port, anna.jar.copy()), 'goOn')).text).toContain('user:anna')
    await sessions.flush()
    clock.advance(3600)
  }
  expect(shownIn(await load(anna))).toStrictEqual(ANNA)
})

it('a page that is the same for everybody stays out of caches when cookies come with it', async () => {
  const { anna, clock } = await signedIn(INLINE)
  expect((await load(anna, '/page/static')).headers['cache-control']).toBe('s-maxage=31536000')
  clock.advance(900)
  const { cookies, headers } = await load(anna, '/page/static')
  expect([cookies.length, headers['cache-control']]).toStrictEqual([2, 'private, no-store'])
})

it('scripts and styles of Next are nobody’s', async () => {
  const { anna, clock } = await signedIn(INLINE)
  const script = /"(\/_next\/static\/chunks\/[^"]+\.js)"/.exec((await load(anna)).text)![1]!
  clock.advance(900)
  const { status, cookies } = await anna.send('GET', script)
  expect([status, cookies]).toStrictEqual([200, []])
})

it('an action acts with the session that the proxy has renewed, and adds its own cookies', async () => {
  const { anna, clock, sessions } = await signedIn(INLINE)
  clock.advance(900)
  const answer = await callAction(anna, 'chooseTheme')
  expect(answer.text).toContain('acting:anna')
  expect(shownIn(answer)).toStrictEqual(ANNA)
  expect(anna.jar.names).toStrictEqual([ACCESS, REFRESH, 'theme'])
  expect(await generationOf(sessions)).toBe(0)
  expect(shownIn(await load(anna))).toStrictEqual(ANNA)
  expect(await generationOf(sessions)).toBe(1)
})

it('an action signs out right after the proxy has renewed', async () => {
  const { anna, clock, sessions } = await signedIn(INLINE)
  clock.advance(900)
  expect(shownIn(await callAction(anna, 'signOut'))).toStrictEqual(NOBODY)
  expect(anna.jar.names).toStrictEqual([])
  expect((await sessions.list('anna'))[0]!.active).toBe(false)
})

it('an action signs somebody else in right after the proxy has renewed, and the next page shows them', async () => {
  const { anna, clock } = await signedIn(INLINE)
  clock.advance(900)
  const answer = await callAction(anna, 'switchUser')
  expect(answer.headers['x-action-redirect']).toBe('/page;push')
  expect(shownIn(answer)).toStrictEqual(['title:berta', 'user:berta'])
  expect(shownIn(await load(anna))).toStrictEqual(['title:berta', 'user:berta'])
})

it('an action beside the proxy does not renew', async () => {
  const { anna, clock, sessions, errors } = await signedIn(INLINE)
  clock.advance(900)
  const { cookies } = await callAction(anna, 'whoAmI', { page: '/plain' })
  expect([cookies, errors]).toMatchObject([[], [{ code: 'ERR_ACCESS_TOKEN_EXPIRED' }]])
  expect(await generationOf(sessions)).toBe(0)
  // The refresh token names the session all the same.
  anna.jar.delete(ACCESS)
  await callAction(anna, 'signOut', { page: '/plain' })
  expect((await sessions.list('anna'))[0]!.active).toBe(false)
})

it('an action that looks at the row does not renew either', async () => {
  const { anna, store, clock, sessions, errors } = await signedIn(INLINE)
  const mute = await openSessions({ store: { ...store, notify: async () => false }, now: clock.now })
  await mute.setClaims((await sessions.list('anna'))[0]!.sessionId, { role: 'editor' })
  const { cookies } = await callAction(anna, 'transfer')
  expect([cookies, errors]).toMatchObject([[], [{ code: 'ERR_ACCESS_TOKEN_EXPIRED' }]])
  // By now it is known that the access token is old, and the proxy renews it.
  expect((await callAction(anna, 'transfer')).text).toContain('acting:anna')
})

it('an application has its own part of the proxy', async () => {
  const { anna } = await open({}, (session, request) => {
    if (request.nextUrl.searchParams.has('secret')) session.require()
    if (request.nextUrl.searchParams.has('away')) return Response.redirect('https://app.example.com/', 302)
    return undefined
  })
  expect(shownIn(await load(anna))).toStrictEqual(NOBODY)
  expect(await load(anna, '/page?secret')).toMatchObject({ status: 401, body: { code: 'not_signed_in' } })
  expect(await load(anna, '/page?away')).toMatchObject({ status: 302 })
})

it('what the proxy has renewed reaches the page through an answer of the application too', async () => {
  const { NextResponse } = await import('next/server.js')
  const { anna, clock } = await signedIn(INLINE, (session) =>
    NextResponse.next({ headers: { 'x-user': session.userId } }),
  )
  clock.advance(900)
  const page = await load(anna)
  expect([shownIn(page), page.headers['x-user'], page.cookies.length]).toStrictEqual([ANNA, 'anna', 2])
})

it('the proxy answers the routes of Pawl where it is asked for them', async () => {
  const { anna, sessions } = await signedIn({ path: '/page/session' })
  expect((await anna.send('POST', '/page/session/refresh')).status).toBe(200)
  const { status, cookies } = await anna.send('POST', '/page/session/logout')
  expect([status, cookies.length, anna.jar.names]).toStrictEqual([204, 2, []])
  expect((await sessions.list('anna'))[0]!.active).toBe(false)
})

it('plain localhost gets cookies without `Secure`, but not through a proxy', async () => {
  const { anna, port } = await open()
  const host = { host: `localhost:${port}` }
  const login = await anna.send('POST', '/login?user=anna', { headers: host })
  expect(login.cookies.map((cookie) => cookie.replace(/; .*/, ''))).toStrictEqual([
    'pawl-access=<access>',
    'pawl-refresh=<refresh>',
  ])
  expect(login.cookies.join()).not.toContain('Secure')
  expect(shownIn(await load(anna, '/page', host))).toStrictEqual(ANNA)
  expect(
    (await callAction(anna, 'whoAmI', { headers: { ...host, origin: `http://localhost:${port}` } })).text,
  ).toContain('acting:anna')
  for (const proxied of [
    { 'x-forwarded-for': '192.0.2.7' },
    { 'x-forwarded-proto': 'https' },
    { 'x-forwarded-host': 'app.example.com' },
    { 'x-real-ip': '127.0.0.1' },
  ]) {
    const behind = await createClient(port).send('POST', '/login?user=anna', {
      headers: { ...host, ...proxied },
    })
    expect(behind.cookies[0]).toMatch(`${ACCESS}=`)
    expect(shownIn(await load(anna, '/page', { ...host, ...proxied }))).toStrictEqual(NOBODY)
  }
})

it('the sessions are made when they are needed, once for all copies of a module, and again after a failure', async () => {
  const { nextSessions } = await import('../../src/adapters/next.ts')
  let made = 0
  const create = async (): Promise<Sessions> => {
    if (++made === 1) throw new StoreUnavailableError('the database is down')
    return openSessions()
  }
  const { port, next } = await serveNext(create, { name: 'shared' })
  const copy = nextSessions(create, { name: 'shared' })
  expect(made).toBe(0)
  const client = createClient(port)
  const answer = await client.send('POST', '/login?user=anna')
  expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' }, cookies: [] })
  expect(answer.headers['retry-after']).toBe('5')
  expect((await client.send('POST', '/login?user=anna')).status).toBe(200)
  expect(await copy.sessions()).toBe(await next.sessions())
  expect(made).toBe(2)
})

it('a copy of the whole module goes on with the sessions of another one', async () => {
  const { NextRequest } = await import('next/server.js')
  const { anna, next, sessions } = await signedIn({ name: 'copied' })
  vi.resetModules()
  const { nextSessions } = await import('../../src/adapters/next.ts')
  const copy = nextSessions((): Sessions => expect.unreachable(), { name: 'copied' })
  expect(copy.route).not.toBe(next.route)
  expect(await copy.sessions()).toBe(sessions)

  // As tests of an application call a Route Handler.
  const GET = copy.route((session) => Response.json({ id: session.userId }))
  const get = (headers: Record<string, string>): Promise<Response> =>
    GET(new NextRequest('https://app.example.com/me', { headers }), {})
  const signedInAnswer = await get({ cookie: anna.jar.header('/')! })
  expect(await signedInAnswer.json()).toStrictEqual({ id: 'anna' })
  const { status } = await get({})
  expect(status).toBe(401)

  // A page and its actions may be in bundles of their own.
  const runProxy = next.proxy()
  const mixed = await serve({ ...next, read: copy.read, answer: next.handlers.GET, runProxy, errors: [] })
  expect(shownIn(await callAction(createClient(mixed), 'signInHere'))).toStrictEqual(ANNA)
})

it('two that would share by mistake are told', async () => {
  const { nextSessions } = await import('../../src/adapters/next.ts')
  const create = (): Promise<Sessions> => openSessions()
  nextSessions(create, { name: 'users' })
  expect(() => nextSessions(create, { name: 'users', path: '/admin/session' })).toThrow(TypeError)
  nextSessions(create, { name: 'admins', path: '/admin/session' })
})

it('wrong options are an error at once', async () => {
  const { nextSessions } = await import('../../src/adapters/next.ts')
  const create = (): Promise<Sessions> => openSessions()
  expect(() => nextSessions(create, { path: 'session' })).toThrow(
    coded('ERR_INVALID_OPTIONS', { option: 'path' }),
  )
  expect(() => nextSessions(create, { name: '' })).toThrow(coded('ERR_INVALID_OPTIONS', { option: 'name' }))
  const { route, action } = nextSessions(create, { name: 'options' })
  const require = { maxAuthAge: '60' as unknown as number }
  expect(() => route(() => new Response(), require)).toThrow(coded('ERR_INVALID_OPTIONS'))
  expect(() => action(() => {}, require)).toThrow(coded('ERR_INVALID_OPTIONS'))
})
