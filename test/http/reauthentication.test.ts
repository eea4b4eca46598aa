import { describe, expect, it } from 'vitest'
import { type Handler, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { listen } from '../support/sessions.ts'

const REFRESH = '__Secure-pawl-refresh'
const ACCESS = '__Host-pawl-access'
/** Longer than two overlaps and the clock tolerance. */
const SETTLED = 67

const reauthenticate: Handler = async (session) => Response.json(await session.reauthenticate())
const raise: Handler = async (session) =>
  Response.json(await session.setClaims({ role: 'admin' }, { renew: true }))
const revokeOthers: Handler = async (session) => Response.json(await session.revokeOthers())

const RECENT = { info: { required: true, maxAuthAge: 70 } }
const TOO_OLD = { status: 403, body: { code: 'recent_auth_required', refresh: false } }
const REPLACED = { status: 401, body: { code: 'session_replaced', refresh: 'once' }, cookies: [] }

interface Theft {
  readonly site: Site
  readonly anna: Visitor
  /** A copy of anna's cookies. */
  readonly thief: Visitor
  readonly sessionId: string
  confirm(handler?: Handler): ReturnType<Visitor['visit']>
}

/** Anna signed in ten minutes ago, and a thief has copied her cookies. */
async function openTheft(...options: Parameters<typeof openSite>): Promise<Theft> {
  const site = await openSite(...options)
  const anna = site.visitor()
  await anna.login()
  const thief = site.visitor(anna.jar.copy())
  site.clock.advance(600)
  const { sessionId } = (await site.sessions.list('anna'))[0]!
  return {
    site,
    anna,
    thief,
    sessionId,
    confirm: (handler = reauthenticate) => anna.visit('POST', '/confirm', { handler }),
  }
}

const actives = async ({ sessions }: Site): Promise<unknown[]> =>
  (await sessions.list('anna')).map(({ active, endReason }) => [active, endReason])

describe('a copy of the refresh token made before a reauthentication', () => {
  it('never passes a check for a recent authentication, and the user does at once', async () => {
    const { anna, thief, confirm } = await openTheft()
    expect(await confirm()).toMatchObject({ status: 200, body: { expiresIn: 66 } })
    expect((await anna.visit('GET', '/pay', RECENT)).status).toBe(200)
    await thief.refresh()
    expect(await thief.visit('GET', '/pay', RECENT)).toMatchObject(TOO_OLD)
  })

  it('ends once the user has refreshed, and the session of the user goes on', async () => {
    const { site, anna, thief, confirm } = await openTheft()
    await confirm()
    site.clock.advance(SETTLED)
    expect((await anna.refresh()).status).toBe(200)
    for (let time = 0; time < 3; time++) {
      expect(await thief.refresh()).toMatchObject(REPLACED)
      site.clock.advance(600)
    }
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.me()).status).toBe(200)
    expect(await actives(site)).toStrictEqual([[true, null]])
  })

  it('still signs the user out at a logout, which accepts every genuine token', async () => {
    const { site, anna, thief, confirm } = await openTheft()
    await confirm()
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect(await thief.refresh()).toMatchObject(REPLACED)
    expect((await thief.logout()).status).toBe(204)
    expect(await actives(site)).toStrictEqual([[false, 'logout']])
  })

  it('ends with all tokens that it has led to, also the access tokens', async () => {
    const { site, anna, thief, confirm } = await openTheft()
    await thief.refresh()
    await thief.me()
    await confirm()
    await thief.refresh()
    expect((await thief.me()).status).toBe(200)
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect(await thief.me()).toMatchObject({ status: 401, body: { code: 'access_token_expired' } })
    expect(await thief.refresh()).toMatchObject(REPLACED)
    expect((await anna.me()).status).toBe(200)
  })

  it('does not end the session when its access token is used in a process that has not heard of it', async () => {
    const { site, anna, thief, confirm } = await openTheft({}, { revocation: { mode: 'expiry' } })
    await thief.refresh()
    await confirm()
    site.clock.advance(SETTLED)
    await anna.refresh()
    await thief.me()
    await site.sessions.flush()
    expect(await actives(site)).toStrictEqual([[true, null]])
  })

  it('stays valid without a reauthentication that the client has not received', async () => {
    const { site, anna, confirm } = await openTheft()
    const before = anna.jar.copy()
    await confirm()
    const unaware = site.visitor(before)
    for (let time = 0; time < 4; time++) {
      expect((await unaware.refresh()).status).toBe(200)
      expect(await unaware.visit('GET', '/pay', RECENT)).toMatchObject(TOO_OLD)
      site.clock.advance(900)
    }
    expect(await actives(site)).toStrictEqual([[true, null]])
  })
})

