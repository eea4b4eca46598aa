import { describe, expect, it } from 'vitest'
import { type HandoffOptions, isSessionsError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import type { BearerAnswer } from '../../src/wire/names.ts'
import {
  type Answer,
  type Handler,
  ORIGIN,
  openSite,
  type Site,
  THROUGH_WORKER,
  type VisitOptions,
  type Visitor,
} from '../support/http-site.ts'
import { createBound, createDevice, sha256 } from '../support/proofs.ts'
import { counting } from '../support/stores.ts'

const VERIFIER = 'v'.repeat(43)
const CHALLENGE = sha256(VERIFIER)
/** What the background does. */
const IDLE = ['changes', 'keys', 'time', 'lostConnections']

const BEARER = { 'pawl-transport': 'bearer', 'sec-fetch-site': undefined }
const REFUSED = { status: 403, body: { code: 'handoff_refused', refresh: false }, cookies: [] }
const MONTH = 'Expires=Thu, 31 Jan 2030 12:00:00 GMT; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax'

const handingOff =
  (options: Partial<HandoffOptions> = {}): Handler =>
  async (session) =>
    Response.json(await session.handoff({ origin: ORIGIN, ...options }))
const redeeming =
  (code: unknown, options?: { readonly verifier?: string }): Handler =>
  async (session) =>
    Response.json(await session.redeem(code as string, options))

const handOff = async (
  visitor: Visitor,
  options?: Partial<HandoffOptions>,
  given?: VisitOptions,
): Promise<string> => {
  const { status, body } = await visitor.visit('POST', '/handoff', { handler: handingOff(options), ...given })
  expect(status).toBe(200)
  return (body as { code: string }).code
}
const redeem = (
  visitor: Visitor,
  code: unknown,
  given: VisitOptions & { readonly verifier?: string } = {},
): Promise<Answer> =>
  visitor.visit('POST', '/enter', {
    handler: redeeming(code, given.verifier === undefined ? undefined : { verifier: given.verifier }),
    ...given,
  })

interface Open {
  readonly site: Site
  /** A browser with Anna's session, at another origin. */
  readonly anna: Visitor
  readonly annaId: string
  /** Another browser. */
  readonly browser: Visitor
  /** The calls on the store since the last look, without those of the background. */
  called(): string[]
}

async function open(...[http, options]: Parameters<typeof openSite>): Promise<Open> {
  const { store, calls } = counting(memory())
  const site = await openSite(http, { store, revocation: { pollInterval: 60 }, ...options })
  const anna = site.visitor(undefined, 'https://account.example.org')
  await anna.login({ userId: 'anna', claims: { role: 'member' } })
  const [session] = await site.sessions.list('anna')
  const called = (): string[] => calls.splice(0).filter((name) => !IDLE.includes(name))
  return { site, anna, annaId: session!.sessionId, browser: site.visitor(), called }
}

describe('redeeming the code of a handoff', () => {
  it('signs in by cookies, in a session of its own', async () => {
    const { site, anna, annaId, browser } = await open()
    const answer = await redeem(browser, await handOff(anna))
    expect(answer).toMatchObject({
      status: 200,
      body: { expiresIn: expect.any(Number), marker: expect.stringMatching(/^[\w-]{8}$/) },
    })
    expect(answer.cookies).toStrictEqual([
      `__Host-pawl-access=<access>; Path=/; ${MONTH}`,
      `__Secure-pawl-refresh=<refresh>; Path=/session; ${MONTH}`,
    ])
    expect((await browser.me()).body).toStrictEqual({ userId: 'anna', generation: 0 })
    expect((await browser.refresh()).status).toBe(200)
    await browser.logout()
    expect((await anna.me()).status).toBe(200)
    expect(await site.sessions.get(annaId)).toMatchObject({ active: true })
  })

  it('signs an app in by bearer tokens, and a session of an app in a browser', async () => {
    const { anna, browser, site } = await open()
    const app = site.visitor()
    const { body } = await redeem(app, await handOff(anna), { headers: BEARER })
    const { accessToken } = body as BearerAnswer
    expect(body).toMatchObject({ refreshToken: expect.stringMatching(/^pawl_r1_/) })
    const authorization = `Bearer ${accessToken}`
    const code = await handOff(app, { challenge: CHALLENGE }, { headers: { ...BEARER, authorization } })
    expect(await redeem(browser, code, { verifier: VERIFIER })).toMatchObject({ status: 200 })
    expect((await browser.me()).body).toMatchObject({ userId: 'anna' })
  })

  it('continues the request as the new user', async () => {
    const { anna, browser } = await open()
    const code = await handOff(anna, { endsWithParent: true })
    const { body } = await browser.visit('POST', '/enter', {
      handler: async (session) => {
        const before = session.current
        await session.redeem(code)
        return Response.json([before, session.userId, session.parentId !== null, session.claims])
      },
    })
    expect(body).toStrictEqual([null, 'anna', true, { role: 'member' }])
  })

  it('ends the sessions that the browser had, as a login does', async () => {
    const { site, anna, browser } = await open()
    await browser.login({ userId: 'ben' })
    const stolen = site.visitor(browser.jar.copy())
    await redeem(browser, await handOff(anna))
    expect(await site.sessions.list('ben')).toMatchObject([{ active: false, endReason: 'replaced' }])
    expect(await stolen.me()).toMatchObject({ status: 401, body: { code: 'session_replaced' } })
    // A second visit replaces the session of the first.
    await redeem(browser, await handOff(anna, { endsWithParent: true }))
    expect(await site.sessions.list('anna', { active: true })).toHaveLength(2)
  })

  it.each([
    ['used twice', 0, {}, {}],
    ['late', 66, {}, {}],
    ['at another origin', 0, { origin: 'https://other.example.com' }, {}],
    ['without its verifier', 0, { challenge: CHALLENGE }, {}],
    ['with another verifier', 0, { challenge: CHALLENGE }, { verifier: 'w'.repeat(43) }],
    ['with a verifier that no challenge asked for', 0, {}, { verifier: VERIFIER }],
  ] as const)('is refused and changes nothing: %s', async (how, seconds, options, given) => {
    const { site, anna, browser, called } = await open()
    await browser.login({ userId: 'ben' })
    const code = await handOff(anna, options)
    if (how === 'used twice') await redeem(site.visitor(), code)
    site.clock.advance(seconds)
    const cookies = browser.jar.header('/session')
    called()
    expect(await redeem(browser, code, given)).toMatchObject(REFUSED)
    if (how !== 'used twice') expect(called()).toStrictEqual([])
    expect(browser.jar.header('/session')).toBe(cookies)
    expect((await browser.me()).body).toMatchObject({ userId: 'ben' })
    expect((await anna.me()).status).toBe(200)
  })

  it.each([undefined, null, 7, {}, [], '', 'guess', `pawl_h1_${'A'.repeat(140)}x`, 'pawl_r1_abc'])(
    'is refused without the database for what is no code: %j',
    async (code) => {
      const { browser, called } = await open()
      called()
      expect(await redeem(browser, code)).toMatchObject(REFUSED)
      expect(called()).toStrictEqual([])
    },
  )

  it('answers 503 to a code of a later release, and keeps the cookies', async () => {
    const { browser } = await open()
    const answer = await redeem(browser, 'pawl_h2_abc')
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' }, cookies: [] })
    expect(answer.headers.get('retry-after')).toBe('30')
  })

  it('answers a page load with a page', async () => {
    const { browser } = await open()
    const headers = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' }
    const { status, text } = await redeem(browser, 'guess', { headers })
    expect([status, text.includes('This link has expired')]).toStrictEqual([403, true])
  })

  it('is for another attempt if the answer was lost: nobody is signed out, and a new code works', async () => {
    const { site, anna, browser } = await open()
    const code = await handOff(anna)
    await redeem(site.visitor(browser.jar.copy()), code)
    expect(await redeem(browser, code)).toMatchObject(REFUSED)
    expect(await redeem(browser, await handOff(anna))).toMatchObject({ status: 200 })
    expect((await anna.me()).status).toBe(200)
  })
})

describe('a site that makes a browser redeem a code of its own', () => {
  it.each<[string, NonNullable<VisitOptions['headers']>]>([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a sibling subdomain', { 'sec-fetch-site': 'same-site', origin: 'https://evil.example.com' }],
    ['an older browser', { 'sec-fetch-site': undefined, origin: 'https://evil.example' }],
    ['a sandboxed page', { 'sec-fetch-site': undefined, origin: 'null' }],
    ['a form behind a service worker', THROUGH_WORKER.Firefox],
    ['a form behind a service worker of Chromium', THROUGH_WORKER['Chromium and WebKit']],
  ])('is rejected: %s', async (_, headers) => {
    const { anna, browser, called } = await open()
    await browser.login({ userId: 'ben' })
    const code = await handOff(anna)
    called()
    const answer = await redeem(browser, code, { headers })
    expect(answer.status).toBe(403)
    expect(answer.cookies).toStrictEqual([])
    expect(called()).toStrictEqual([])
    expect((await browser.me()).body).toMatchObject({ userId: 'ben' })
    expect((await redeem(browser, code)).status).toBe(200)
  })

  it('is rejected by `redeem` itself, too', async () => {
    const { anna, browser } = await open({ trustedOrigins: [] })
    const code = await handOff(anna)
    const headers = { ...THROUGH_WORKER.Firefox, accept: 'text/html' }
    const { body } = await browser.visit('POST', '/enter', {
      headers,
      handler: async (session) => {
        const error = await session.redeem(code).catch((thrown: unknown) => thrown)
        return Response.json(isSessionsError(error) ? error.code : 'none')
      },
    })
    expect(body).toBe('ERR_CSRF_REJECTED')
  })

  it('cannot use a link: a GET redeems nothing', async () => {
    const { anna, browser, site } = await open()
    const code = await handOff(anna)
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      const redeemed = browser.visit(method, '/enter', { handler: redeeming(code) })
      await expect(redeemed).rejects.toThrow(
        new TypeError('`redeem` takes a POST: a link that anybody can send must not sign the user in'),
      )
    }
    expect(await site.sessions.list('anna')).toHaveLength(1)
  })

  it('is a trusted one if the application says so', async () => {
    const { anna, browser } = await open({ trustedOrigins: ['https://spa.example.net'] })
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://spa.example.net' }
    expect((await redeem(browser, await handOff(anna), { headers })).status).toBe(200)
  })
})

