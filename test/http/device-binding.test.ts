import { describe, expect, it } from 'vitest'
import type { SessionRow } from '../../src/core/store.ts'
import type { SessionsOptions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import {
  challengeIn,
  createDevice,
  type DbscVisitor,
  DEVICE_COOKIE,
  dbscProof,
  dbscVisitor,
  provingClient,
  registrationIn,
} from '../support/device.ts'
import { fragile } from '../support/http-outage.ts'
import { type Answer, type Handler, openSite, type Site } from '../support/http-site.ts'
import { decodeJwt } from '../support/jwt.ts'
import { listen } from '../support/sessions.ts'

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
/** Longer than the life of an access token. */
const EXPIRED = 901
const CLEARED_DEVICE =
  '__Host-pawl-device=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax'
const PROOF_REQUIRED = { status: 401, body: { code: 'device_proof_required', refresh: true } }
/** The cookies stay: they may be those of the login that ended it. */
const DEVICE_ENDED = { status: 401, body: { code: 'session_ended', refresh: 'once' }, cookies: [] }
const ENDED = { status: 401, body: { code: 'session_ended', refresh: false } }

const offering = (options: Parameters<typeof openSite>[1] = {}, http: Parameters<typeof openSite>[0] = {}) =>
  openSite(http, { deviceBinding: 'offer', ...options })

async function openBound(): Promise<{ site: Site; anna: DbscVisitor; sessionId: string }> {
  const site = await offering()
  const anna = dbscVisitor(site)
  await anna.login()
  await anna.me()
  const { sessionId } = (await site.sessions.list('anna'))[0]!
  return { site, anna, sessionId }
}

/** The question of a browser without a challenge. */
const ask = (anna: DbscVisitor, id: string): Promise<Answer> =>
  anna.visit('POST', '/session/device', { headers: { 'sec-secure-session-id': id } })
const rowOf = async ({ store, sessions }: Site, userId = 'anna') =>
  store.read((await sessions.list(userId))[0]!.sessionId)
const namesIn = ({ cookies }: Answer): string[] => cookies.map((cookie) => cookie.split(/[=]/, 1)[0]!)
const claimsOf = ({ jar }: Pick<DbscVisitor, 'jar'>) => decodeJwt(jar.get(ACCESS)!).payload

describe('a browser with Device Bound Session Credentials', () => {
  it('registers with the login, is bound by its first proof, and has the device in the next access token', async () => {
    const site = await offering()
    const bound = listen(site.sessions, 'deviceBound')
    const anna = dbscVisitor(site)
    const login = await anna.login()
    expect(login.headers.get('secure-session-registration')).toMatch(
      /^\(ES256\);path="\/session\/device";challenge="pawl_d1_[\w-]{128}"$/,
    )
    expect((login.body as { deviceChallenge: string }).deviceChallenge).toBe(registrationIn(login))
    expect((await rowOf(site))!.device).toBeNull()
    expect(anna.jar.get(DEVICE_COOKIE)).toBeUndefined()

    await anna.me({ headers: { 'user-agent': 'Browser' } })
    const [registration] = anna.registrations
    expect(anna.proofs.map(({ status }) => status)).toStrictEqual([200, 200])
    const { device, userId, sessionId } = (await site.sessions.list('anna'))[0]!
    expect(device).toStrictEqual({ kind: 'dbsc', thumbprint: registration!.device.thumbprint })
    expect(bound).toMatchObject([{ sessionId, userId, kind: 'dbsc', thumbprint: device!.thumbprint }])
    expect(claimsOf(anna)['cnf']).toBeUndefined()

    site.clock.advance(EXPIRED)
    const refreshed = await anna.refresh()
    expect(refreshed.status).toBe(200)
    expect(namesIn(refreshed)).toStrictEqual([ACCESS, REFRESH])
    expect(challengeIn(refreshed)).toMatch(/^pawl_d1_/)
    expect(refreshed.headers.get('dpop-nonce')).toBeNull()
    expect(claimsOf(anna)).toMatchObject({ cnf: { jkt: device!.thumbprint } })
    expect(claimsOf(anna)['gen']).toBeUndefined()
  })

  it('gets its instructions, the device cookie and the next challenge for a proof', async () => {
    const { site, anna } = await openBound()
    const { id, device, challenge } = anna.registrations[0]!
    const answer = await site.visitor(anna.jar).visit('POST', '/session/device', {
      headers: {
        'sec-secure-session-id': `"${id}"`,
        'secure-session-response': `"${dbscProof(device, challenge!)}"`,
      },
    })
    expect(answer.body).toStrictEqual({
      session_identifier: id,
      refresh_url: '/session/device',
      scope: { include_site: false },
      credentials: [
        { type: 'cookie', name: DEVICE_COOKIE, attributes: 'Path=/; HttpOnly; Secure; SameSite=Lax' },
      ],
    })
    expect(answer.cookies).toStrictEqual([
      '__Host-pawl-device=<device>; Path=/; Expires=Tue, 01 Jan 2030 12:10:00 GMT; Max-Age=600; HttpOnly; Secure; SameSite=Lax',
    ])
    expect(answer.headers.get('secure-session-challenge')).toMatch(
      new RegExp(`^"pawl_d1_[\\w-]{128}";id="${id}"$`),
    )
    expect(answer.headers.get('cache-control')).toBe('private, no-store')
  })

  it('stays signed in for hours, with one proof for each refresh and no alarm', async () => {
    const { site, anna } = await openBound()
    const alarms = [listen(site.sessions, 'deviceProofMissing'), listen(site.sessions, 'deviceMismatch')]
    for (let hour = 0; hour < 20; hour++) {
      site.clock.advance(hour % 2 === 0 ? EXPIRED : 601)
      if ((await anna.me()).status === 200) continue
      expect((await anna.refresh()).status).toBe(200)
      expect((await anna.me()).status).toBe(200)
    }
    expect(alarms).toStrictEqual([[], []])
    expect((await rowOf(site))!.generation).toBeGreaterThan(5)
  })

  it('proves itself with a cached challenge, so that a proof costs no read', async () => {
    const { site, anna } = await openBound()
    site.clock.advance(EXPIRED)
    await anna.refresh()
    site.clock.advance(EXPIRED)
    await anna.refresh()
    expect(anna.proofs.slice(2)).toMatchObject([{ status: 200 }, { status: 200 }])
  })

  it('signs once more if its challenge is out of date or missing', async () => {
    const { site, anna } = await openBound()
    site.clock.advance(86_400)
    expect((await anna.refresh()).status).toBe(200)
    site.clock.advance(EXPIRED)
    anna.registrations[0]!.challenge = null
    expect((await anna.refresh()).status).toBe(200)
    expect(anna.proofs.slice(2).map(({ status }) => status)).toStrictEqual([403, 200, 403, 200])
  })

  it.each(['registration', 'first proof'])('is not locked out by a lost answer to its %s', async (lost) => {
    const site = await offering()
    const anna = dbscVisitor(site)
    if (lost === 'registration') anna.loseAnswer()
    await anna.login()
    if (lost === 'first proof') anna.loseAnswer()
    for (let hour = 0; hour < 3; hour++) {
      expect((await anna.me()).status).toBe(200)
      site.clock.advance(EXPIRED)
      expect((await anna.refresh()).status).toBe(200)
    }
    expect((await rowOf(site))!.device === null).toBe(lost === 'registration')
  })

  it('keeps its registration if it has no challenge while its first proof may be under way', async () => {
    const site = await offering()
    const anna = dbscVisitor(site)
    await anna.login()
    const confirm = anna.registrations[0]!.challenge!
    anna.registrations[0]!.challenge = null
    // The browser asks again without a challenge while the proof is on its way.
    await anna.me()
    expect(anna.registrations).toHaveLength(1)
    anna.registrations[0]!.challenge = confirm
    await anna.me()
    expect((await rowOf(site))!.device).not.toBeNull()
    site.clock.advance(EXPIRED)
    expect((await anna.refresh()).status).toBe(200)
  })

  it('loses its registration with the session', async () => {
    const { site, anna, sessionId } = await openBound()
    await site.sessions.revoke(sessionId)
    site.clock.advance(601)
    expect(await anna.me()).toMatchObject(ENDED)
    expect(anna.registrations).toStrictEqual([])
    expect((await anna.login()).status).toBe(200)
    await anna.me()
    expect((await rowOf(site))!.device).not.toBeNull()
  })

  it('loses its registration and the device cookie by a logout', async () => {
    const { anna } = await openBound()
    const logout = await anna.logout()
    expect(logout.status).toBe(204)
    // With less than two minutes left, the browser asks the device route in the background.
    const lifetime = 'Expires=Tue, 01 Jan 2030 12:01:00 GMT; Max-Age=60'
    expect(logout.cookies).toContain(
      `${DEVICE_COOKIE}=signed-out; Path=/; ${lifetime}; HttpOnly; Secure; SameSite=Lax`,
    )
    expect(anna.jar.names).toStrictEqual([DEVICE_COOKIE])
    const { id } = anna.registrations[0]!
    const answer = await ask(anna, id)
    expect(answer).toMatchObject({ status: 200, body: { session_identifier: id, continue: false } })
    expect(anna.jar.names).toStrictEqual([])
    // Without any cookie, a page of another site may have begun the request: that must not cost the key.
    expect(await ask(anna, id)).toMatchObject({ status: 503, body: { code: 'try_again' } })
  })

  it('ends the old registration, and keeps the cookies, after a new login without a logout', async () => {
    const { site, anna } = await openBound()
    const old = anna.registrations[0]!.id
    await anna.login({ userId: 'berta' })
    expect(anna.registrations).toHaveLength(2)
    site.clock.advance(EXPIRED)
    const { status } = await anna.refresh()
    expect(status).toBe(200)
    expect(anna.registrations.map(({ id }) => id)).not.toContain(old)
    expect((await rowOf(site, 'berta'))!.device).not.toBeNull()
  })

  it('ends a registration with an answer that keeps the cookies of the new login', async () => {
    const { site, anna } = await openBound()
    const { id, device, challenge } = anna.registrations[0]!
    await anna.login({ userId: 'berta' })
    await anna.me()
    expect(anna.jar.get(DEVICE_COOKIE)).toBeDefined()
    const answer = await site.visitor(anna.jar).visit('POST', '/session/device', {
      headers: { 'sec-secure-session-id': id, 'secure-session-response': dbscProof(device, challenge!) },
    })
    expect(answer).toMatchObject({
      status: 200,
      body: { session_identifier: id, continue: false },
      cookies: [],
    })
  })
})

describe('a copy of all cookies of a bound browser', () => {
  it('is refused once the device cookie is over, which raises an event and changes nothing', async () => {
    const { site, anna, sessionId } = await openBound()
    const missing = listen(site.sessions, 'deviceProofMissing')
    site.clock.advance(EXPIRED)
    const thief = site.visitor(anna.jar.copy())
    const before = await rowOf(site)
    const refused = await thief.refresh({
      headers: { 'user-agent': 'Thief' },
      info: { ip: '192.0.2.7' },
    })
    expect(refused).toMatchObject(PROOF_REQUIRED)
    expect(refused.cookies).toStrictEqual([CLEARED_DEVICE])
    expect(challengeIn(refused)).toMatch(/^pawl_d1_/)
    expect(refused.headers.get('cache-control')).toBe('private, no-store')
    expect(missing).toStrictEqual([{ sessionId, userId: 'anna', ip: '192.0.2.7', userAgent: 'Thief' }])
    expect(await rowOf(site)).toStrictEqual(before)
    expect(await thief.refresh()).toMatchObject({ ...PROOF_REQUIRED, cookies: [] })
    expect((await anna.refresh()).status).toBe(200)
  })

  it('with a fresh device cookie gets one refresh of that token and nothing more', async () => {
    const { site, anna } = await openBound()
    site.clock.advance(EXPIRED)
    await anna.prove()
    const thief = site.visitor(anna.jar.copy())
    expect((await thief.refresh()).status).toBe(200)
    // His access token moves no row: the owner has proved nothing with it.
    expect((await thief.me()).status).toBe(200)
    await site.sessions.flush()
    expect((await rowOf(site))!.generation).toBe(0)
    expect(await thief.refresh()).toMatchObject(PROOF_REQUIRED)
    expect((await thief.me()).status).toBe(200)
    site.clock.advance(601)
    expect((await thief.me()).status).toBe(401)
    for (let hour = 0; hour < 3; hour++) {
      expect((await anna.refresh()).status).toBe(200)
      expect((await thief.refresh()).status).toBe(401)
      site.clock.advance(EXPIRED)
    }
  })

  it('ends the session with a fresh proof of a superseded token, and never with an old one', async () => {
    const { site, anna } = await openBound()
    site.clock.advance(EXPIRED)
    await anna.refresh()
    const { device, challenge } = anna.registrations[0]!
    anna.jar.delete(DEVICE_COOKIE)
    await anna.prove()
    const thief = site.visitor(anna.jar.copy())
    for (let turn = 0; turn < 5; turn++) {
      anna.jar.delete(DEVICE_COOKIE)
      site.clock.advance(100)
      expect((await anna.refresh()).status).toBe(200)
    }
    expect((await rowOf(site))!.generation).toBe(3)
    const reused = listen(site.sessions, 'reused')
    expect(await thief.refresh()).toMatchObject({ ...PROOF_REQUIRED, cookies: [CLEARED_DEVICE] })
    expect((await anna.refresh()).status).toBe(200)
    expect(reused).toStrictEqual([])
    // Over a fresh challenge, the device itself vouches for the superseded token.
    const headers = { 'sec-secure-session-id': anna.registrations[0]!.id }
    const prove = async (over: string) =>
      thief.visit('POST', '/session/device', {
        headers: { ...headers, 'secure-session-response': dbscProof(device, over) },
      })
    expect((await prove(challenge!)).status).toBe(200)
    expect(await thief.refresh()).toMatchObject(PROOF_REQUIRED)
    const fresh = challengeIn(await prove('stale'))
    expect((await prove(fresh!)).status).toBe(200)
    expect(await thief.refresh()).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
    expect((await rowOf(site))!.endReason).toBe('reuse')
  })

  it('signs in again as the way back of a browser that has lost its key, and ends the old session as device', async () => {
    const { site, anna } = await openBound()
    site.clock.advance(EXPIRED)
    await anna.refresh()
    anna.forget()
    site.clock.advance(EXPIRED)
    expect(await anna.refresh()).toMatchObject(PROOF_REQUIRED)
    expect((await anna.login()).status).toBe(200)
    const ends = (await site.sessions.list('anna')).map(({ endReason }) => endReason)
    expect(ends.toSorted()).toStrictEqual(['device', null].toSorted())
  })
})

describe('a page load of a bound session', () => {
  it('proves the device through the refresh route, and goes on as the user', async () => {
    const { site, anna } = await openBound()
    const missing = listen(site.sessions, 'deviceProofMissing')
    site.clock.advance(EXPIRED)
    // Another site has started it, so the browser has not proved itself before.
    const held = site.visitor(anna.jar)
    anna.jar.delete(DEVICE_COOKIE)
    const first = await held.navigate('/orders')
    const second = await held.navigate(first.headers.get('location')!)
    expect(second).toMatchObject({ status: 200, cookies: [] })
    expect(second.headers.get('content-security-policy')).toContain("default-src 'none'")
    const next = /^0;url=(\/session\/refresh\?to=%2Forders&pawl-resumed=\w+)$/.exec(
      second.headers.get('refresh') ?? '',
    )?.[1]
    const third = await anna.navigate(next!)
    expect(third.status).toBe(303)
    expect(namesIn(third)).toStrictEqual([ACCESS, REFRESH])
    const fourth = await anna.navigate(third.headers.get('location')!)
    expect([fourth.status, fourth.headers.get('location')]).toStrictEqual([303, '/orders'])
    expect((await anna.navigate('/orders')).body).toMatchObject({ userId: 'anna' })
    expect(missing).toStrictEqual([])
  })

  it('without the key shows the page of a visitor once, and keeps the cookies', async () => {
    const { site, anna } = await openBound()
    anna.forget()
    site.clock.advance(EXPIRED)
    const page = { info: { optional: true }, handler: visitorsPage }
    const missing = listen(site.sessions, 'deviceProofMissing')
    const first = await anna.navigate('/', page)
    const second = await anna.navigate(first.headers.get('location')!)
    const third = await anna.navigate(/url=(.+)$/.exec(second.headers.get('refresh')!)![1]!)
    expect(third.status).toBe(303)
    const last = await anna.navigate(third.headers.get('location')!, page)
    expect([last.status, last.text]).toStrictEqual([200, 'visitor'])
    expect(anna.jar.names).toStrictEqual([ACCESS, REFRESH].toSorted())
    expect(missing).toHaveLength(1)
    expect((await rowOf(site))!.endReason).toBeNull()
  })

  it('with inline refresh takes the same way, and a proven one is refreshed in place', async () => {
    const site = await offering({}, { refresh: 'inline' })
    const anna = dbscVisitor(site)
    await anna.login()
    await anna.me()
    site.clock.advance(EXPIRED)
    const proven = await anna.visit('POST', '/order', { info: { required: true } })
    expect(proven).toMatchObject({ status: 200, body: { userId: 'anna' } })
    expect(challengeIn(proven)).toMatch(/^pawl_d1_/)
    site.clock.advance(EXPIRED)
    anna.jar.delete(DEVICE_COOKIE)
    const held = site.visitor(anna.jar)
    const unproven = await held.visit('POST', '/order', { info: { required: true } })
    expect(unproven).toMatchObject(PROOF_REQUIRED)
    const first = await held.navigate('/orders')
    expect(first.status).toBe(303)
    expect(first.headers.get('location')).toBe('/session/refresh?to=%2Forders')
  })
})

const visitorsPage: Handler = (session) => new Response(session.current === null ? 'visitor' : session.userId)

describe.each(['cookie', 'bearer'] as const)('a client with a key of its own in %s mode', (mode) => {
  const open = async (options = {}) => {
    const site = await offering(options)
    const anna = provingClient(site, mode)
    await anna.login()
    return { site, anna }
  }
  const accessOf = (anna: ReturnType<typeof provingClient>) =>
    decodeJwt(mode === 'cookie' ? anna.jar.get(ACCESS)! : anna.tokens.accessToken).payload

  it('binds its session, and refreshes with one proof each', async () => {
    const { site, anna } = await open()
    const bound = listen(site.sessions, 'deviceBound')
    const registered = await anna.register()
    expect(registered.status).toBe(200)
    expect(registered.headers.get('dpop-nonce')).toMatch(/^pawl_d1_/)
    expect(registered.headers.get('secure-session-challenge')).toBeNull()
    expect(namesIn(registered)).toStrictEqual(mode === 'cookie' ? [ACCESS] : [])
    expect(Object.keys(registered.body as object).toSorted()).toStrictEqual(
      mode === 'cookie' ? ['expiresIn', 'marker'] : ['accessToken', 'expiresIn', 'refreshToken'],
    )
    const kind = mode === 'cookie' ? 'webcrypto' : 'native'
    const { thumbprint } = anna.device
    expect((await site.sessions.list('anna'))[0]!.device).toStrictEqual({ kind, thumbprint })
    expect(bound).toMatchObject([{ kind, thumbprint, userId: 'anna' }])
    expect(accessOf(anna)).toMatchObject({ cnf: { jkt: thumbprint } })
    for (const generation of [1, 1, 2, 2]) {
      site.clock.advance(EXPIRED)
      const refreshed = await anna.refreshWith(anna.proofFor('refresh', anna.nonce))
      expect(refreshed.status).toBe(200)
      expect(accessOf(anna)['gen']).toBeUndefined()
      expect((await anna.me()).body).toMatchObject({ generation })
    }
  })

  it('may register the same key again, and no other one', async () => {
    const { site, anna } = await open()
    const registered = [await anna.register(), await anna.register()]
    expect(registered.map(({ status }) => status)).toStrictEqual([200, 200])
    const other = provingClient(site, mode, anna.jar, createDevice())
    Object.assign(other.tokens, anna.tokens)
    const { deviceChallenge } = (await anna.login()).body as { deviceChallenge: string }
    await anna.register(deviceChallenge)
    Object.assign(other.tokens, anna.tokens)
    const refused = await other.register(deviceChallenge)
    expect(refused).toMatchObject({ status: 403, body: { code: 'device_mismatch' }, cookies: [] })
    const { device } = (await site.sessions.list('anna')).find(({ active }) => active)!
    expect(device!.thumbprint).toBe(anna.device.thumbprint)
  })

  it('without a proof gets 401 and the next challenge, keeps its tokens and raises an event', async () => {
    const { site, anna } = await open()
    await anna.register()
    site.clock.advance(EXPIRED)
    const missing = listen(site.sessions, 'deviceProofMissing')
    const before = await rowOf(site)
    const refused = await anna.refreshWith(null)
    expect(refused).toMatchObject({ ...PROOF_REQUIRED, cookies: [] })
    expect(refused.headers.get('dpop-nonce')).toMatch(/^pawl_d1_/)
    expect(missing).toHaveLength(1)
    expect(await rowOf(site)).toStrictEqual(before)
    expect((await anna.proven()).status).toBe(200)
  })

  it('signs once more over a new challenge, which is no alarm', async () => {
    const { site, anna } = await open()
    await anna.register()
    const alarms = [listen(site.sessions, 'deviceProofMissing'), listen(site.sessions, 'deviceMismatch')]
    const nonce = anna.nonce
    site.clock.advance(86_400)
    const refused = await anna.refreshWith(anna.proofFor('refresh', nonce))
    expect(refused).toMatchObject(PROOF_REQUIRED)
    expect((await anna.proven()).status).toBe(200)
    // Neither is a proof without any challenge.
    expect(await anna.refreshWith(anna.proofFor('refresh', null))).toMatchObject(PROOF_REQUIRED)
    expect(alarms).toStrictEqual([[], []])
  })

  it('is refused with the key of another device, which raises an event', async () => {
    const { site, anna } = await open()
    await anna.register()
    const mismatch = listen(site.sessions, 'deviceMismatch')
    const thief = provingClient(site, mode, anna.jar.copy(), createDevice())
    Object.assign(thief.tokens, anna.tokens)
    expect(await thief.refreshWith(thief.proofFor('refresh', anna.nonce))).toMatchObject(PROOF_REQUIRED)
    expect(mismatch).toHaveLength(1)
    expect((await rowOf(site))!.endReason).toBeNull()
  })

  it('ends the session with a fresh proof of a superseded token, and never with a captured one', async () => {
    const { site, anna } = await open()
    await anna.register()
    const stolen = { jar: anna.jar.copy(), tokens: { ...anna.tokens }, nonce: anna.nonce }
    for (let turn = 0; turn < 4; turn++) {
      site.clock.advance(100)
      expect((await anna.proven()).status).toBe(200)
    }
    const thief = provingClient(site, mode, stolen.jar, anna.device)
    Object.assign(thief.tokens, stolen.tokens)
    expect(await thief.refreshWith(thief.proofFor('refresh', stolen.nonce))).toMatchObject(PROOF_REQUIRED)
    expect((await rowOf(site))!.endReason).toBeNull()
    expect(await thief.refreshWith(thief.proofFor('refresh', thief.nonce))).toMatchObject({
      body: { code: 'refresh_token_reused' },
    })
    expect((await rowOf(site))!.endReason).toBe('reuse')
  })

  it('is bound again if the database has lost the key', async () => {
    const { site, anna } = await open({ deviceBinding: 'require' })
    const backup = await rowOf(site)
    await anna.register()
    const restored = await restore(site, backup!, { deviceBinding: 'require' })
    const late = provingClient(restored, mode, anna.jar, anna.device)
    Object.assign(late.tokens, anna.tokens)
    site.clock.advance(EXPIRED)
    expect((await late.refreshWith(anna.proofFor('refresh', anna.nonce))).status).toBe(200)
    const kind = mode === 'cookie' ? 'webcrypto' : 'native'
    expect((await restored.sessions.list('anna'))[0]!.device).toStrictEqual({
      kind,
      thumbprint: anna.device.thumbprint,
    })
  })
})

/** The same application with a database that knows only this row. */
async function restore(
  { clock }: Site,
  row: SessionRow,
  options: Partial<SessionsOptions> = {},
): Promise<Site> {
  const store = memory()
  const restored = await offering({ store, now: clock.now, ...options })
  await store.insert(row)
  return { ...restored, clock }
}

const refreshTimes = (site: Site, anna: DbscVisitor, times: number) =>
  Array.from({ length: times }).reduce<Promise<void>>(async (before) => {
    await before
    site.clock.advance(EXPIRED)
    expect((await anna.refresh()).status).toBe(200)
  }, Promise.resolve())

describe('a bound session', () => {
  it('stays bound through a reauthentication, a raise of rights and new tokens for others ended', async () => {
    const { site, anna } = await openBound()
    await refreshTimes(site, anna, 1)
    const key = (await rowOf(site))!.device
    for (const handler of [reauthenticate, raise, revokeOthers]) {
      site.clock.advance(100)
      const answer = await anna.visit('POST', '/renew', { handler })
      expect(answer.status).toBe(200)
      expect(registrationIn(answer)).toBeNull()
      expect(answer.text).not.toContain('deviceChallenge')
      expect(claimsOf(anna)['cnf']).toBeDefined()
      await refreshTimes(site, anna, 3)
    }
    expect((await rowOf(site))!.device).toStrictEqual(key)
  })

  it('gets without a proof no access token that lives longer than that of the request', async () => {
    const { site, anna } = await openBound()
    await refreshTimes(site, anna, 1)
    const before = claimsOf(anna)['exp'] as number
    site.clock.advance(before - site.clock.now() / 1000 - 20)
    const thief = site.visitor(anna.jar.copy())
    for (const handler of [raise, revokeOthers, actAs]) {
      expect((await thief.visit('POST', '/renew', { handler })).status).toBe(200)
      expect(claimsOf(thief)['exp'] as number).toBeLessThanOrEqual(before)
    }
  })

  it('may be left for acting, and returns from it with a proof', async () => {
    const { site, anna } = await openBound()
    await refreshTimes(site, anna, 1)
    expect((await anna.visit('POST', '/act', { handler: actAs })).status).toBe(200)
    expect((await anna.me()).body).toMatchObject({ userId: 'berta' })
    site.clock.advance(EXPIRED)
    const thief = site.visitor(anna.jar.copy())
    expect(await thief.refresh()).toMatchObject(PROOF_REQUIRED)
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.me()).body).toMatchObject({ userId: 'berta' })
    expect((await anna.visit('POST', '/stop', { handler: stopActing })).status).toBe(200)
    expect((await thief.refresh()).status).toBe(401)
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.me()).body).toMatchObject({ userId: 'anna' })
  })

  it('with short access tokens raises no alarm for its own browser either', async () => {
    const site = await offering({ accessToken: { lifetime: 120 } })
    const anna = dbscVisitor(site)
    await anna.login()
    const alarms = [listen(site.sessions, 'deviceProofMissing'), listen(site.sessions, 'deviceMismatch')]
    for (let turn = 0; turn < 20; turn++) {
      site.clock.advance(121)
      const first = await anna.refresh()
      if (first.status === 401) expect((await anna.refresh()).status).toBe(200)
    }
    expect(alarms).toStrictEqual([[], []])
  })

  it('is proven without the database, and refused by nothing but 503 while that is away', async () => {
    const { store, ...outage } = breakable()
    const site = await offering({ store })
    const anna = dbscVisitor(site)
    await anna.login()
    outage.begin()
    await anna.me()
    expect(anna.registrations).toHaveLength(1)
    outage.end()
    await refreshTimes(site, anna, 1)
    outage.begin()
    site.clock.advance(EXPIRED)
    expect(await anna.refresh()).toMatchObject({ status: 503, body: { code: 'unavailable' }, cookies: [] })
    expect(anna.registrations).toHaveLength(1)
    outage.end()
    expect((await anna.refresh()).status).toBe(200)
  })

  it('is put off, not refused, while the browser skips its proofs', async () => {
    const { site, anna, sessionId } = await openBound()
    const row = await site.store.read(sessionId)
    site.clock.advance(EXPIRED)
    const skipping = site.visitor(anna.jar)
    const headers = { 'secure-session-skipped': 'quota_exceeded;session_identifier="x"' }
    expect(await skipping.refresh({ headers })).toMatchObject({
      status: 503,
      body: { code: 'try_again' },
      cookies: [],
    })
    expect(await site.store.read(sessionId)).toStrictEqual(row)
    expect((await anna.refresh()).status).toBe(200)
  })

  it('has a limit of its own for refreshes without a proof, which the owner does not meet', async () => {
    const { site, anna } = await openBound()
    const missing = listen(site.sessions, 'deviceProofMissing')
    site.clock.advance(EXPIRED)
    const thief = site.visitor(anna.jar.copy())
    for (let attempt = 0; attempt < 60; attempt++) expect((await thief.refresh()).status).toBe(401)
    expect(await thief.refresh()).toMatchObject({ status: 503, body: { code: 'try_again' }, cookies: [] })
    expect(missing).toHaveLength(60)
    expect((await anna.refresh()).status).toBe(200)
  })

  it('is bound again by its browser if the database has lost the key', async () => {
    const site = await offering({ deviceBinding: 'require' })
    const anna = dbscVisitor(site)
    await anna.login()
    const backup = await rowOf(site)
    await anna.me()
    const restored = await restore(site, backup!, { deviceBinding: 'require' })
    site.clock.advance(EXPIRED)
    await anna.prove()
    expect((await restored.visitor(anna.jar).refresh()).status).toBe(200)
    expect((await restored.sessions.list('anna'))[0]!.device!.kind).toBe('dbsc')
  })

  it('is checked also while binding is off', async () => {
    const { site, anna } = await openBound()
    const row = (await rowOf(site))!
    const off = await restore(site, row, { deviceBinding: 'off' })
    site.clock.advance(EXPIRED)
    anna.jar.delete(DEVICE_COOKIE)
    expect(await off.visitor(anna.jar).refresh()).toMatchObject(PROOF_REQUIRED)
    await anna.prove()
    expect((await off.visitor(anna.jar).refresh()).status).toBe(200)
  })
})