describe('the user who authenticates again', () => {
  it('survives the late answer to a refresh that was sent before', async () => {
    const { site, anna, confirm } = await openTheft()
    const tab = site.visitor(anna.jar.copy())
    await tab.refresh()
    await confirm()
    site.clock.advance(14)
    // The other tab's answer arrives last: its cookies replace the new ones.
    for (const name of [ACCESS, REFRESH])
      anna.jar.put(name, tab.jar.get(name)!, name === REFRESH ? '/session' : '/')
    for (let time = 0; time < 4; time++) {
      expect((await anna.refresh()).status).toBe(200)
      expect((await anna.me()).status).toBe(200)
      site.clock.advance(900)
    }
    expect(await actives(site)).toStrictEqual([[true, null]])
  })

  it('survives a second tab that refreshes with the old token after the new one is in use', async () => {
    const { site, anna, confirm } = await openTheft()
    const slow = site.visitor(anna.jar.copy())
    await confirm()
    site.clock.advance(SETTLED)
    await anna.refresh()
    // The client of the tab tries again with the cookies of the jar.
    expect(await slow.refresh()).toMatchObject(REPLACED)
    expect((await anna.refresh()).status).toBe(200)
    expect(await actives(site)).toStrictEqual([[true, null]])
  })

  it('may submit the password twice, whichever answer arrives last', async () => {
    for (const last of ['first', 'second'] as const) {
      const { site, anna, confirm } = await openTheft()
      await confirm()
      const first = anna.jar.copy()
      await confirm()
      const user = last === 'first' ? site.visitor(first) : anna
      for (let time = 0; time < 3; time++) {
        site.clock.advance(60)
        expect((await user.refresh()).status).toBe(200)
        expect((await user.me()).status).toBe(200)
      }
      expect(await actives(site)).toStrictEqual([[true, null]])
    }
  })

  it('is asked to wait after four submissions, and keeps the tokens of each', async () => {
    const { site, anna, confirm } = await openTheft()
    await confirm()
    const first = site.visitor(anna.jar.copy())
    for (const status of [200, 200, 200, 503]) expect((await confirm()).status).toBe(status)
    expect((await first.refresh()).status).toBe(200)
    site.clock.advance(2 * SETTLED)
    const late = site.visitor(anna.jar.copy())
    await late.refresh()
    expect((await late.visit('POST', '/confirm', { handler: reauthenticate })).status).toBe(200)
  })

  it('gets a token that a release without renewals answers "later", and an ordinary one after it', async () => {
    const { site, anna, confirm } = await openTheft()
    await confirm()
    const first = anna.jar.get(REFRESH)!
    // Such a release keeps the cookies for every version but 1.
    expect(first).toMatch(/^pawl_r3_[\w-]{123}$/)
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect(anna.jar.get(REFRESH)).toBe(first)
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect(anna.jar.get(REFRESH)).toMatch(/^pawl_r1_/)
  })

  it('keeps the session and its data, and both timeouts start anew', async () => {
    const { site, anna, sessionId, confirm } = await openTheft({}, { absoluteTimeout: 3600 })
    await site.sessions.setData(sessionId, { cart: 1 })
    const before = (await site.sessions.get(sessionId))!
    const at = site.clock.now()
    await confirm()
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect(await site.sessions.get(sessionId)).toMatchObject({
      sessionId,
      data: { cart: 1 },
      createdAt: before.createdAt,
      authTime: new Date(at),
      absoluteExpiresAt: new Date(at + 3_600_000),
    })
    site.clock.advance(3600 - SETTLED - 1)
    expect((await anna.refresh()).status).toBe(200)
    site.clock.advance(1)
    expect(await anna.refresh()).toMatchObject({ status: 401, body: { code: 'session_ended' } })
  })

  it('passes checks until the time is up, also after the refresh', async () => {
    const { site, anna, confirm } = await openTheft()
    await confirm()
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect((await anna.visit('GET', '/pay', RECENT)).status).toBe(200)
    site.clock.advance(10)
    expect(await anna.visit('GET', '/pay', RECENT)).toMatchObject(TOO_OLD)
  })

  it('may do so when the use of the last refresh has not reached the row', async () => {
    const { site, anna, confirm } = await openTheft({}, { idleTimeout: 900 })
    site.clock.advance(299)
    await anna.refresh()
    site.clock.advance(2)
    expect((await confirm()).status).toBe(200)
  })

  it('may take longer to check the password than the access token lives', async () => {
    const { site, anna, confirm } = await openTheft()
    const answer = await confirm(async (session) => {
      session.require()
      site.clock.advance(3600)
      return Response.json(await session.reauthenticate())
    })
    expect(answer.status).toBe(200)
    expect((await anna.visit('GET', '/pay', RECENT)).status).toBe(200)
  })

  it('is found to have been robbed if the new tokens are copied', async () => {
    const { site, anna, confirm } = await openTheft()
    await confirm()
    const thief = site.visitor(anna.jar.copy())
    const reused = listen(site.sessions, 'reused')
    for (let turn = 0; turn < 4; turn++) {
      site.clock.advance(900)
      for (const holder of [anna, thief]) {
        await holder.refresh()
        await holder.me()
        await site.sessions.flush()
      }
    }
    expect(reused).toHaveLength(1)
    expect(await actives(site)).toStrictEqual([[false, 'reuse']])
  })

  it('gets the new tokens in the body in bearer mode, and copies end', async () => {
    const site = await openSite()
    const bearer = (authorization?: string) => ({
      'pawl-transport': 'bearer',
      authorization,
      'sec-fetch-site': undefined,
    })
    const phone = site.visitor()
    const login: Handler = async (session) => Response.json(await session.create({ userId: 'anna' }))
    type Tokens = { accessToken: string; refreshToken: string }
    const first = (await phone.visit('POST', '/login', { headers: bearer(), handler: login })).body as Tokens
    site.clock.advance(600)
    const answer = await phone.visit('POST', '/confirm', {
      headers: bearer(`Bearer ${first.accessToken}`),
      handler: reauthenticate,
    })
    const second = answer.body as Tokens
    expect([answer.cookies, second.refreshToken === first.refreshToken]).toStrictEqual([[], false])
    const refresh = (token: string) =>
      phone.visit('POST', '/session/refresh', {
        headers: { ...bearer(), 'content-type': 'application/json' },
        body: JSON.stringify({ refreshToken: token }),
      })
    const pay = await phone.visit('GET', '/pay', {
      ...RECENT,
      headers: bearer(`Bearer ${second.accessToken}`),
    })
    expect(pay.status).toBe(200)
    site.clock.advance(SETTLED)
    expect((await refresh(second.refreshToken)).status).toBe(200)
    expect(await refresh(first.refreshToken)).toMatchObject({
      status: 401,
      body: { code: 'session_replaced' },
    })
  })
})