describe('the origin of a request', () => {
  const at = async (
    target: string,
    reached: string,
    headers: Readonly<Record<string, string | undefined>> = {},
  ): Promise<number> => {
    const { site, anna } = await open()
    const code = await handOff(anna, { origin: target })
    const browser = site.visitor(undefined, reached)
    const { host } = new URL(reached)
    return (await redeem(browser, code, { headers: { host, ...headers } })).status
  }

  it.each<[string, string, string, Record<string, string>, number]>([
    ['the same', ORIGIN, ORIGIN, {}, 200],
    ['the same, as its page says', ORIGIN, ORIGIN, { origin: ORIGIN }, 200],
    ['a port', 'https://app.example.com:8443', 'https://app.example.com:8443', {}, 200],
    ['a host with its default port', ORIGIN, ORIGIN, { host: 'app.example.com:443' }, 200],
    ['a host in capitals', ORIGIN, ORIGIN, { host: 'APP.example.com' }, 200],
    ['localhost without TLS', 'http://localhost:3000', 'http://localhost:3000', {}, 200],
    ['a proxy that ends TLS', ORIGIN, 'http://app.example.com', {}, 200],
    ['a proxy that ends TLS, and a page', ORIGIN, 'http://app.example.com', { origin: ORIGIN }, 200],
    ['a page without TLS', ORIGIN, 'http://app.example.com', { origin: 'http://app.example.com' }, 403],
    ['TLS where none was', 'http://app.example.com', ORIGIN, {}, 403],
    ['another host', ORIGIN, 'https://api.example.com', {}, 403],
    ['another port', ORIGIN, 'https://app.example.com:8443', {}, 403],
    ['a host with a user', ORIGIN, ORIGIN, { host: 'app.example.com@evil.example' }, 403],
    ['a host that is none', ORIGIN, ORIGIN, { host: 'a b' }, 403],
    ['a forwarded host', ORIGIN, 'https://api.example.com', { 'x-forwarded-host': 'app.example.com' }, 403],
  ])('is compared with that of the code: %s', async (_, target, reached, headers, status) => {
    expect(await at(target, reached, headers)).toBe(status)
  })
})

