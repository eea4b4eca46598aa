import { describe, expect, it } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import { openSite, type Site, type Visitor } from '../support/http-site.ts'
import { FOREIGN_SECRET, NEW_SECRET, SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'
import { counting } from '../support/stores.ts'

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
const GONE = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax'
const MONTH = 'Expires=Thu, 31 Jan 2030 12:00:00 GMT; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax'

/** Clears every refresh cookie that earlier settings or a sibling subdomain may have left. */
const STRAYS = [
  `${REFRESH}=; Path=/; ${GONE}`,
  `${REFRESH}=; Path=/; ${GONE}; Domain=app.example.com`,
  `${REFRESH}=; Path=/; ${GONE}; Domain=example.com`,
  `${REFRESH}=; Path=/session; ${GONE}; Domain=app.example.com`,
  `${REFRESH}=; Path=/session; ${GONE}; Domain=example.com`,
]
const CLEARED = [`${ACCESS}=; Path=/; ${GONE}`, `${REFRESH}=; Path=/session; ${GONE}`]

const sessionOf = async (site: Site, anna: Visitor): Promise<string> =>
  site.withSession.read({ headers: new Headers({ cookie: `${ACCESS}=${anna.jar.get(ACCESS)}` }) })!.sessionId

async function openSignedIn(): Promise<{ site: Site; anna: Visitor; sessionId: string }> {
  const site = await openSite()
  const anna = site.visitor()
  await anna.login()
  return { site, anna, sessionId: await sessionOf(site, anna) }
}

/** Creates another session. @returns its refresh token */
async function tokenOf(site: Site, userId: string): Promise<{ sessionId: string; refreshToken: string }> {
  const { session, refreshToken } = await site.sessions.create({ userId })
  return { sessionId: session.sessionId, refreshToken: refreshToken.value }
}

describe('a request with several refresh cookies', () => {
  it('refreshes the genuine cookie and clears the others', async () => {
    const { anna } = await openSignedIn()
    anna.jar.put(REFRESH, 'garbage', '/session', 'example.com')
    anna.jar.put(REFRESH, `pawl_r1_${'A'.repeat(123)}`, '/session/refresh')
    const { status, cookies } = await anna.refresh()
    expect(status).toBe(200)
    expect(cookies).toStrictEqual([
      ...STRAYS,
      `${ACCESS}=<access>; Path=/; ${MONTH}`,
      `${REFRESH}=<refresh>; Path=/session; ${MONTH}`,
    ])
  })

  it('finds the genuine cookie behind a hundred planted ones', async () => {
    const { anna } = await openSignedIn()
    for (let i = 0; i < 100; i++)
      anna.jar.put(REFRESH, `planted${i}`, '/session/refresh', `d${i}.example.com`)
    expect((await anna.refresh()).status).toBe(200)
  })

  it('tries the next session that an access cookie names, if that of the first has ended', async () => {
    const site = await openSite({ cookies: { access: 'sid', refresh: 'srt' } })
    const [mallory, anna] = [site.visitor(), site.visitor()]
    await mallory.login({ userId: 'mallory' })
    await mallory.refresh()
    anna.jar.put('sid', mallory.jar.get('sid')!, '/', 'example.com')
    anna.jar.put('srt', mallory.jar.get('srt')!, '/session', 'example.com')
    await anna.login({ userId: 'anna' })
    site.clock.advance(900)
    expect((await anna.refresh()).status).toBe(200)
    expect(await anna.me()).toMatchObject({ status: 200, body: { userId: 'anna' } })
  })

  it.each([true, false])(
    'never tries a session that no access cookie names (with one: %s)',
    async (hasAccess) => {
      const { site, anna } = await openSignedIn()
      const { refreshToken } = await tokenOf(site, 'mallory')
      await anna.refresh()
      anna.jar.put(REFRESH, refreshToken, '/session', 'example.com')
      await site.sessions.revokeUser('anna')
      if (!hasAccess) anna.jar.delete(ACCESS)
      expect(await anna.refresh()).toMatchObject({ status: 401, body: { code: 'session_ended' } })
      expect((await site.sessions.list('mallory')).map(({ generation }) => generation)).toStrictEqual([0])
    },
  )

  it('prefers the session of the access cookie to a newer session', async () => {
    const { site, anna, sessionId } = await openSignedIn()
    site.clock.advance(1)
    const mallory = await tokenOf(site, 'mallory')
    anna.jar.put(REFRESH, mallory.refreshToken, '/session', 'example.com')
    expect((await anna.refresh()).status).toBe(200)
    expect(await sessionOf(site, anna)).toBe(sessionId)
    expect((await site.sessions.get(mallory.sessionId))!.active).toBe(true)
  })

  it('prefers the session of an expired access cookie too', async () => {
    const { site, anna, sessionId } = await openSignedIn()
    site.clock.advance(3600)
    const mallory = await tokenOf(site, 'mallory')
    anna.jar.put(REFRESH, mallory.refreshToken, '/session', 'example.com')
    expect((await anna.refresh()).status).toBe(200)
    expect(await sessionOf(site, anna)).toBe(sessionId)
  })

  it('refreshes the newest session if there is no access cookie', async () => {
    const { site, anna } = await openSignedIn()
    site.clock.advance(1)
    const newer = await tokenOf(site, 'anna')
    anna.jar.put(REFRESH, newer.refreshToken, '/session', 'example.com')
    anna.jar.delete(ACCESS)
    expect((await anna.refresh()).status).toBe(200)
    expect(await sessionOf(site, anna)).toBe(newer.sessionId)
  })

  it.each([
    [
      'prefers the session that a forged `__Host-` cookie names, which only this host can have set',
      undefined,
      0,
    ],
    ['ignores a forged cookie that a sibling subdomain can set', { domain: 'example.com' }, 1],
  ])('%s', async (_what, cookies, chosen) => {
    const site = await openSite(cookies === undefined ? {} : { cookies })
    const access = cookies === undefined ? ACCESS : '__Secure-pawl-access'
    const anna = site.visitor()
    await anna.login()
    const { sessionId } = (await site.sessions.list('anna'))[0]!
    site.clock.advance(1)
    const newer = await tokenOf(site, 'anna')
    anna.jar.put(REFRESH, newer.refreshToken, '/session', 'sub.example.com')
    const forged = `${anna.jar.get(access)!.slice(0, -4)}AAAA`
    anna.jar.put(access, forged, '/', cookies?.domain)
    expect((await anna.refresh()).status).toBe(200)
    const { sessionId: refreshed } = site.sessions.verify(anna.jar.get(access)!)
    expect(refreshed).toBe([sessionId, newer.sessionId][chosen])
  })

  it('refreshes the highest generation of a session, so that a stray older cookie is not reuse', async () => {
    const { site, anna } = await openSignedIn()
    const ancestor = anna.jar.get(REFRESH)!
    for (let turn = 0; turn < 3; turn++) {
      site.clock.advance(600)
      await anna.refresh()
      await anna.me()
      await site.sessions.flush()
    }
    anna.jar.put(REFRESH, ancestor, '/session', 'example.com')
    site.clock.advance(600)
    const { status, cookies } = await anna.refresh()
    expect(status).toBe(200)
    expect(cookies.slice(0, STRAYS.length)).toStrictEqual(STRAYS)
  })

  it('prefers a higher generation to a later response of a lower one', async () => {
    const { site, anna, sessionId } = await openSignedIn()
    const tab = site.visitor(anna.jar.copy())
    await anna.refresh()
    await anna.me()
    await site.sessions.flush()
    site.clock.advance(66)
    await anna.refresh()
    site.clock.advance(34)
    await tab.refresh()
    anna.jar.put(REFRESH, tab.jar.get(REFRESH)!, '/session/refresh')
    expect((await anna.refresh()).status).toBe(200)
    expect((await site.sessions.get(sessionId))!.generation).toBe(2)
  })

  it('sets the chosen cookie again shortly after a turn, because it may be among the cleared ones', async () => {
    const { anna } = await openSignedIn()
    await anna.refresh()
    const chosen = anna.jar.get(REFRESH)!
    anna.jar.delete(REFRESH)
    anna.jar.put(REFRESH, chosen, '/session', 'example.com')
    anna.jar.put(REFRESH, 'garbage', '/session/refresh')
    const { cookies } = await anna.refresh()
    expect(cookies).toStrictEqual([
      ...STRAYS,
      `${ACCESS}=<access>; Path=/; ${MONTH}`,
      `${REFRESH}=<refresh>; Path=/session; ${MONTH}`,
    ])
    expect(anna.jar.header('/session')).toContain(`${REFRESH}=${chosen}`)
  })

  it('clears none if the access cookie belongs to another session than all of them', async () => {
    const { site, anna } = await openSignedIn()
    const other = await tokenOf(site, 'anna')
    anna.jar.put(REFRESH, other.refreshToken, '/session')
    const { status, body, cookies } = await anna.refresh()
    expect(status).toBe(401)
    expect(body).toStrictEqual({ code: 'session_replaced', refresh: 'once' })
    expect(cookies).toStrictEqual([])
    expect((await site.sessions.get(other.sessionId))!.active).toBe(true)
  })

  it('clears all of them if none is genuine', async () => {
    const { anna } = await openSignedIn()
    anna.jar.put(REFRESH, 'garbage', '/session')
    anna.jar.put(REFRESH, 'more', '/session', 'example.com')
    const { status, body, cookies } = await anna.refresh()
    expect(status).toBe(401)
    expect(body).toStrictEqual({ code: 'refresh_token_invalid', refresh: false })
    expect(cookies).toStrictEqual([...STRAYS, ...CLEARED])
    expect(anna.jar.names).toStrictEqual([])
  })

  it('clears none if one of them comes from a secret that this process does not have yet', async () => {
    const { anna } = await openSignedIn()
    const elsewhere = await openSessions({ secret: [NEW_SECRET, SECRET] })
    const { refreshToken } = await elsewhere.create({ userId: 'anna' })
    anna.jar.put(REFRESH, 'garbage', '/session/refresh')
    anna.jar.put(REFRESH, refreshToken.value, '/session')
    const { status, body, cookies } = await anna.refresh()
    expect(status).toBe(503)
    expect(body).toStrictEqual({ code: 'unavailable' })
    expect(cookies).toStrictEqual([])
  })

  it('clears cookies of every parent domain, but not of a single label or an IP address', async () => {
    const { site } = await openSignedIn()
    const at = async (origin: string): Promise<string[]> => {
      const anna = site.visitor(undefined, origin)
      await anna.login()
      anna.jar.put(REFRESH, 'garbage', '/')
      const { cookies } = await anna.refresh()
      return cookies.flatMap((cookie) => /Domain=(.*)$/.exec(cookie)?.[1] ?? [])
    }
    expect(await at('https://192.0.2.7')).toStrictEqual([])
    expect(await at('https://intranet')).toStrictEqual([])
    expect(new Set(await at('https://a.b.c.d.e.example.com:8443'))).toStrictEqual(
      new Set(['c.d.e.example.com', 'd.e.example.com', 'e.example.com', 'example.com']),
    )
  })
})

describe('a request with several access cookies', () => {
  it('uses the first valid one', async () => {
    const site = await openSite({ cookies: { domain: 'example.com' } })
    const anna = site.visitor()
    await anna.login()
    anna.jar.put('__Secure-pawl-access', 'garbage', '/me')
    const foreign = await openSessions({ secret: FOREIGN_SECRET })
    const { accessToken } = await foreign.create({ userId: 'mallory' })
    anna.jar.put('__Secure-pawl-access', accessToken.value, '/')
    const { status, body } = await anna.me()
    expect(status).toBe(200)
    expect(body).toMatchObject({ userId: 'anna' })
  })
})

describe('a Cookie header', () => {
  it('of 64 kB with the genuine cookies is accepted', async () => {
    const { anna } = await openSignedIn()
    const noise = Array.from({ length: 1000 }, (_, i) => `noise${i}=${'x'.repeat(56)}`).join('; ')
    const genuine = anna.jar.header('/session/refresh')!
    const cookie = `${noise}; ${genuine}; ${noise}`
    expect(cookie.length).toBeGreaterThan(65_536)
    expect((await anna.refresh({ headers: { cookie } })).status).toBe(200)
  })

  it('of 64 kB with invalid refresh cookies is refused without a store call', async () => {
    const { store, calls } = counting(memory())
    const site = await openSite({}, { store })
    calls.length = 0
    const cookie = Array.from({ length: 2600 }, (_, i) => `${REFRESH}=${i}`).join('; ')
    expect(cookie.length).toBeGreaterThan(65_536)
    const { status, body } = await site.visitor().refresh({ headers: { cookie } })
    expect(status).toBe(401)
    expect(body).toStrictEqual({ code: 'refresh_token_invalid', refresh: false })
    expect(calls).toStrictEqual([])
  })

  it.each([
    [
      'non-ASCII text',
      `${ACCESS}=h\u00e9\u00df; ${REFRESH}=\u00ff\u00fe`,
      'refresh_token_invalid',
      'access_token_invalid',
    ],
    ['no equals sign', `${ACCESS}; ${REFRESH}`, 'not_signed_in', 'not_signed_in'],
    ['empty values', `${ACCESS}=; ${REFRESH}=`, 'not_signed_in', 'not_signed_in'],
    [
      'other spellings',
      `${ACCESS.toUpperCase()}=x; ${REFRESH.toLowerCase()}=x`,
      'not_signed_in',
      'not_signed_in',
    ],
    ['longer names', `x${ACCESS}=x; ${REFRESH}x=x`, 'not_signed_in', 'not_signed_in'],
    ['only separators', ';;; ; =; ==;', 'not_signed_in', 'not_signed_in'],
  ])('with %s gets an ordinary 401', async (_what, cookie, refresh, access) => {
    const { visitor } = await openSite()
    expect((await visitor().refresh({ headers: { cookie } })).body).toMatchObject({ code: refresh })
    expect((await visitor().me({ headers: { cookie } })).body).toMatchObject({ code: access })
  })
})
