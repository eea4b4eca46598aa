import { describe, expect, it } from 'vitest'
import { coded } from '../support/errors.ts'
import { type Handler, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { NEW_SECRET, SECRET } from '../support/secrets.ts'
import { listen, openSessions } from '../support/sessions.ts'

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
const DAY = 86_400

/** A logout route of the application. Browsers do not send it the refresh cookie. */
const bye: Handler = async (session) => Response.json({ ended: await session.revoke() })

/** Another process, which never knew the present keys while they signed. */
async function restart(site: Site): Promise<Site> {
  return openSite({}, { store: site.store, now: site.clock.now })
}

/** A visitor who was away until the key of the access token had retired and was pruned in the background. */
async function openAway(
  restarted: boolean,
  options: Parameters<typeof openSite>[1] = {},
): Promise<{ site: Site; anna: Visitor; id: string }> {
  const first = await openSite({}, options)
  const visitor = first.visitor()
  await visitor.login()
  const id = (await first.sessions.list('anna'))[0]!.sessionId
  await first.sessions.keys.rotate()
  first.clock.advance(3 * DAY)
  await first.sessions.create({ userId: 'somebody' })
  await first.sessions.prune()
  const site = restarted ? await restart(first) : first
  return { site, anna: site.visitor(visitor.jar), id }
}

describe.each([
  ['in a process that knew the key', false],
  ['in a process that started later', true],
])('an access token of a retired key, %s,', (_where, restarted) => {
  it('names the session that a logout route of the application ends', async () => {
    const { site, anna, id } = await openAway(restarted)
    const thief = site.visitor(anna.jar.copy())
    expect((await anna.visit('POST', '/bye', { handler: bye })).body).toStrictEqual({ ended: true })
    expect((await site.sessions.get(id))!.endReason).toBe('logout')
    expect((await thief.refresh()).body).toStrictEqual({ code: 'session_ended', refresh: false })
  })

  it('names the session that the logout route ends', async () => {
    const { site, anna, id } = await openAway(restarted)
    const thief = site.visitor(anna.jar.copy())
    const authorization = `Bearer ${anna.jar.get(ACCESS)}`
    expect((await site.visitor().logout({ headers: { authorization } })).status).toBe(204)
    expect((await site.sessions.get(id))!.endReason).toBe('logout')
    expect((await thief.refresh()).body).toStrictEqual({ code: 'session_ended', refresh: false })
  })

  it('names the session that a login ends', async () => {
    const { site, anna, id } = await openAway(restarted)
    const thief = site.visitor(anna.jar.copy())
    await anna.login({ userId: 'berta' })
    expect((await site.sessions.get(id))!.endReason).toBe('replaced')
    expect((await thief.refresh()).body).toStrictEqual({ code: 'session_replaced', refresh: 'once' })
  })

  it('chooses among refresh cookies', async () => {
    const { site, anna, id } = await openAway(restarted)
    const { refreshToken } = await site.sessions.create({ userId: 'mallory' })
    anna.jar.put(REFRESH, refreshToken.value, '/session', 'example.com')
    expect((await anna.refresh()).status).toBe(200)
    expect(site.sessions.verify(anna.jar.get(ACCESS)!).sessionId).toBe(id)
  })

  it('authenticates nobody', async () => {
    const { site, anna } = await openAway(restarted, { keys: { algorithm: 'EdDSA' } })
    const token = anna.jar.get(ACCESS)!
    const [header = ''] = token.split('.')
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
    const refused = { status: 401, body: { code: 'access_token_invalid', refresh: true } }
    const names: Handler = (session) => Response.json(session.current)
    expect(await anna.me()).toMatchObject(refused)
    expect(await anna.visit('GET', '/', { handler: names })).toMatchObject({ status: 200, body: null })
    // Also after a request that only named the session.
    await anna.visit('POST', '/other', {
      handler: (session) => Response.json(session.request.namedSessionIds.length),
    })
    expect(await anna.me()).toMatchObject(refused)
    expect(() => site.sessions.verify(token)).toThrow(coded('ERR_ACCESS_TOKEN_INVALID') as Error)
    expect(site.sessions.keys.jwks().keys.map((key) => key['kid'])).not.toContain(kid)
    expect(site.sessions.keys.list().find((key) => key.kid === kid)!.usable).toBe(false)
  })
})

it('an access token of a retired key names no session once its secret was dropped, and reports nothing', async () => {
  const { site, anna, id } = await openAway(false, { secret: SECRET })
  const changed = await openSessions({ store: site.store, now: site.clock.now, secret: [NEW_SECRET, SECRET] })
  await changed.keys.rotate()
  site.clock.advance(3600)
  const later = await openSite({}, { store: site.store, now: site.clock.now, secret: NEW_SECRET })
  const trouble = listen(later.sessions, 'keyTrouble')
  const { body } = await later.visitor(anna.jar).visit('POST', '/bye', { handler: bye })
  expect(body).toStrictEqual({ ended: false })
  expect((await site.sessions.get(id))!.active).toBe(true)
  expect(trouble).toStrictEqual([])
})

it('an access token of a deleted key names no session', async () => {
  const { site, anna, id } = await openAway(false)
  await site.store.deleteKeys(null)
  site.clock.advance(301)
  await site.sessions.create({ userId: 'somebody' })
  expect((await anna.visit('POST', '/bye', { handler: bye })).body).toStrictEqual({ ended: false })
  expect((await site.sessions.get(id))!.active).toBe(true)
})
