import type { NextFetchEvent } from 'next/server.js'
import { beforeAll, expect, it, vi } from 'vitest'
import type { NextOptions, NextSessions, ProxyHandler } from '../../src/adapters/next/index.ts'
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
import { mute } from '../support/mute.ts'
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

it('with inline refresh the proxy renews a page load, and has it come again with the new cookies', async () => {
  const { anna, clock, sessions } = await signedIn(INLINE)
  clock.advance(900)
  const away = await load(anna, '/page?tab=1')
  const marked = `/page?tab=1&pawl-resumed=${Math.floor(clock.now() / 1000).toString(36)}`
  expect([away.status, away.headers.location]).toStrictEqual([303, marked])
  expect([away.headers['cache-control'], away.headers.vary]).toStrictEqual(['private, no-store', 'Cookie'])
  expect(away.cookies.map((cookie) => cookie.split(';')[0])).toStrictEqual([
    `${ACCESS}=<access>`,
    `${REFRESH}=<refresh>`,
  ])
  expect(await generationOf(sessions)).toBe(0)
  const page = await load(anna, away.headers.location)
  expect([page.status, shownIn(page), page.cookies]).toStrictEqual([200, ANNA, []])
  expect(await generationOf(sessions)).toBe(1)
})

it('with inline refresh the proxy has the router of Next come again, to the same URL', async () => {
  const { anna, clock } = await signedIn(INLINE)
  clock.advance(900)
  const asRouter = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: '*/*', rsc: '1' }
  const away = await anna.send('GET', '/page?tab=1', { headers: asRouter })
  expect([away.status, away.headers.location, away.cookies.length]).toStrictEqual([303, '/page?tab=1', 2])
  // Next itself wants a query of its own.
  const again = await anna.send('GET', '/page?tab=1', { headers: asRouter })
  const page = await anna.send('GET', again.headers.location!, { headers: asRouter })
  expect([page.headers['content-type'], shownIn(page), page.cookies]).toStrictEqual([
    'text/x-component',
    ANNA,
    [],
  ])
})

it('cookies of a session that is over are cleared before its page is rendered', async () => {
  const { anna, clock, sessions } = await signedIn(INLINE)
  clock.advance(900)
  await sessions.revokeUser('anna')
  anna.jar.delete(ACCESS)
  const away = await load(anna)
  expect([away.status, away.cookies.length, anna.jar.names]).toStrictEqual([303, 2, []])
  const page = await load(anna, away.headers.location)
  expect([page.status, shownIn(page), page.cookies]).toStrictEqual([200, NOBODY, []])
})

it('a browser that keeps the old cookies sees a page and not a loop', async () => {
  const { anna, port, clock } = await signedIn(INLINE)
  clock.advance(900)
  const old = anna.jar.copy()
  const away = await load(createClient(port, old.copy()))
  const page = await load(createClient(port, old.copy()), away.headers.location)
  expect([page.status, shownIn(page), page.cookies]).toStrictEqual([200, ANNA, []])
})

/** Serves pages that take their time: `meanwhile` happens in the midst of the first. */
async function servePausing(next: NextSessions<ClaimsObject, unknown>, meanwhile: () => Promise<void>) {
  let pause: Promise<void> | null = null
  const answer = next.route(() => Response.json({}))
  return serve({
    ...next,
    answer,
    runProxy: next.proxy(),
    errors: [],
    async read() {
      pause ??= meanwhile()
      await pause
      return next.read()
    },
  })
}

it('a page that takes long does not overwrite the cookies of a login meanwhile', async () => {
  const { anna, port, clock, next, sessions } = await signedIn(INLINE)
  const slow = await servePausing(next, async () => {
    clock.advance(60)
    expect((await anna.send('POST', '/login?user=berta')).status).toBe(200)
  })
  clock.advance(900)
  const slowTab = createClient(slow, anna.jar)
  const page = await load(slowTab, (await load(slowTab)).headers.location)
  expect([page.status, page.cookies]).toStrictEqual([200, []])
  expect((await anna.send('GET', '/me')).body).toMatchObject({ userId: 'berta' })
  expect((await sessions.list('berta'))[0]!.active).toBe(true)
  expect(shownIn(await load(createClient(port, anna.jar)))).toStrictEqual(['title:berta', 'user:berta'])
})