describe('a renewal without reauthentication', () => {
  it('waits while the client may hold a reauthentication beside an older access token', async () => {
    const { site, anna, confirm } = await openTheft()
    const tab = site.visitor(anna.jar.copy())
    await tab.refresh()
    await tab.me()
    await site.sessions.flush()
    await confirm()
    // In the calm after a turn, an answer sets the access cookie only. It arrives after those of the reauthentication.
    await tab.refresh()
    anna.jar.put(ACCESS, tab.jar.get(ACCESS)!)
    site.clock.advance(SETTLED)
    const renewing = site.visitor(anna.jar.copy())
    expect((await renewing.visit('POST', '/raise', { handler: raise })).status).toBe(401)
    await anna.refresh()
    expect((await renewing.refresh()).status).toBe(200)
    expect((await renewing.visit('POST', '/raise', { handler: raise })).status).toBe(200)
    expect((await renewing.refresh()).status).toBe(200)
  })

  it('follows a reauthentication that the client has not received', async () => {
    const { site, anna, confirm } = await openTheft()
    const unaware = site.visitor(anna.jar.copy())
    await confirm()
    site.clock.advance(36)
    await unaware.refresh()
    expect((await unaware.visit('POST', '/raise', { handler: raise })).status).toBe(200)
  })
})

describe('a request that replaces its claims', () => {
  it.each([
    ['reauthenticates', reauthenticate],
    ['revokes the other sessions', revokeOthers],
  ] as const)('also %s, and keeps the new claims', async (_, handler) => {
    const { site, anna, confirm } = await openTheft()
    const both: Handler = async (session) => {
      await session.setClaims({ role: 'user' })
      return handler(session)
    }
    expect((await confirm(both)).status).toBe(200)
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect((await site.sessions.list('anna'))[0]!.claims).toStrictEqual({ role: 'user' })
  })
})