describe('handing off', () => {
  it('is refused without a session, and while acting as another user', async () => {
    const { site, anna } = await open()
    const none = await site.visitor().visit('POST', '/handoff', { handler: handingOff() })
    expect(none).toMatchObject({ status: 401, body: { code: 'not_signed_in' } })
    await anna.visit('POST', '/act', {
      handler: async (session) => Response.json(await session.actAs({ userId: 'ben' })),
    })
    expect(await anna.visit('POST', '/handoff', { handler: handingOff() })).toMatchObject({
      status: 403,
      body: { code: 'acting_refused', refresh: false },
    })
  })

  it('takes a challenge from the client, and refuses what is none', async () => {
    const { anna, called } = await open()
    called()
    for (const challenge of ['', 'x', null, 7])
      expect(
        await anna.visit('POST', '/handoff', { handler: handingOff({ challenge: challenge as string }) }),
      ).toMatchObject(REFUSED)
    expect(called()).toStrictEqual([])
  })

  it('needs the tokens of a reauthentication while that is pending', async () => {
    const { site, anna, browser } = await open()
    const thief = site.visitor(anna.jar.copy(), 'https://account.example.org')
    site.clock.advance(5)
    await anna.visit('POST', '/password', {
      handler: async (session) => Response.json(await session.reauthenticate()),
    })
    site.clock.advance(1)
    expect(await thief.visit('POST', '/handoff', { handler: handingOff() })).toMatchObject({
      status: 401,
      body: { code: 'access_token_expired', refresh: true },
    })
    const code = await handOff(anna)
    expect((await redeem(browser, code)).status).toBe(200)
    // The new session is as old as the row says: the reauthentication is not confirmed yet.
    const { body } = await browser.me({ handler: ({ authTime }) => Response.json(authTime) })
    expect(body).toBe('2030-01-01T12:00:00.000Z')
  })

  it('of a bound session takes a proof with the request', async () => {
    const { site } = await open({}, { deviceBinding: 'offer' })
    const device = createDevice()
    const { accessToken } = await createBound(site.sessions, site.store, device, { userId: 'cleo' })
    const app = site.visitor()
    const headers = { ...BEARER, authorization: `Bearer ${accessToken}` }
    const unproven = await app.visit('POST', '/handoff', { headers, handler: handingOff() })
    expect(unproven).toMatchObject({ status: 401, body: { code: 'device_proof_required', refresh: false } })
    const dpop = device.dpop({
      htm: 'POST',
      htu: `${ORIGIN}/handoff`,
      iat: site.clock.now() / 1000,
      ath: sha256(accessToken),
    })
    const code = await handOff(app, {}, { headers: { ...headers, dpop, host: 'app.example.com' } })
    const { body } = await redeem(site.visitor(), code, { headers: BEARER })
    // The new session may be bound to its own device.
    expect(body).toMatchObject({ deviceChallenge: expect.stringMatching(/^pawl_d1_/) })
    expect(
      await app.visit('POST', '/handoff', { headers, handler: handingOff({ proven: false }) }),
    ).toMatchObject({
      status: 401,
    })
    await handOff(app, { proven: true }, { headers })
  })

  it('ends the new session with the logout of the old one, and clears its cookies at the refresh', async () => {
    const { anna, browser } = await open()
    await redeem(browser, await handOff(anna))
    await anna.logout()
    expect(await browser.me()).toMatchObject({
      status: 401,
      body: { code: 'access_token_expired', refresh: true },
    })
    const refresh = await browser.refresh()
    expect(refresh).toMatchObject({ status: 401, body: { code: 'session_ended', refresh: false } })
    expect(browser.jar.names).toStrictEqual([])
  })

  it('ends the acting in the new session with the parent, also after a refresh', async () => {
    const { site, anna, annaId, browser } = await open()
    await redeem(browser, await handOff(anna, { endsWithParent: true }))
    await browser.visit('POST', '/act', {
      handler: async (session) => Response.json(await session.actAs({ userId: 'ben' })),
    })
    site.clock.advance(60)
    expect((await browser.refresh()).status).toBe(200)
    const who: Handler = ({ userId, parentId }) => Response.json([userId, parentId])
    expect((await browser.me({ handler: who })).body).toStrictEqual(['ben', annaId])
    await anna.logout()
    expect(await browser.me()).toMatchObject({ status: 401, body: { code: 'access_token_expired' } })
    expect(await browser.refresh()).toMatchObject({ status: 401, body: { code: 'session_ended' } })
    expect(browser.jar.names).toStrictEqual([])
  })

  it('answers 503 in a process that only reads', async () => {
    const { store, calls } = counting(memory())
    const writer = await openSite({}, { store })
    const reader = await openSite({}, { store: Object.assign(Object.create(store), { readOnly: true }) })
    const anna = writer.visitor()
    await anna.login()
    const code = await handOff(anna)
    calls.length = 0
    const away = { status: 503, body: { code: 'unavailable' } }
    const there = reader.visitor(anna.jar)
    expect(await there.visit('POST', '/handoff', { handler: handingOff() })).toMatchObject(away)
    expect(await redeem(reader.visitor(), code)).toMatchObject(away)
    expect(calls.filter((name) => !IDLE.includes(name))).toStrictEqual([])
  })
})