it('a page that takes long does not end a session as stolen', async () => {
  const { anna, clock, next, sessions } = await signedIn(INLINE)
  const anotherTab = async (): Promise<void> => {
    for (let time = 0; time < 2; time++) {
      expect((await anna.send('GET', '/me')).status).toBe(200)
      await sessions.flush()
    }
  }
  const slow = await servePausing(next, async () => {
    await anotherTab()
    clock.advance(70)
    await sessions.setClaims((await sessions.list('anna'))[0]!.sessionId, { role: 'editor' })
    await anotherTab()
  })
  clock.advance(900)
  const slowTab = createClient(slow, anna.jar)
  expect((await load(slowTab, (await load(slowTab)).headers.location)).status).toBe(200)
  for (const seconds of [5, 900]) {
    clock.advance(seconds)
    expect((await anna.send('GET', '/me')).status).toBe(200)
    await sessions.flush()
  }
})

it('an action or a route that takes longer than half the overlap sets none of the renewed cookies', async () => {
  const { anna, port, clock, next, sessions } = await signedIn(INLINE)
  const slow = await serve({
    ...next,
    runProxy: next.proxy(),
    errors: [],
    answer: next.route((session) => {
      clock.advance(16)
      return Response.json(session.userId)
    }),
    action: (act, require) =>
      next.action(async (session, ...args) => {
        clock.advance(16)
        return act(session, ...args)
      }, require),
  })
  clock.advance(900)
  const answer = await callAction(createClient(slow, anna.jar), 'whoAmI')
  expect([answer.text.includes('acting:anna'), answer.cookies]).toStrictEqual([true, []])
  const { body, cookies } = await createClient(slow, anna.jar).send('POST', '/page/me')
  expect([body, cookies]).toStrictEqual(['anna', []])
  expect(await generationOf(sessions)).toBe(0)
  expect((await callAction(createClient(port, anna.jar), 'whoAmI')).cookies.length).toBe(2)
})

it('a form without scripts acts with what was renewed, and the page after it has the new cookies set', async () => {
  const { anna, clock, sessions } = await signedIn(INLINE)
  clock.advance(900)
  const answer = await sendForm(anna, 'chooseTheme', {})
  expect([answer.status, shownIn(answer), anna.jar.names]).toStrictEqual([
    200,
    ANNA,
    [ACCESS, REFRESH, 'theme'],
  ])
  expect(answer.cookies).toStrictEqual(['theme=dark; Path=/'])
  expect((await load(anna)).cookies.length).toBe(2)
  expect((await sendForm(anna, 'signOut', {})).cookies.length).toBe(2)
  expect((await sessions.list('anna'))[0]!.active).toBe(false)
})

it('a renewed answer that gets lost logs nobody out', async () => {
  const { anna, port, clock, sessions } = await signedIn(INLINE)
  clock.advance(900)
  for (let time = 0; time < 3; time++) {
    expect((await load(createClient(port, anna.jar.copy()))).status).toBe(303)
    expect((await callAction(createClient(port, anna.jar.copy()), 'goOn')).text).toContain('user:anna')
    await sessions.flush()
    clock.advance(3600)
  }
  expect((await load(anna)).cookies.length).toBe(2)
  expect(shownIn(await load(anna))).toStrictEqual(ANNA)
})

it('a page that is the same for everybody never comes with cookies', async () => {
  const { anna, clock } = await signedIn(INLINE)
  clock.advance(900)
  const away = await load(anna, '/page/static')
  const { cookies, headers } = await load(anna, away.headers.location)
  expect([away.cookies.length, cookies, headers['cache-control']]).toStrictEqual([2, [], 's-maxage=31536000'])
})

