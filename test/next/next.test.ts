import type { NextFetchEvent } from 'next/server.js'
import { beforeAll, expect, it, vi } from 'vitest'
import type { NextOptions, NextSessions, ProxyHandler } from '../../src/adapters/next/index.ts'
import {
  type ClaimsObject,
  type Sessions,
  type SessionsOptions,
  StoreUnavailableError,
} from '../../src/index.ts'
import { supertokens } from '../../src/supertokens/index.ts'
import { serveNext } from '../support/adapters/next.ts'
import { coded } from '../support/errors.ts'
import { type Client, createClient, type Received } from '../support/http-client.ts'
import { codeInPage, NAVIGATION } from '../support/http-site.ts'
import { mute } from '../support/mute.ts'
import { callAction, sendForm } from '../support/next-app/actions.ts'
import { serve, startNext } from '../support/next-app/applications.ts'
import { collectWarnings } from '../support/process-warnings.ts'
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

async function openSignedIn(...given: Parameters<typeof open>) {
  const opened = await open(...given)
  expect((await opened.anna.send('POST', '/login?user=anna')).status).toBe(200)
  return opened
}

const load = (client: Client, page = '/page', headers: Record<string, string> = {}): Promise<Received> =>
  client.send('GET', page, { headers: { ...NAVIGATION, ...headers } })

/** The user in the text and in the title of a page. */
const shownIn = ({ text }: Received): string[] => [...new Set(text.match(/(?:user|title):\w+/g))].sort()
const ANNA = ['title:anna', 'user:anna']
const NOBODY = ['title:nobody', 'user:nobody']

const generationOf = async (sessions: Sessions): Promise<number | undefined> => {
  await sessions.flush()
  return (await sessions.list('anna'))[0]?.generation
}

it('a Server Component and `generateMetadata` read the session, and Next marks the page as uncacheable', async () => {
  const { anna } = await open()
  expect(shownIn(await load(anna))).toStrictEqual(NOBODY)
  await anna.send('POST', '/login?user=anna')
  const page = await load(anna)
  expect([page.status, shownIn(page), page.cookies]).toStrictEqual([200, ANNA, []])
  expect(page.headers['cache-control']).toBe('private, no-cache, no-store, max-age=0, must-revalidate')
})

it('a Server Component does not use the refresh token', async () => {
  const { anna, clock, sessions } = await openSignedIn(INLINE)
  clock.advance(900)
  const page = await load(anna, '/plain')
  expect([shownIn(page), page.cookies]).toStrictEqual([NOBODY, []])
  expect(await generationOf(sessions)).toBe(0)
})