describe('setClaims with `renew`', () => {
  const role: Handler = (session) => Response.json(session.claims)

  it('raises the rights of the client of the request, and of no copy', async () => {
    const { site, anna, thief, confirm } = await openTheft()
    await confirm(raise)
    expect((await anna.visit('GET', '/', { handler: role })).body).toStrictEqual({ role: 'admin' })
    await thief.refresh()
    expect((await thief.visit('GET', '/', { handler: role })).body).toStrictEqual({})
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect((await anna.visit('GET', '/', { handler: role })).body).toStrictEqual({ role: 'admin' })
    expect((await site.sessions.list('anna'))[0]!.claims).toStrictEqual({ role: 'admin' })
  })

  it('gives a copy no more than the old claims, and finds the theft when the copy comes back', async () => {
    const { site, anna, thief, confirm } = await openTheft()
    await confirm(raise)
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect(await thief.refresh()).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
    expect(await actives(site)).toStrictEqual([[false, 'reuse']])
  })

  it('raises no rights of a copy that renews the session in the meantime', async () => {
    const { site, anna, thief, confirm } = await openTheft()
    await thief.refresh()
    await confirm(raise)
    await thief.visit('POST', '/sign-out-others', { handler: revokeOthers })
    site.clock.advance(SETTLED)
    expect((await anna.refresh()).status).toBe(200)
    expect((await thief.refresh()).status).toBe(200)
    expect((await thief.visit('GET', '/', { handler: role })).body).toStrictEqual({})
    expect(await anna.refresh()).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
  })

  it('is kept by a later renewal and replaced by later claims', async () => {
    const { site, anna, confirm, sessionId } = await openTheft()
    await confirm(raise)
    await confirm()
    expect((await anna.visit('GET', '/', { handler: role })).body).toStrictEqual({ role: 'admin' })
    await site.sessions.setClaims(sessionId, { role: 'user' })
    expect((await anna.me()).status).toBe(401)
    await anna.refresh()
    expect((await anna.visit('GET', '/', { handler: role })).body).toStrictEqual({ role: 'user' })
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect((await anna.visit('GET', '/', { handler: role })).body).toStrictEqual({ role: 'user' })
  })
})

describe('an answer that begins long after the reauthentication', () => {
  it('sets no cookies, so the older tokens go on', async () => {
    const { site, anna, confirm } = await openTheft()
    const answer = await confirm(async (session) => {
      const body = await session.reauthenticate()
      site.clock.advance(16)
      return Response.json(body)
    })
    expect([answer.status, answer.cookies]).toStrictEqual([200, []])
    site.clock.advance(SETTLED)
    expect((await anna.refresh()).status).toBe(200)
    expect(await anna.visit('GET', '/pay', RECENT)).toMatchObject(TOO_OLD)
  })
})

describe('a reauthentication shortly before the absolute timeout', () => {
  it('survives the confirmation of an older token', async () => {
    const day = 86_400
    const { site, anna, confirm } = await openTheft(
      {},
      { absoluteTimeout: 10 * day, revocation: { mode: 'lookup' }, privacy: { keepEnded: 0 } },
    )
    for (let time = 0; time < 9; time++) {
      site.clock.advance(day)
      await anna.refresh()
      await anna.me()
      await site.sessions.flush()
    }
    site.clock.advance(day - 620)
    await anna.refresh()
    await confirm()
    // The evidence of the request arrives after its renewal.
    await site.sessions.flush()
    site.clock.advance(20)
    expect((await anna.me()).status).toBe(200)
    site.clock.advance(5 * day)
    await site.sessions.prune()
    expect((await anna.refresh()).status).toBe(200)
  })

  it('is valid at once, also where the row is read', async () => {
    const { site, anna, confirm } = await openTheft(
      {},
      { absoluteTimeout: 610, revocation: { mode: 'lookup' } },
    )
    await confirm()
    site.clock.advance(20)
    expect((await anna.visit('GET', '/pay', RECENT)).status).toBe(200)
    expect((await site.sessions.list('anna'))[0]!.active).toBe(true)
    site.clock.advance(SETTLED)
    expect((await anna.refresh()).status).toBe(200)
  })
})

describe('revokeOthers', () => {
  it('ends all other sessions of the user, and copies of this one', async () => {
    const { site, anna, thief, confirm } = await openTheft()
    const phone = site.visitor()
    await phone.login()
    expect((await confirm(revokeOthers)).body).toBe(1)
    expect(await phone.refresh()).toMatchObject({ status: 401 })
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect((await thief.refresh()).status).toBe(401)
  })

  it('ends the others although a thief has used up the renewals', async () => {
    const { site, anna, thief, confirm } = await openTheft()
    const before = thief.jar.copy()
    for (let time = 0; time < 4; time++)
      await site.visitor(before).visit('POST', '/sign-out-others', { handler: revokeOthers })
    await site.visitor().login()
    expect(await confirm(revokeOthers)).toMatchObject({ status: 200, body: 1, cookies: [] })
    expect((await anna.me()).status).toBe(200)
  })

  it('after `reauthenticate` in the same request keeps the tokens of the latter', async () => {
    const { site, anna, thief, confirm } = await openTheft()
    await confirm(async (session) => {
      await session.reauthenticate()
      return Response.json(await session.revokeOthers())
    })
    expect((await anna.visit('GET', '/pay', RECENT)).status).toBe(200)
    site.clock.advance(SETTLED)
    await anna.refresh()
    expect(await thief.refresh()).toMatchObject(REPLACED)
    expect(await actives(site)).toStrictEqual([[true, null]])
  })
})