it('a route below the proxy sets the cookies that the proxy has renewed, or its own instead', async () => {
  const { anna, clock, next } = await signedIn(INLINE)
  const answer = next.route(async (session, { nextUrl }) => {
    if (nextUrl.searchParams.has('in')) await session.create({ userId: 'berta' })
    if (nextUrl.searchParams.has('out')) await session.revoke()
    return Response.json(session.current?.userId ?? null)
  })
  const browser = createClient(await serve({ ...next, answer, runProxy: next.proxy(), errors: [] }), anna.jar)
  for (const [path, user] of [
    ['/page/me', 'anna'],
    ['/page/me?in', 'berta'],
    ['/page/me?out', null],
  ] as const) {
    clock.advance(900)
    const { body, cookies, headers } = await browser.send('POST', path)
    expect([body, cookies.length]).toStrictEqual([user, 2])
    expect([headers['cache-control'], headers.vary]).toStrictEqual(['private, no-store', 'Cookie'])
    if (user !== null) expect((await browser.send('POST', '/page/me')).body).toBe(user)
  }
  expect(anna.jar.names).toStrictEqual([])
})

it('what the proxy has renewed is in no header that a rewrite to elsewhere would carry', async () => {
  const { NextRequest } = await import('next/server.js')
  const { anna, clock, next } = await signedIn(INLINE)
  clock.advance(900)
  const before = anna.jar.get(REFRESH)!
  const request = new NextRequest('https://app.example.com/page', {
    method: 'POST',
    headers: { cookie: anna.jar.header('/')!, 'sec-fetch-site': 'same-origin' },
  })
  const { headers } = await next.proxy()(request, {} as NextFetchEvent)
  expect(headers.get('x-middleware-request-cookie')).toContain(`${REFRESH}=${before}`)
  expect([...headers].join().replaceAll(before, '')).not.toContain('pawl_r1_')
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

it('an action that another one calls acts with its session', async () => {
  const { anna, sessions, clock, errors } = await open()
  const answer = await callAction(anna, 'signInNested')
  expect(answer.text).toContain('acting:anna,berta')
  expect([answer.cookies.length, shownIn(answer)]).toStrictEqual([2, ['title:berta', 'user:berta']])
  expect((await sessions.list('anna'))[0]).toMatchObject({ active: false, endReason: 'replaced' })
  expect((await callAction(anna, 'payNested')).text).toContain('paid')
  clock.advance(61)
  expect((await callAction(anna, 'payNested')).text).not.toContain('paid')
  expect(errors.splice(0)).toMatchObject([{ code: 'ERR_RECENT_AUTH_REQUIRED' }])
})

it('an action that is called while a page is rendered starts and ends no session', async () => {
  const { anna, next, sessions } = await signedIn(INLINE)
  const thrown: unknown[] = []
  const port = await serve({
    ...next,
    runProxy: next.proxy(),
    answer: next.handlers.GET,
    errors: [],
    async read() {
      await next
        .action((session) => session.create({ userId: 'berta' }))()
        .catch((error) => thrown.push(error))
      await next
        .action((session) => session.revoke())()
        .catch((error) => thrown.push(error))
      await next
        .action((session) => Promise.reject(new TypeError(session.userId)))()
        .catch((error) => thrown.push(error))
      return next.read()
    },
  })
  const page = await load(createClient(port, anna.jar), '/plain')
  expect([shownIn(page), page.cookies]).toStrictEqual([ANNA, []])
  const readOnly = expect.objectContaining({
    message: expect.stringMatching(/^Cookies can only be modified/),
  })
  expect(thrown.slice(0, 3)).toStrictEqual([readOnly, readOnly, new TypeError('anna')])
  expect(await sessions.list('berta')).toStrictEqual([])
  expect((await sessions.list('anna'))[0]!.active).toBe(true)
})

it('a Server Component looks at the row where every request does', async () => {
  const { anna, store, clock, sessions } = await signedIn({}, undefined, { revocation: { mode: 'lookup' } })
  const elsewhere = await openSessions({ store: mute(store), now: clock.now })
  await elsewhere.revoke((await sessions.list('anna'))[0]!.sessionId)
  expect(shownIn(await load(anna, '/plain'))).toStrictEqual(NOBODY)
})

it('an action that looks at the row does not renew either', async () => {
  const { anna, store, clock, sessions, errors } = await signedIn(INLINE)
  const elsewhere = await openSessions({ store: mute(store), now: clock.now })
  await elsewhere.setClaims((await sessions.list('anna'))[0]!.sessionId, { role: 'editor' })
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

it('what the proxy has renewed passes through an answer of the application, and its own headers too', async () => {
  const { NextResponse } = await import('next/server.js')
  const { anna, clock, next } = await signedIn(INLINE)
  const answer = next.route(({ userId }, { headers }) => Response.json([userId, headers.get('x-nonce')]))
  for (const withHeaders of [false, true]) {
    const runProxy = next.proxy(({ userId }, { headers }) =>
      NextResponse.next({
        headers: { 'x-user': userId },
        ...(withHeaders && { request: { headers: new Headers([...headers, ['x-nonce', '1']]) } }),
      }),
    )
    const port = await serve({ ...next, answer, runProxy, errors: [] })
    clock.advance(900)
    const { headers, body, cookies } = await createClient(port, anna.jar).send('POST', '/page/me')
    expect(body).toStrictEqual(['anna', withHeaders ? '1' : null])
    expect([headers['x-user'], cookies[0]]).toStrictEqual(['anna', expect.stringContaining(`${ACCESS}=`)])
  }
})

it('a page shows whom the application has signed in or out in its part of the proxy', async () => {
  const { anna, clock } = await open(INLINE, async (session, { nextUrl }) => {
    if (nextUrl.searchParams.has('in')) await session.create({ userId: 'anna' })
    if (nextUrl.searchParams.has('out')) await session.revoke()
    return undefined
  })
  const entered = await load(anna, '/page?in')
  expect([shownIn(entered), entered.cookies.length]).toStrictEqual([ANNA, 2])
  clock.advance(900)
  const left = await load(anna, (await load(anna, '/page?out')).headers.location)
  expect([shownIn(left), left.cookies.length, anna.jar.names]).toStrictEqual([NOBODY, 2, []])
  // Its cookies are not left for an action, which may be none of Pawl's.
  await load(anna, '/page?in')
  clock.advance(900)
  expect((await anna.send('POST', '/page?in')).cookies.length).toBe(2)
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
  const { nextSessions } = await import('../../src/adapters/next/index.ts')
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

it('a failure that is no promise is forgotten as well', async () => {
  const { nextSessions } = await import('../../src/adapters/next/index.ts')
  let made = 0
  const create = (): Promise<Sessions> => {
    if (++made === 1) throw new Error('not yet')
    return openSessions()
  }
  const { sessions } = nextSessions(create, { name: 'synchronous' })
  await expect(sessions()).rejects.toThrow('not yet')
  await sessions()
  expect(made).toBe(2)
})

it('a copy of the whole module goes on with the sessions of another one', async () => {
  const { NextRequest } = await import('next/server.js')
  const { anna, next, sessions } = await signedIn({ name: 'copied' })
  vi.resetModules()
  const { nextSessions } = await import('../../src/adapters/next/index.ts')
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
  const { nextSessions } = await import('../../src/adapters/next/index.ts')
  const create = (): Promise<Sessions> => openSessions()
  nextSessions(create, { name: 'users' })
  const others: NextOptions[] = [
    { path: '/admin/session' },
    { refresh: 'inline' },
    { csrf: 'token' },
    { trustedOrigins: ['https://app.example.com'] },
    { revocations: true },
    { cookies: { sameSite: 'strict' } },
    { insecureLocalhost: false },
    { ip: () => undefined },
  ]
  for (const options of others)
    expect(() => nextSessions(create, { name: 'users', ...options })).toThrow(TypeError)
  nextSessions(create, { name: 'users', path: '/session', trustedOrigins: [] })
  nextSessions(create, { name: 'admins', path: '/admin/session' })
})

it('wrong options are an error at once', async () => {
  const { nextSessions } = await import('../../src/adapters/next/index.ts')
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