describe('a session that a handoff has created', () => {
  it('goes on after it has signed out everywhere else, by cookies and by bearer tokens', async () => {
    for (const headers of [{}, BEARER]) {
      const { site, anna, annaId, browser } = await open()
      const answer = await redeem(browser, await handOff(anna), { headers })
      const isBearer = 'accessToken' in (answer.body as object)
      const authorization = isBearer ? `Bearer ${(answer.body as BearerAnswer).accessToken}` : undefined
      const given = { headers: { ...headers, authorization } }
      const others = await browser.visit('POST', '/password', {
        handler: async (session) => Response.json(await session.revokeOthers()),
        ...given,
      })
      expect(others).toMatchObject({ status: 200, body: 1 })
      expect(await site.sessions.get(annaId)).toMatchObject({ active: false })
      expect((await anna.me()).status).toBe(401)
      if (isBearer) {
        // The client refreshes, as after any other change.
        expect(await browser.visit('GET', '/me', given)).toMatchObject({
          status: 401,
          body: { code: 'access_token_expired', refresh: true },
        })
        const { refreshToken } = answer.body as BearerAnswer
        const refreshed = await site.sessions.refresh(refreshToken!)
        expect(refreshed.session).toMatchObject({ userId: 'anna', parentId: null })
      } else {
        expect(await browser.me()).toMatchObject({ status: 200, body: { userId: 'anna' } })
        expect((await browser.refresh()).status).toBe(200)
        expect((await browser.me()).status).toBe(200)
      }
    }
  })

  it('does not come from a copied access token after the user has signed out everywhere else', async () => {
    const { site, anna } = await open()
    const thief = site.visitor()
    const cookie = anna.jar.header('/x')
    site.clock.advance(1)
    const before = await handOff(thief, {}, { headers: { cookie } })
    const handler: Handler = async (session) => Response.json(await session.revokeOthers())
    expect(await anna.visit('POST', '/password', { handler })).toMatchObject({ status: 200, body: 0 })
    expect(await redeem(thief, before)).toMatchObject(REFUSED)
    const after = await thief.visit('POST', '/handoff', { handler: handingOff(), headers: { cookie } })
    expect(after).toMatchObject({ status: 401, body: { code: 'access_token_expired', refresh: true } })
    expect((await redeem(site.visitor(), await handOff(anna))).status).toBe(200)
  })
})

describe('a session that does not end with its parent', () => {
  it('needs a recent authentication, which `reauthenticate` is', async () => {
    const { site, anna, browser } = await open()
    const alone = { endsWithParent: false }
    site.clock.advance(301)
    expect(await anna.visit('POST', '/handoff', { handler: handingOff(alone) })).toMatchObject({
      status: 403,
      body: { code: 'recent_auth_required', refresh: false },
    })
    const handler: Handler = async (session) => Response.json(await session.reauthenticate())
    expect((await anna.visit('POST', '/password', { handler })).status).toBe(200)
    const code = await handOff(anna, alone)
    expect((await redeem(browser, code)).status).toBe(200)
    await anna.logout()
    expect((await browser.me()).status).toBe(200)
    expect((await browser.refresh()).status).toBe(200)
  })
})
