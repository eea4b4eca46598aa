import { describe, expect, it } from 'vitest'
import { type Handler, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { decodeJwt } from '../support/jwt.ts'

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
const UNAVAILABLE = { status: 503, body: { code: 'unavailable' }, cookies: [] }
const BEARER = { 'pawl-transport': 'bearer', 'content-type': 'application/json' }

/** A logout route of the application. Browsers do not send it the refresh cookie. */
const bye: Handler = async (session) => Response.json({ ended: await session.revoke() })

/** A visitor with the access token of a process of a later release, which signs with an algorithm of its own. */
async function openLater(): Promise<{ site: Site; anna: Visitor; id: string; token: string }> {
  const site = await openSite()
  const anna = site.visitor()
  await anna.login()
  const [session] = await site.sessions.list('anna')
  const [key] = await site.store.keys()
  await site.store.insertKey({ ...key!, epoch: 2, kid: 'newer', algorithm: 'ES512' })
  site.clock.advance(60)
  await site.sessions.keys.rotate()
  const header = { alg: 'ES512', kid: 'newer', typ: 'at+jwt', crit: ['new'] }
  const [, payload] = decodeJwt(anna.jar.get(ACCESS)!).parts
  const token = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.AAAA`
  anna.jar.put(ACCESS, token, '/')
  return { site, anna, id: session!.sessionId, token }
}

describe('the access token of a later release', () => {
  it('is refreshed to one of this release, and keeps its cookies until then', async () => {
    const { anna } = await openLater()
    expect(await anna.me()).toMatchObject({
      status: 401,
      body: { code: 'access_token_invalid', refresh: true },
      cookies: [],
    })
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.me()).body).toMatchObject({ userId: 'anna' })
  })

  it('is not cleared by a logout that cannot tell which session to end', async () => {
    const { site, anna, id, token } = await openLater()
    const late = site.visitor(anna.jar.copy())
    const thrown: unknown[] = []
    const handler: Handler = (session) =>
      Promise.resolve(bye(session)).catch((error) => {
        thrown.push(error)
        throw error
      })
    expect(await anna.visit('POST', '/bye', { handler })).toMatchObject(UNAVAILABLE)
    expect(thrown).toMatchObject([{ code: 'ERR_SECRET_UNKNOWN' }])
    const headers = { ...BEARER, authorization: `Bearer ${token}` }
    expect(await site.visitor().logout({ headers })).toMatchObject(UNAVAILABLE)
    expect((await site.sessions.get(id))!.active).toBe(true)
    // The refresh cookie, which the logout route of Pawl receives, names the session.
    expect((await late.logout()).status).toBe(204)
    expect((await site.sessions.get(id))!.endReason).toBe('logout')
  })

  it('is cleared like any other text if no key of this installation has its `kid`', async () => {
    const { anna, token } = await openLater()
    const header = Buffer.from('{"alg":"ES512","kid":"none","typ":"at+jwt"}').toString('base64url')
    anna.jar.put(ACCESS, header + token.slice(token.indexOf('.')), '/')
    expect(await anna.visit('POST', '/bye', { handler: bye })).toMatchObject({ body: { ended: false } })
  })
})

describe('the refresh token of a later release', () => {
  it.each(['pawl_r4_short', `pawl_r10_${'long.'.repeat(300)}`])(
    'gets 503 and stays: %.14s',
    async (value) => {
      const { anna, site } = await openLater()
      anna.jar.put(REFRESH, value, '/session')
      expect(await anna.refresh()).toMatchObject(UNAVAILABLE)
      expect(await anna.logout()).toMatchObject(UNAVAILABLE)
      const body = JSON.stringify({ refreshToken: value })
      for (const method of ['refresh', 'logout'] as const)
        expect(await site.visitor()[method]({ headers: BEARER, body })).toMatchObject(UNAVAILABLE)
    },
  )
})