describe('a thief who makes the application renew the session', () => {
  it('does not take the place of the user: the old token of the user ends the session', async () => {
    const { site, anna, thief } = await openTheft()
    await thief.visit('POST', '/sign-out-others', { handler: revokeOthers })
    site.clock.advance(SETTLED)
    expect((await thief.refresh()).status).toBe(200)
    expect(await anna.refresh()).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
    expect((await thief.refresh()).status).toBe(401)
    expect(await actives(site)).toStrictEqual([[false, 'reuse']])
  })

  it('does not take it after a reauthentication by id either', async () => {
    const { site, anna, thief, sessionId } = await openTheft()
    await site.sessions.reauthenticate(sessionId)
    site.clock.advance(10)
    await thief.refresh()
    await thief.visit('POST', '/sign-out-others', { handler: revokeOthers })
    site.clock.advance(SETTLED)
    expect((await thief.refresh()).status).toBe(200)
    expect(await anna.refresh()).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
    expect(await actives(site)).toStrictEqual([[false, 'reuse']])
  })

  it.each(['before', 'after'] as const)(
    'is found %s the user has confirmed a reauthentication whose new tokens are copied',
    async (when) => {
      const { site, anna, confirm } = await openTheft()
      await confirm()
      const thief = site.visitor(anna.jar.copy())
      site.clock.advance(1)
      await thief.visit('POST', '/sign-out-others', { handler: revokeOthers })
      site.clock.advance(SETTLED)
      if (when === 'after') expect((await anna.refresh()).status).toBe(200)
      expect((await thief.refresh()).status).toBe(200)
      expect(await anna.refresh()).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
      expect(await actives(site)).toStrictEqual([[false, 'reuse']])
    },
  )

  it('is found although a reauthentication by id came between a reauthentication and its confirmation', async () => {
    const { site, anna, confirm, sessionId } = await openTheft()
    await confirm()
    site.clock.advance(1)
    await site.sessions.reauthenticate(sessionId)
    site.clock.advance(SETTLED)
    await anna.refresh()
    const thief = site.visitor(anna.jar.copy())
    await thief.visit('POST', '/sign-out-others', { handler: revokeOthers })
    site.clock.advance(SETTLED)
    expect((await thief.refresh()).status).toBe(200)
    expect(await anna.refresh()).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
  })

  it('cannot drop a pending reauthentication of the user whose new tokens are copied', async () => {
    const { site, anna, confirm } = await openTheft()
    await confirm()
    const thief = site.visitor(anna.jar.copy())
    // The last refresh that leaves the row as it is, and the end of the access token that it issues.
    site.clock.advance(65)
    await thief.refresh()
    const copy = thief.jar.copy()
    site.clock.advance(65.5)
    for (let time = 0; time < 5; time++) await site.visitor(copy).visit('POST', '/raise', { handler: raise })
    expect((await anna.refresh()).status).toBe(200)
  })

  it('cannot delay a reauthentication of the user, nor survive it', async () => {
    const { site, anna, thief, confirm } = await openTheft()
    await confirm()
    for (let time = 0; time < 6; time++)
      await thief.visit('POST', '/sign-out-others', { handler: revokeOthers })
    site.clock.advance(SETTLED)
    expect((await anna.refresh()).status).toBe(200)
    site.clock.advance(SETTLED)
    expect(await thief.refresh()).toMatchObject({ status: 401 })
    expect(await actives(site)).toStrictEqual([[true, null]])
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.me()).status).toBe(200)
  })

  it('is asked to wait after four renewals that no client has received', async () => {
    const { site, thief } = await openTheft()
    const answers: number[] = []
    const before = thief.jar.copy()
    for (let time = 0; time < 5; time++) {
      const unaware = site.visitor(before)
      answers.push((await unaware.visit('POST', '/raise', { handler: raise })).status)
    }
    expect(answers).toStrictEqual([200, 200, 200, 200, 503])
  })
})
