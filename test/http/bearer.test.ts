import { describe, expect, it } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import type { BearerAnswer } from '../../src/wire/names.ts'
import { type Answer, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { counting } from '../support/stores.ts'

const JSON_BODY = { 'content-type': 'application/json' }
const BEARER_MODE = { 'pawl-transport': 'bearer' }
const INVALID = 'Bearer error="invalid_token"'

const refreshWith = (
  client: Visitor,
  body: string | undefined,
  headers: Record<string, string> = {},
): Promise<Answer> =>
  client.refresh({
    headers: { ...BEARER_MODE, ...JSON_BODY, ...headers },
    ...(body !== undefined && { body }),
  })
const refreshBy = (client: Visitor, refreshToken: string): Promise<Answer> =>
  refreshWith(client, JSON.stringify({ refreshToken }))
const use = (client: Visitor, accessToken: string): Promise<Answer> =>
  client.me({ headers: { authorization: `Bearer ${accessToken}` } })

async function openSignedIn(): Promise<{
  site: Site
  app: Visitor
  tokens: BearerAnswer & { refreshToken: string }
}> {
  const site = await openSite()
  const app = site.visitor()
  const { body } = await app.visit('POST', '/login', {
    headers: BEARER_MODE,
    handler: async (session) => Response.json(await session.create({ userId: 'anna' })),
  })
  return { site, app, tokens: body as BearerAnswer & { refreshToken: string } }
}

describe('bearer mode', () => {
  it('returns both tokens in the body of a login and sets no cookie', async () => {
    const site = await openSite()
    const { status, body, cookies } = await site.visitor().visit('POST', '/login', {
      headers: BEARER_MODE,
      handler: async (session) => Response.json(await session.create({ userId: 'anna' })),
    })
    expect(status).toBe(200)
    expect(cookies).toStrictEqual([])
    expect(body).toStrictEqual({
      accessToken: expect.stringMatching(/^eyJ/),
      refreshToken: expect.stringMatching(/^pawl_r1_/),
      expiresIn: expect.any(Number),
    })
    const { expiresIn } = body as BearerAnswer
    expect(expiresIn).toBeGreaterThanOrEqual(855)
    expect(expiresIn).toBeLessThanOrEqual(900)
  })

  it('reads the access token from Authorization, with the scheme in any case', async () => {
    const { app, tokens } = await openSignedIn()
    for (const scheme of ['Bearer', 'bearer', 'BEARER'])
      expect(await app.me({ headers: { authorization: `${scheme} ${tokens.accessToken}` } })).toMatchObject({
        status: 200,
        body: { userId: 'anna' },
      })
  })

  it('refreshes with the token in the body, sets no cookie, and forbids caching', async () => {
    const { app, tokens } = await openSignedIn()
    const { status, body, cookies, headers } = await refreshBy(app, tokens.refreshToken)
    expect(status).toBe(200)
    expect(cookies).toStrictEqual([])
    expect(headers.get('cache-control')).toBe('private, no-store')
    const next = body as BearerAnswer
    expect(Object.keys(next)).toStrictEqual(['accessToken', 'refreshToken', 'expiresIn'])
    expect(next.refreshToken).toMatch(/^pawl_r1_/)
    expect(next.refreshToken).not.toBe(tokens.refreshToken)
    expect((await use(app, next.accessToken)).body).toStrictEqual({ userId: 'anna', generation: 1 })
  })

  it('returns null as refresh token shortly after a turn, so that the client keeps its own', async () => {
    const { site, app, tokens } = await openSignedIn()
    const first = (await refreshBy(app, tokens.refreshToken)).body as BearerAnswer
    await use(app, first.accessToken)
    await site.sessions.flush()
    const second = (await refreshBy(app, first.refreshToken!)).body as BearerAnswer
    expect(second.refreshToken).toBeNull()
    expect((await use(app, second.accessToken)).status).toBe(200)
    site.clock.advance(600)
    expect((await refreshBy(app, first.refreshToken!)).body).toMatchObject({
      refreshToken: expect.stringMatching(/^pawl_r1_/),
    })
  })

  it('ignores cookies if Authorization has a bearer token', async () => {
    const { site, tokens } = await openSignedIn()
    const anna = site.visitor()
    await anna.login({ userId: 'berta' })
    expect((await use(anna, tokens.accessToken)).body).toMatchObject({ userId: 'anna' })
    const invalid = await use(anna, 'nonsense')
    expect([invalid.status, invalid.body, invalid.headers.get('www-authenticate')]).toStrictEqual([
      401,
      { code: 'access_token_invalid', refresh: true },
      INVALID,
    ])
    const none = await refreshWith(anna, undefined)
    expect([none.status, none.body, none.headers.get('www-authenticate')]).toStrictEqual([
      401,
      { code: 'not_signed_in', refresh: false },
      'Bearer',
    ])
    expect((await anna.me()).body).toMatchObject({ userId: 'berta' })
  })

  it('does not apply to Basic authorization, which leaves the cookies in use', async () => {
    const { site } = await openSignedIn()
    const anna = site.visitor()
    await anna.login()
    expect((await anna.me({ headers: { authorization: 'Basic YTpi' } })).body).toMatchObject({
      userId: 'anna',
    })
    expect((await anna.refresh({ headers: { authorization: 'Basic YTpi' } })).cookies).toHaveLength(2)
  })

  it.each([
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Bearer \u00e9',
    'Bearer a,b',
    'Bearer "a"',
    'Bearer a=b',
    'Bearer a, Bearer b',
    'Bearer\ta',
  ])(
    'treats a malformed Authorization as an invalid token, not as a missing one: %o',
    async (authorization) => {
      const { site } = await openSignedIn()
      const anna = site.visitor()
      await anna.login()
      expect(await anna.me({ headers: { authorization } })).toMatchObject({
        status: 401,
        body: { code: 'access_token_invalid', refresh: true },
        cookies: [],
      })
    },
  )

  it.each([
    ['empty', undefined, 'not_signed_in'],
    ['not JSON', 'refreshToken=x', 'refresh_token_invalid'],
    ['broken JSON', '{"refreshToken":"', 'refresh_token_invalid'],
    ['an array', '[]', 'not_signed_in'],
    ['a string', '"x"', 'not_signed_in'],
    ['null', 'null', 'not_signed_in'],
    ['an object with another key', '{"refresh_token":"x"}', 'not_signed_in'],
    ['a token that is a number', '{"refreshToken":1}', 'refresh_token_invalid'],
    ['a token that is an object', '{"refreshToken":{"a":1}}', 'refresh_token_invalid'],
    ['an empty token', '{"refreshToken":""}', 'refresh_token_invalid'],
    ['a token of another format', '{"refreshToken":"abc"}', 'refresh_token_invalid'],
    ['larger than 16 kB', JSON.stringify({ refreshToken: 'x'.repeat(16_384) }), 'refresh_token_invalid'],
    [
      'slightly smaller than 16 kB',
      JSON.stringify({ refreshToken: 'x'.repeat(16_300) }),
      'refresh_token_invalid',
    ],
  ])('refuses a refresh whose body is %s without a store call', async (_what, body, code) => {
    const { store, calls } = counting(memory())
    const site = await openSite({}, { store })
    calls.length = 0
    const answer = await refreshWith(site.visitor(), body)
    expect([answer.status, answer.body, answer.cookies]).toStrictEqual([401, { code, refresh: false }, []])
    expect(calls).toStrictEqual([])
  })

  it('accepts only JSON, because a form of another site could send other types', async () => {
    const { app, tokens } = await openSignedIn()
    const body = JSON.stringify({ refreshToken: tokens.refreshToken })
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp-x', ''])
      expect((await refreshWith(app, body, { 'content-type': type })).body).toMatchObject({
        code: 'not_signed_in',
      })
    expect((await refreshWith(app, body, { 'content-type': 'Application/JSON; charset=utf-8' })).status).toBe(
      200,
    )
  })

  it('answers 401 if the body ends with an error', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('the client has gone')),
    })
    const { withSession } = await openSite()
    const response = await withSession(
      new Request('https://app.example.com/session/refresh', {
        method: 'POST',
        headers: { ...BEARER_MODE, ...JSON_BODY },
        body,
        duplex: 'half',
      } as RequestInit),
      () => new Response(),
    )
    expect(response.status).toBe(401)
    expect(await response.json()).toStrictEqual({ code: 'refresh_token_invalid', refresh: false })
  })

  it('answers reuse with a challenge and without cookies', async () => {
    const { site, app, tokens } = await openSignedIn()
    let token = tokens.refreshToken
    for (let turn = 0; turn < 2; turn++) {
      site.clock.advance(600)
      const next = (await refreshBy(app, token)).body as BearerAnswer
      await use(app, next.accessToken)
      await site.sessions.flush()
      token = next.refreshToken!
    }
    site.clock.advance(600)
    const reused = await refreshBy(app, tokens.refreshToken)
    expect([
      reused.status,
      reused.body,
      reused.headers.get('www-authenticate'),
      reused.cookies,
    ]).toStrictEqual([401, { code: 'refresh_token_reused', refresh: false }, INVALID, []])
    expect((await refreshBy(app, token)).body).toStrictEqual({ code: 'session_ended', refresh: false })
  })

  it('logs out with the access token or the refresh token in the body, and ignores cookies', async () => {
    const { site, app, tokens } = await openSignedIn()
    const browser = site.visitor()
    await browser.login({ userId: 'anna' })
    const byAccess = await browser.logout({ headers: { authorization: `Bearer ${tokens.accessToken}` } })
    expect([byAccess.status, byAccess.cookies]).toStrictEqual([204, []])
    expect((await use(app, tokens.accessToken)).body).toStrictEqual({ code: 'session_ended', refresh: false })
    expect((await browser.me()).status).toBe(200)

    const { session, refreshToken } = await site.sessions.create({ userId: 'anna' })
    const body = JSON.stringify({ refreshToken: refreshToken.value })
    expect((await app.logout({ headers: { ...BEARER_MODE, ...JSON_BODY }, body })).status).toBe(204)
    expect((await site.sessions.get(session.sessionId))!.endReason).toBe('logout')
    expect((await app.logout({ headers: BEARER_MODE })).status).toBe(204)
  })

  it('revokes the session of the access token when the client logs in again', async () => {
    const { site, app, tokens } = await openSignedIn()
    await app.visit('POST', '/login', {
      headers: { authorization: `Bearer ${tokens.accessToken}` },
      handler: async (session) => Response.json(await session.create({ userId: 'berta' })),
    })
    const [replaced] = await site.sessions.list('anna')
    expect(replaced!.endReason).toBe('replaced')
  })

  it('does not redirect a page load to the refresh route', async () => {
    const { site, app, tokens } = await openSignedIn()
    site.clock.advance(3600)
    const { status, body } = await app.navigate('/page', {
      headers: { authorization: `Bearer ${tokens.accessToken}` },
    })
    expect([status, body]).toStrictEqual([401, { code: 'access_token_expired', refresh: true }])
  })
})