describe('the option `deviceBinding`', () => {
  it('off asks nobody to register, and a reauthentication of an unbound session asks where it is on', async () => {
    const off = await openSite()
    const anna = off.visitor()
    const login = await anna.login()
    expect(registrationIn(login)).toBeNull()
    expect(login.body).not.toHaveProperty('deviceChallenge')
    const site = await restore(off, (await rowOf(off))!)
    site.clock.advance(EXPIRED)
    const late = dbscVisitor(site, anna.jar)
    expect(registrationIn(await late.refresh())).toBeNull()
    const confirmed = await late.visit('POST', '/confirm', { handler: reauthenticate })
    expect(registrationIn(confirmed)).toMatch(/^pawl_d1_/)
    await late.me()
    await refreshTimes(site, late, 3)
    expect((await rowOf(site))!.device).not.toBeNull()
  })

  it('asks no browser to register whose cookies belong to several hosts, or need no https', async () => {
    const http = { cookies: { sameSite: 'none', partitioned: true } } as const
    const embedded = await (await offering({}, http)).visitor().login()
    expect(registrationIn(embedded)).toBeNull()
    expect(embedded.body).toHaveProperty('deviceChallenge')
    const local = await (await offering()).visitor(undefined, 'http://localhost:3000').login()
    expect(registrationIn(local)).toBeNull()
    expect(local.body).toHaveProperty('deviceChallenge')
    await expect(offering({}, { cookies: { domain: 'example.com' } })).rejects.toThrow(
      'no domain with `deviceBinding`',
    )
  })

  it('require gives an unbound session ten minutes, to the millisecond, and ends it as device', async () => {
    const site = await offering({ deviceBinding: 'require' })
    const ended = listen(site.sessions, 'ended')
    const [anna, berta] = [site.visitor(), site.visitor()]
    expect((await anna.login()).body).toMatchObject({ expiresIn: 600 })
    await berta.login({ userId: 'berta' })
    site.clock.advance(599.999)
    expect((await anna.me()).status).toBe(200)
    expect((await anna.refresh()).body).toMatchObject({ expiresIn: 0 })
    site.clock.advance(0.001)
    expect((await berta.me()).status).toBe(401)
    expect(await berta.refresh()).toMatchObject(DEVICE_ENDED)
    expect(ended).toMatchObject([{ userId: 'berta', reason: 'device' }])
  })

  it('require counts from the reauthentication, and never ends a bound session', async () => {
    const site = await offering({ deviceBinding: 'require' })
    const [anna, berta] = [site.visitor(), dbscVisitor(site)]
    await anna.login()
    await berta.login({ userId: 'berta' })
    await berta.me()
    site.clock.advance(590)
    expect((await anna.visit('POST', '/confirm', { handler: reauthenticate })).status).toBe(200)
    site.clock.advance(590)
    expect((await anna.refresh()).status).toBe(200)
    site.clock.advance(11)
    expect(await anna.refresh()).toMatchObject(DEVICE_ENDED)
    await refreshTimes(site, berta, 5)
  })
})

const reauthenticate: Handler = async (session) => Response.json(await session.reauthenticate())
const raise: Handler = async (session) =>
  Response.json(await session.setClaims({ role: 'admin' }, { renew: true }))
const revokeOthers: Handler = async (session) => Response.json(await session.revokeOthers())
const actAs: Handler = async (session) =>
  Response.json(await session.actAs({ userId: 'berta', lifetime: 3600 }))
const stopActing: Handler = async (session) => Response.json(await session.stopActing())

function breakable() {
  const broken = fragile(memory())
  return {
    store: broken.store,
    begin() {
      broken.down = true
    },
    end() {
      broken.down = false
    },
  }
}