it('a form signs in without JavaScript, and `redirect()` keeps the session cookies', async () => {
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

it('session cookies set through `cookies()` have all their attributes', async () => {
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

it('a sign-out action clears the cookies, and the page in the same response shows no user', async () => {
  const { anna, sessions } = await openSignedIn()
  const answer = await callAction(anna, 'signOut')
  expect([answer.status, answer.cookies]).toStrictEqual([
    200,
    [`${ACCESS}=; Path=/; ${GONE}`, `${REFRESH}=; Path=/session; ${GONE}`],
  ])
  expect(shownIn(answer)).toStrictEqual(NOBODY)
  expect(anna.jar.names).toStrictEqual([])
  expect((await sessions.list('anna'))[0]).toMatchObject({ active: false, endReason: 'logout' })
})

it('a sign-in action shows the user on the page in the same response', async () => {
  const { anna } = await open()
  const answer = await callAction(anna, 'signInHere')
  expect([answer.cookies.length, shownIn(answer)]).toStrictEqual([2, ANNA])
})

it('an action that ends in `notFound()` still sets its cookies', async () => {
  const { anna, errors } = await open()
  const { status, cookies } = await callAction(anna, 'signInThenNotFound')
  expect([status, cookies.length]).toStrictEqual([404, 2])
  expect(errors).toStrictEqual([])
})

it('a Route Handler that ends in `redirect()` still sets its cookies', async () => {
  const { anna, errors } = await open()
  const { status, headers, cookies } = await anna.send('POST', '/go')
  expect([status, headers.location]).toStrictEqual([307, '/page'])
  expect(cookies).toStrictEqual([
    expect.stringMatching(`^${ACCESS}=<access>; Path=/; `),
    expect.stringMatching(`^${REFRESH}=<refresh>; Path=/session; `),
  ])
  expect(errors).toStrictEqual([])
})

it('an action rejects calls that do not meet its session requirement', async () => {
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

it('an action rejects a call from a page of another site', async () => {
  const { anna, sessions, errors } = await openSignedIn()
  for (const headers of [
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'same-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': '', origin: 'https://evil.example' },
  ]) {
    // Next itself compares `Origin` with this header first.
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

it('the proxy redirects a page load with an expired access token to the refresh route and back', async () => {
  const { anna, clock } = await openSignedIn()
  clock.advance(900)
  const redirected = await load(anna, '/page?tab=1')
  expect([redirected.status, redirected.headers.location]).toStrictEqual([
    303,
    '/session/refresh?to=%2Fpage%3Ftab%3D1',
  ])
  const back = await load(anna, redirected.headers.location)
  expect([back.status, back.cookies.length]).toStrictEqual([303, 2])
  const unmarked = await load(anna, back.headers.location)
  expect([unmarked.status, unmarked.headers.location]).toStrictEqual([303, '/page?tab=1'])
  const page = await load(anna, '/page?tab=1')
  expect([page.status, shownIn(page), page.cookies]).toStrictEqual([200, ANNA, []])
})

it('the proxy answers 401 to the Next router if the access token has expired, and serves images', async () => {
  const { anna, clock } = await openSignedIn()
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

it('with inline refresh, the proxy renews the cookies of a page load and redirects to the same page', async () => {
  const { anna, clock, sessions } = await openSignedIn(INLINE)
  clock.advance(900)
  const redirected = await load(anna, '/page?tab=1')
  const marked = `/page?tab=1&pawl-resumed=${Math.floor(clock.now() / 1000).toString(36)}`
  expect([redirected.status, redirected.headers.location]).toStrictEqual([303, marked])
  expect([redirected.headers['cache-control'], redirected.headers.vary]).toStrictEqual([
    'private, no-store',
    'Cookie',
  ])
  expect(redirected.cookies.map((cookie) => cookie.split(';')[0])).toStrictEqual([
    `${ACCESS}=<access>`,
    `${REFRESH}=<refresh>`,
  ])
  expect(await generationOf(sessions)).toBe(0)
  const unmarked = await load(anna, redirected.headers.location)
  expect([unmarked.status, unmarked.headers.location]).toStrictEqual([303, '/page?tab=1'])
  const page = await load(anna, '/page?tab=1')
  expect([page.status, shownIn(page), page.cookies]).toStrictEqual([200, ANNA, []])
  expect(await generationOf(sessions)).toBe(1)
})

it('with inline refresh, the proxy redirects the Next router to the same URL without a marker', async () => {
  const { anna, clock } = await openSignedIn(INLINE)
  clock.advance(900)
  const asRouter = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: '*/*', rsc: '1' }
  const redirected = await anna.send('GET', '/page?tab=1', { headers: asRouter })
  expect([redirected.status, redirected.headers.location, redirected.cookies.length]).toStrictEqual([
    303,
    '/page?tab=1',
    2,
  ])
  // Next redirects the router to a URL with its own query. `Vary` keeps a page load from using that redirect.
  const again = await anna.send('GET', '/page?tab=1', { headers: asRouter })
  expect([again.status, again.headers.vary]).toStrictEqual([307, 'RSC'])
  const page = await anna.send('GET', again.headers.location!, { headers: asRouter })
  expect([page.headers['content-type'], shownIn(page), page.cookies]).toStrictEqual([
    'text/x-component',
    ANNA,
    [],
  ])
})

it('with inline refresh, the proxy clears the cookies of a revoked session before the page renders', async () => {
  const { anna, clock, sessions } = await openSignedIn(INLINE)
  clock.advance(900)
  await sessions.revokeUser('anna')
  const redirected = await load(anna)
  expect([redirected.status, redirected.cookies.length, anna.jar.names]).toStrictEqual([303, 2, []])
  const unmarked = await load(anna, redirected.headers.location)
  expect([unmarked.status, unmarked.headers.location]).toStrictEqual([303, '/page'])
  const page = await load(anna, unmarked.headers.location)
  expect([page.status, shownIn(page), page.cookies]).toStrictEqual([200, NOBODY, []])
})

it('with inline refresh, a browser that ignores the new cookies gets the page, not a redirect loop', async () => {
  const { anna, port, clock } = await openSignedIn(INLINE)
  clock.advance(900)
  const old = anna.jar.copy()
  const redirected = await load(createClient(port, old.copy()))
  const page = await load(createClient(port, old.copy()), redirected.headers.location)
  expect([page.status, shownIn(page), page.cookies]).toStrictEqual([200, ANNA, []])
})

/** Serves pages that render slowly: `during` runs while the first page renders. */
async function serveSlowly(next: NextSessions<ClaimsObject, unknown>, during: () => Promise<void>) {
  let pause: Promise<void> | null = null
  const answer = next.route(() => Response.json({}))
  return serve({
    ...next,
    answer,
    runProxy: next.proxy(),
    errors: [],
    async read() {
      pause ??= during()
      await pause
      return next.read()
    },
  })
}

it('a slow page does not overwrite the cookies of a login in another tab', async () => {
  const { anna, port, clock, next, sessions } = await openSignedIn(INLINE)
  const slow = await serveSlowly(next, async () => {
    clock.advance(60)
    expect((await anna.send('POST', '/login?user=berta')).status).toBe(200)
  })
  clock.advance(900)
  const slowTab = createClient(slow, anna.jar)
  // The first load renews the cookies and is redirected.
  await load(slowTab)
  const page = await load(slowTab)
  expect([page.status, page.cookies]).toStrictEqual([200, []])
  expect((await anna.send('GET', '/me')).body).toMatchObject({ userId: 'berta' })
  expect((await sessions.list('berta'))[0]!.active).toBe(true)
  expect(shownIn(await load(createClient(port, anna.jar)))).toStrictEqual(['title:berta', 'user:berta'])
})

it('a slow page does not cause reuse detection in another tab', async () => {
  const { anna, clock, next, sessions } = await openSignedIn(INLINE)
  const anotherTab = async (): Promise<void> => {
    for (let time = 0; time < 2; time++) {
      expect((await anna.send('GET', '/me')).status).toBe(200)
      await sessions.flush()
    }
  }
  const slow = await serveSlowly(next, async () => {
    await anotherTab()
    clock.advance(70)
    await sessions.setClaims((await sessions.list('anna'))[0]!.sessionId, { role: 'editor' })
    await anotherTab()
  })
  clock.advance(900)
  const slowTab = createClient(slow, anna.jar)
  await load(slowTab)
  expect((await load(slowTab)).status).toBe(200)
  for (const seconds of [5, 900]) {
    clock.advance(seconds)
    expect((await anna.send('GET', '/me')).status).toBe(200)
    await sessions.flush()
  }
})

it('an action or route that takes longer than half the overlap does not set the renewed cookies', async () => {
  const { anna, port, clock, next, sessions } = await openSignedIn(INLINE)
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

it('a form without JavaScript uses the renewed session, and the next page load sets the new cookies', async () => {
  const { anna, clock, sessions } = await openSignedIn(INLINE)
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

it('a lost response with renewed cookies does not end the session', async () => {
  const { anna, port, clock, sessions } = await openSignedIn(INLINE)
  clock.advance(900)
  for (let time = 0; time < 3; time++) {
    expect((await load(createClient(port, anna.jar.copy()))).status).toBe(303)
    expect((await callAction(createClient(port, anna.jar.copy()), 'redirectToPage')).text).toContain(
      'user:anna',
    )
    await sessions.flush()
    clock.advance(3600)
  }
  expect((await load(anna)).cookies.length).toBe(2)
  expect(shownIn(await load(anna))).toStrictEqual(ANNA)
})

it('a static page is served without cookies', async () => {
  const { anna, clock } = await openSignedIn(INLINE)
  clock.advance(900)
  const redirected = await load(anna, '/page/static')
  const { cookies, headers } = await load(anna, '/page/static')
  expect([redirected.cookies.length, cookies, headers['cache-control']]).toStrictEqual([
    2,
    [],
    's-maxage=31536000',
  ])
})

it('a route behind the proxy sets the renewed cookies, or the cookies of its own login or logout', async () => {
  const { anna, clock, next } = await openSignedIn(INLINE)
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

it('the proxy puts the renewed refresh token in no header that a rewrite would forward', async () => {
  const { NextRequest } = await import('next/server.js')
  const { anna, clock, next } = await openSignedIn(INLINE)
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

it('the proxy does not renew the session for static assets of Next', async () => {
  const { anna, clock } = await openSignedIn(INLINE)
  const script = /"(\/_next\/static\/chunks\/[^"]+\.js)"/.exec((await load(anna)).text)![1]!
  clock.advance(900)
  const { status, cookies } = await anna.send('GET', script)
  expect([status, cookies]).toStrictEqual([200, []])
})

it('an action uses the session that the proxy has renewed, and sets its own cookie too', async () => {
  const { anna, clock, sessions } = await openSignedIn(INLINE)
  clock.advance(900)
  const answer = await callAction(anna, 'chooseTheme')
  expect(answer.text).toContain('acting:anna')
  expect(shownIn(answer)).toStrictEqual(ANNA)
  expect(anna.jar.names).toStrictEqual([ACCESS, REFRESH, 'theme'])
  expect(await generationOf(sessions)).toBe(0)
  expect(shownIn(await load(anna))).toStrictEqual(ANNA)
  expect(await generationOf(sessions)).toBe(1)
})

it('an action signs out a session that the proxy has just renewed', async () => {
  const { anna, clock, sessions } = await openSignedIn(INLINE)
  clock.advance(900)
  expect(shownIn(await callAction(anna, 'signOut'))).toStrictEqual(NOBODY)
  expect(anna.jar.names).toStrictEqual([])
  expect((await sessions.list('anna'))[0]!.active).toBe(false)
})

it('an action signs in another user after the proxy has renewed, and the next page shows that user', async () => {
  const { anna, clock } = await openSignedIn(INLINE)
  clock.advance(900)
  const answer = await callAction(anna, 'switchUser')
  expect(answer.headers['x-action-redirect']).toBe('/page;push')
  expect(shownIn(answer)).toStrictEqual(['title:berta', 'user:berta'])
  expect(shownIn(await load(anna))).toStrictEqual(['title:berta', 'user:berta'])
})

it('an action on a page outside the proxy does not renew an expired session', async () => {
  const { anna, clock, sessions, errors } = await openSignedIn(INLINE)
  clock.advance(900)
  const { cookies } = await callAction(anna, 'whoAmI', { page: '/plain' })
  expect([cookies, errors]).toMatchObject([[], [{ code: 'ERR_ACCESS_TOKEN_EXPIRED' }]])
  expect(await generationOf(sessions)).toBe(0)
  // The refresh token still identifies the session.
  anna.jar.delete(ACCESS)
  await callAction(anna, 'signOut', { page: '/plain' })
  expect((await sessions.list('anna'))[0]!.active).toBe(false)
})

it('an action called by another action uses the same session', async () => {
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

it('an action called while a page renders can neither create nor revoke a session', async () => {
  const { anna, next, sessions } = await openSignedIn(INLINE)
  const thrown: unknown[] = []
  let isFirst = true
  const port = await serve({
    ...next,
    runProxy: next.proxy(),
    answer: next.handlers.GET,
    errors: [],
    async read() {
      // Next renders the title and the page at the same time.
      if (!isFirst) return next.read()
      isFirst = false
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
  expect(thrown).toStrictEqual([readOnly, readOnly, new TypeError('anna')])
  expect(await sessions.list('berta')).toStrictEqual([])
  expect((await sessions.list('anna'))[0]!.active).toBe(true)
})

it('a Server Component reads the row if `revocation.mode` is `lookup`', async () => {
  const { anna, store, clock, sessions } = await openSignedIn({}, undefined, {
    revocation: { mode: 'lookup' },
  })
  const elsewhere = await openSessions({ store: mute(store), now: clock.now })
  await elsewhere.revoke((await sessions.list('anna'))[0]!.sessionId)
  expect(shownIn(await load(anna, '/plain'))).toStrictEqual(NOBODY)
})

it('an action with `lookup` rejects outdated claims without renewing them', async () => {
  const { anna, store, clock, sessions, errors } = await openSignedIn(INLINE)
  const elsewhere = await openSessions({ store: mute(store), now: clock.now })
  await elsewhere.setClaims((await sessions.list('anna'))[0]!.sessionId, { role: 'editor' })
  const { cookies } = await callAction(anna, 'transfer')
  expect([cookies, errors]).toMatchObject([[], [{ code: 'ERR_ACCESS_TOKEN_EXPIRED' }]])
  // The lookup has recorded that the access token is outdated, so the proxy renews it.
  expect((await callAction(anna, 'transfer')).text).toContain('acting:anna')
})

it('the proxy runs a handler of the application, which may refuse or redirect', async () => {
  const { anna } = await open({}, (session, request) => {
    if (request.nextUrl.searchParams.has('secret')) session.require()
    if (request.nextUrl.searchParams.has('away')) return Response.redirect('https://app.example.com/', 302)
    return undefined
  })
  expect(shownIn(await load(anna))).toStrictEqual(NOBODY)
  const refused = await load(anna, '/page?secret')
  expect([refused.status, codeInPage(refused)]).toStrictEqual([401, 'not_signed_in'])
  expect(await load(anna, '/page?away')).toMatchObject({ status: 302 })
})

it('the renewed session and the headers of the application both reach the route behind the proxy', async () => {
  const { NextResponse } = await import('next/server.js')
  const { anna, clock, next } = await openSignedIn(INLINE)
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

it('a page shows the login or logout of the application handler in the proxy', async () => {
  const { anna, clock } = await open(INLINE, async (session, { nextUrl }) => {
    if (nextUrl.searchParams.has('in')) await session.create({ userId: 'anna' })
    if (nextUrl.searchParams.has('out')) await session.revoke()
    return undefined
  })
  const entered = await load(anna, '/page?in')
  expect([shownIn(entered), entered.cookies.length]).toStrictEqual([ANNA, 2])
  clock.advance(900)
  await load(anna, '/page?out')
  const left = await load(anna, '/page?out')
  expect([shownIn(left), left.cookies.length, anna.jar.names]).toStrictEqual([NOBODY, 2, []])
  // The proxy sets these cookies itself, because the action may not use Pawl.
  await load(anna, '/page?in')
  clock.advance(900)
  expect((await anna.send('POST', '/page?in')).cookies.length).toBe(2)
})

it('the proxy serves the refresh and logout routes if its matcher covers their path', async () => {
  const { anna, sessions } = await openSignedIn({ path: '/page/session' })
  expect((await anna.send('POST', '/page/session/refresh')).status).toBe(200)
  const { status, cookies } = await anna.send('POST', '/page/session/logout')
  expect([status, cookies.length, anna.jar.names]).toStrictEqual([204, 2, []])
  expect((await sessions.list('anna'))[0]!.active).toBe(false)
})

/** The header by which the client SDKs of SuperTokens are known. */
const bySdk = (mode: 'cookie' | 'header') => ({ 'st-auth-mode': mode })

it.each(['cookie', 'header'] as const)(
  'an action of a client SDK in %s mode neither signs in nor out: Next sets no headers',
  async (mode) => {
    const { anna, sessions } = await open({ protocol: supertokens() })
    await anna.send('POST', '/login?user=anna', { headers: bySdk('cookie') })
    const before = anna.jar.header('/')
    for (const action of ['signInHere', 'signOut']) {
      const answer = await callAction(anna, action, { headers: bySdk(mode) })
      expect([answer.status, answer.cookies]).toStrictEqual([500, []])
    }
    expect((await sessions.list('anna')).map(({ active }) => active)).toStrictEqual([true])
    expect(anna.jar.header('/')).toBe(before)
  },
)

it('an action without the headers of a client SDK signs in by the cookies of Pawl', async () => {
  const { anna, sessions } = await open({ protocol: supertokens() })
  await anna.send('POST', '/login?user=anna', { headers: bySdk('cookie') })
  const { status, cookies } = await sendForm(anna, 'signIn', { user: 'berta' })
  expect([status, cookies.length]).toStrictEqual([303, 4])
  expect(anna.jar.names).toStrictEqual([ACCESS, REFRESH])
  expect((await sessions.list('anna')).map(({ endReason }) => endReason)).toStrictEqual(['replaced'])
})

it('a page of a client SDK loads for a visitor while the access token has expired', async () => {
  const { anna, clock } = await open({ protocol: supertokens() })
  await anna.send('POST', '/login?user=anna', { headers: bySdk('cookie') })
  expect(shownIn(await load(anna))).toStrictEqual(ANNA)
  clock.advance(900)
  const page = await load(anna)
  expect([page.status, shownIn(page), page.cookies]).toStrictEqual([200, NOBODY, []])
})

it('cookies on plain localhost have no `Secure`, except behind a reverse proxy', async () => {
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

it('nextSessions creates the sessions on first use, once for all copies of a module, and retries after a failure', async () => {
  const { nextSessions } = await import('../../src/adapters/next/index.ts')
  collectWarnings()
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

it('nextSessions retries after the factory throws synchronously', async () => {
  const { nextSessions } = await import('../../src/adapters/next/index.ts')
  collectWarnings()
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

it('a second copy of the module shares the sessions of the first', async () => {
  const { NextRequest } = await import('next/server.js')
  const { anna, next, sessions } = await openSignedIn({ name: 'copied' })
  vi.resetModules()
  const { nextSessions } = await import('../../src/adapters/next/index.ts')
  const copy = nextSessions((): Sessions => expect.unreachable(), { name: 'copied' })
  expect(copy.route).not.toBe(next.route)
  expect(await copy.sessions()).toBe(sessions)

  // Tests of an application call a Route Handler like this.
  const GET = copy.route((session) => Response.json({ id: session.userId }))
  const get = (headers: Record<string, string>): Promise<Response> =>
    GET(new NextRequest('https://app.example.com/me', { headers }), {})
  const signedInAnswer = await get({ cookie: anna.jar.header('/')! })
  expect(await signedInAnswer.json()).toStrictEqual({ id: 'anna' })
  const { status } = await get({})
  expect(status).toBe(401)

  // Next may bundle a page and its actions separately.
  const runProxy = next.proxy()
  const mixed = await serve({ ...next, read: copy.read, answer: next.handlers.GET, runProxy, errors: [] })
  expect(shownIn(await callAction(createClient(mixed), 'signInHere'))).toStrictEqual(ANNA)
})

it('nextSessions throws if two calls share a name but differ in options', async () => {
  const { nextSessions } = await import('../../src/adapters/next/index.ts')
  const create = (): Promise<Sessions> => openSessions()
  nextSessions(create, { name: 'users' })
  const differing: NextOptions[] = [
    { path: '/admin/session' },
    { refresh: 'inline' },
    { csrf: 'token' },
    { trustedOrigins: ['https://app.example.com'] },
    { revocations: true },
    { cookies: { sameSite: 'strict' } },
    { insecureLocalhost: false },
    { ip: () => undefined },
  ]
  for (const options of differing)
    expect(() => nextSessions(create, { name: 'users', ...options })).toThrow(TypeError)
  nextSessions(create, { name: 'users', path: '/session', trustedOrigins: [] })
  nextSessions(create, { name: 'admins', path: '/admin/session' })
})

it('nextSessions, route and action throw on invalid options', async () => {
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
