import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type Session, type Sessions, StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { LATER_CLAIM_NAMES, TOKEN_CLAIM_NAMES } from '../../src/portable/token-claims.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { type Client, createClient, type Received } from '../support/http-client.ts'
import { oldPackages } from '../support/old-packages.ts'
import { openSessions } from '../support/sessions.ts'
import { type OldLogin, openRelease, supertokensNode } from '../support/supertokens-app.ts'
import { type SupertokensCore, startCore } from '../support/supertokens-core.ts'

// The Java core does not run here: `startCore` stands in for it. All else of SuperTokens is the real package.
const requireOld = oldPackages('supertokens-node@24.0.3', 'supertokens-node-20@npm:supertokens-node@20.1.7')
const OLD_COOKIES = ['sAccessToken', 'sRefreshToken']
const PAWL_COOKIES = ['__Host-pawl-access', '__Secure-pawl-refresh']
const REFRESH = '/auth/session/refresh'

let core: SupertokensCore
beforeAll(async () => {
  core = await startCore()
})
afterAll(() => core.close())
beforeEach(() => {
  core.down = false
  core.sessions.clear()
})

/** The sessions of Pawl that the only session at the core has become. */
function movedTo(): string[] {
  const [stored, ...more] = core.sessions.values()
  expect(more).toStrictEqual([])
  return stored!.userDataInDatabase['movedTo'] as string[]
}

const idsOf = (sessions: readonly Session[]): string[] => sessions.map(({ sessionId }) => sessionId)
const HOUR = 3600

describe.each(['supertokens-node', 'supertokens-node-20'])('moving from %s to pawl/client', (name) => {
  const old = supertokensNode(requireOld, name)
  async function open(given?: Sessions) {
    old.start(core)
    const clock = createFakeClock(Date.now())
    const sessions: Sessions = given ?? (await openSessions({ now: clock.now }))
    const section = 'Pages that change to `pawl/client`'
    const release = await openRelease(old, { section, sessions, now: clock.now })
    async function browserOf(login: OldLogin = {}): Promise<Client> {
      release.loginAs(login)
      const client = createClient(release.port)
      const answer = await client.send('POST', '/login', { headers: { 'st-auth-mode': 'cookie' } })
      expect(answer.status).toBe(200)
      expect(client.jar.names).toStrictEqual(OLD_COOKIES)
      return client
    }
    return { sessions, clock, browserOf, ...release }
  }
  const refresh = (client: Client): Promise<Received> => client.send('POST', REFRESH)
  const me = (client: Client): Promise<Received> => client.send('GET', '/me')

  it.each([
    ['the refresh route', refresh],
    ['the next request', me],
  ])('exchanges the session at %s and notes the new one', async (_where, visit) => {
    const { sessions, browserOf } = await open()
    const anna = await browserOf({ payload: { role: 'admin' }, data: { cart: [1] } })
    expect((await visit(anna)).status).toBe(200)
    expect(anna.jar.names).toStrictEqual(PAWL_COOKIES)
    expect(await me(anna)).toMatchObject({ status: 200, body: { id: 'anna' } })
    const [session] = await sessions.list('anna')
    expect([session!.claims, session!.data]).toStrictEqual([{ role: 'admin' }, { cart: [1] }])
    const [stored] = core.sessions.values()
    expect(stored!.userDataInDatabase).toStrictEqual({ cart: [1], movedTo: [session!.sessionId] })
  })

  const CASES: readonly (OldLogin & { readonly claims: unknown; readonly kept?: unknown })[] = [
    { payload: {}, claims: {} },
    {
      payload: {
        'st-role': { v: ['admin'], t: 1_700_000_000_000 },
        'st-perm': { v: [], t: 1_700_000_000_000 },
        'st-ev': { v: true, t: 1_700_000_000_000 },
        nested: { a: [null, 1.5, '€'] },
      },
      claims: {
        'st-role': { v: ['admin'], t: 1_700_000_000_000 },
        'st-perm': { v: [], t: 1_700_000_000_000 },
        'st-ev': { v: true, t: 1_700_000_000_000 },
        nested: { a: [null, 1.5, '€'] },
      },
    },
    {
      payload: { note: 'a\0b\ud800' },
      data: { '\0': 1, b: '\0' },
      claims: { note: 'ab\ufffd' },
      kept: { b: '' },
    },
    { payload: JSON.parse('{"__proto__":{"admin":true},"b":2}'), claims: { b: 2 } },
    { tenantId: 'customer-1', payload: { a: 1 }, claims: { a: 1, tId: 'customer-1' } },
    {
      payload: { list: 'x'.repeat(1600) },
      data: { a: 1 },
      claims: {},
      kept: { a: 1, claims: { list: 'x'.repeat(1600) } },
    },
    { payload: { list: 'x'.repeat(1489) }, claims: { list: 'x'.repeat(1489) } },
    { data: { list: 'x'.repeat(500_000) }, claims: {} },
  ]
  it.each(CASES)('carries over the payload and data of case %#', async ({ claims, kept, ...login }) => {
    const { sessions, browserOf } = await open()
    for (const visit of [refresh, me]) {
      const anna = await browserOf(login)
      expect((await visit(anna)).status).toBe(200)
      const [session] = await sessions.list('anna')
      expect([session!.claims, session!.data]).toStrictEqual([claims, kept ?? login.data ?? {}])
      await sessions.deleteUser('anna')
    }
  })

  it('leaves out the names that SuperTokens adds, and wraps a payload with a reserved name', async () => {
    const { sessions, browserOf } = await open()
    for (const name of [...TOKEN_CLAIM_NAMES, ...LATER_CLAIM_NAMES]) {
      const anna = await browserOf({ userId: `anna-${name}`, payload: { role: 'admin' } })
      // A core of an earlier release may hold any name.
      const [stored] = core.sessions.values()
      stored!.userDataInJWT = JSON.parse(`{"${name}":"x","sessionHandle":"h","rsub":"r","role":"admin"}`)
      expect((await refresh(anna)).status).toBe(200)
      const [session] = await sessions.list(`anna-${name}`)
      const left = ['sub', 'iat', 'exp', 'iss', '__proto__'].includes(name)
      expect(session!.claims).toStrictEqual(
        left ? { role: 'admin' } : { payload: { [name]: 'x', role: 'admin' } },
      )
      core.sessions.clear()
    }
  })

  it('exchanges a session that lacks a claim, as the routes that require the claim decide', async () => {
    const { browserOf } = await open()
    const validate = async () => ({ isValid: false, reason: 'not verified' })
    old.validators.push({ id: 'st-ev', validate })
    onTestFinished(() => void old.validators.pop())
    for (const visit of [refresh, me]) expect((await visit(await browserOf())).status).toBe(200)
  })

  it('answers an expired access token with 401, keeps the cookies, and exchanges at the refresh route', async () => {
    const { sessions, browserOf } = await open()
    const anna = await browserOf()
    const [{ handle }] = core.sessions.values() as unknown as [{ handle: string }]
    const now = Math.floor(Date.now() / 1000)
    anna.jar.put('sAccessToken', core.accessToken(handle, { iat: now - 3601, exp: now - 1 }))
    expect(await me(anna)).toMatchObject({ status: 401, cookies: [] })
    expect(anna.jar.names).toStrictEqual(OLD_COOKIES)
    expect((await refresh(anna)).status).toBe(200)
    expect((await me(anna)).status).toBe(200)
    expect(await sessions.list('anna')).toHaveLength(1)
  })

  it('creates no session from an access token whose session has been revoked', async () => {
    const { sessions, browserOf } = await open()
    const anna = await browserOf()
    core.sessions.clear()
    expect((await me(anna)).status).toBe(401)
    expect((await refresh(anna)).status).toBe(200)
    expect(anna.jar.names).toStrictEqual([])
    expect(await sessions.list('anna')).toStrictEqual([])
  })

  it('creates no session from forged, foreign or overlong tokens, and asks the core about none', async () => {
    const { sessions, port, browserOf } = await open()
    const anna = await browserOf()
    const [{ handle }] = core.sessions.values() as unknown as [{ handle: string }]
    const genuine = core.accessToken(handle)
    const [head, payload, signature] = genuine.split('.') as [string, string, string]
    const other = await startCore()
    onTestFinished(() => other.close())
    other.sessions.set(handle, core.sessions.get(handle)!)
    const json = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const kid = JSON.parse(Buffer.from(head, 'base64url').toString()).kid
    const claimed = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const mallory = json({ ...claimed, sub: 'mallory' })
    const forged = [
      `${json({ alg: 'none', typ: 'JWT', version: '5', kid })}.${mallory}.`,
      `${json({ alg: 'HS256', typ: 'JWT', version: '5', kid })}.${mallory}.${signature}`,
      `${head}.${mallory}.${signature}`,
      `${head}.${payload}.`,
      // Another application on the same core, or another core, signs with other keys.
      other.accessToken(handle),
      other.accessToken(handle, {}, { kid }),
      'x.y.z',
      `${head}.${'A'.repeat(8_000)}.${signature}`,
      '',
    ]
    await me(await browserOf({ userId: 'first' })) // the keys are known from here on
    core.requests.length = 0
    for (const token of forged) {
      const client = createClient(port, anna.jar.copy())
      client.jar.put('sAccessToken', token)
      client.jar.delete('sRefreshToken')
      expect([token, (await me(client)).status]).toStrictEqual([token, 401])
    }
    for (const token of ['', 'x', 'a.b.V9', `pawl_r1_${'A'.repeat(123)}`, `${'A'.repeat(8_000)}.!.V2`]) {
      const client = createClient(port)
      client.jar.put('sRefreshToken', token, REFRESH)
      expect([token, (await refresh(client)).status]).toStrictEqual([token, 200])
      expect(client.jar.names).toStrictEqual([])
    }
    // Nothing but the keys, at most once for each unknown one.
    expect(core.requests.filter((request) => request !== 'GET /.well-known/jwks.json')).toStrictEqual([])
    const client = createClient(port)
    client.jar.put('sRefreshToken', 'QUFB.bm9uY2U.V2', REFRESH)
    expect((await refresh(client)).status).toBe(200)
    expect(await sessions.list('anna')).toStrictEqual([])
    expect(await sessions.list('mallory')).toStrictEqual([])
  })

  it('fails and keeps the old cookies while the core is down', async () => {
    const { sessions, port, browserOf } = await open()
    const anna = await browserOf()
    core.down = true
    for (const visit of [me, refresh]) expect(await visit(anna)).toMatchObject({ status: 500, cookies: [] })
    const late = core.accessToken([...core.sessions.keys()][0]!, {}, { kid: 'd-unknown' })
    const client = createClient(port, anna.jar.copy())
    client.jar.put('sAccessToken', late)
    // supertokens-node takes a key that it cannot fetch for one that does not exist.
    expect(await me(client)).toMatchObject({ status: 401, cookies: [] })
    core.down = false
    expect((await refresh(client)).status).toBe(200)
    expect((await me(anna)).status).toBe(200)
    expect(await sessions.list('anna', { active: true })).toHaveLength(2)
  })

  it('keeps the old session while the database of Pawl is down, for however long', async () => {
    const store = memory()
    const { sessions, browserOf } = await open(await openSessions({ store }))
    const anna = await browserOf()
    const insert = store.insert
    store.insert = () => Promise.reject(new StoreUnavailableError('The store is away.'))
    for (const visit of [me, refresh]) expect(await visit(anna)).toMatchObject({ status: 503, cookies: [] })
    store.insert = insert
    expect([...core.sessions.values()].map((session) => session.userDataInDatabase)).toStrictEqual([{}])
    expect((await refresh(anna)).status).toBe(200)
    expect(await sessions.list('anna')).toHaveLength(1)
  })

  it('exchanges requests at once, and keeps all their sessions', async () => {
    const { sessions, port, browserOf } = await open()
    const anna = await browserOf()
    const jars = [anna.jar, anna.jar.copy(), anna.jar.copy(), anna.jar.copy()]
    const clients = jars.map((jar) => createClient(port, jar))
    const answers = await Promise.all(
      clients.map((client, i) => (i % 2 === 0 ? refresh(client) : me(client))),
    )
    expect(answers.map(({ status }) => status)).toStrictEqual([200, 200, 200, 200])
    for (const client of clients) expect((await me(client)).status).toBe(200)
    expect(await sessions.list('anna', { active: true })).toHaveLength(4)
  })

  it.each([
    ['the refresh route', refresh],
    ['the next request', me],
  ])('exchanges again at %s after a lost answer, however late', async (_where, visit) => {
    const { sessions, clock, port, browserOf } = await open()
    const anna = await browserOf()
    for (const _lost of [1, 2]) {
      expect((await visit(createClient(port, anna.jar.copy()))).status).toBe(200)
      clock.advance(24 * HOUR)
    }
    expect((await visit(anna)).status).toBe(200)
    expect(await me(anna)).toMatchObject({ status: 200, body: { id: 'anna' } })
    // The client of an earlier answer may still use it.
    const active = await sessions.list('anna', { active: true })
    expect(movedTo().sort()).toStrictEqual(idsOf(active).sort())
    expect(active).toHaveLength(3)
  })

  it('refuses a copy of the old cookies once the new session was refreshed, and leaves that alone', async () => {
    const { sessions, clock, port, browserOf } = await open()
    const anna = await browserOf()
    const [late, copy] = [anna.jar.copy(), anna.jar.copy()]
    await refresh(anna)
    await turn(sessions, anna)
    clock.advance(59)
    // A request that was under way.
    expect((await refresh(createClient(port, late))).status).toBe(200)
    expect(late.names).toStrictEqual(PAWL_COOKIES)
    clock.advance(2)
    expect((await me(createClient(port, copy))).status).toBe(401)
    expect((await refresh(createClient(port, copy))).status).toBe(200)
    expect(copy.names).toStrictEqual([])
    expect(core.sessions.size).toBe(0)
    expect((await me(anna)).status).toBe(200)
    expect(await sessions.list('anna', { active: true })).toHaveLength(2)
  })

  /** Refreshes the session of Pawl and uses its new access token. */
  async function turn(sessions: Sessions, client: Client): Promise<void> {
    expect((await client.send('POST', '/session/refresh')).status).toBe(200)
    expect((await me(client)).status).toBe(200)
    await sessions.flush()
    expect(await sessions.list('anna')).toMatchObject([{ generation: 1 }])
  }

  it.each([
    ['signed out', (_sessions: Sessions, client: Client) => client.send('POST', '/session/logout')],
    ['revoked', (sessions: Sessions) => sessions.revokeUser('anna')],
  ])('refuses a copy of the old cookies at once if the new session was %s', async (_how, end) => {
    const { sessions, port, browserOf } = await open()
    const anna = await browserOf()
    const copy = anna.jar.copy()
    await refresh(anna)
    await end(sessions, anna)
    expect((await me(createClient(port, copy))).status).toBe(401)
    expect(core.sessions.size).toBe(0)
    expect(await sessions.list('anna', { active: true })).toStrictEqual([])
  })

  it('refuses the old cookies of a session whose row was pruned, and of a client that keeps no answer', async () => {
    const { sessions, browserOf } = await open()
    const ids = async (count: number) => {
      const created = Array.from({ length: count }, () => sessions.create({ userId: 'anna' }))
      return (await Promise.all(created)).map(({ session }) => session.sessionId)
    }
    const pruned = ['8b1d0c1e-4f53-4a4b-8d0c-000000000000']
    for (const [moved, names] of [
      [pruned, []],
      [await ids(100), []],
      [await ids(99), PAWL_COOKIES],
    ] as const) {
      const anna = await browserOf()
      core.sessions.values().next().value!.userDataInDatabase = { movedTo: moved }
      expect((await refresh(anna)).status).toBe(200)
      expect(anna.jar.names).toStrictEqual(names)
    }
  })

  it('ends the new session if the old one is revoked during the exchange', async () => {
    const store = memory()
    const { sessions, browserOf } = await open(await openSessions({ store }))
    const anna = await browserOf()
    const { insert } = store
    store.insert = async (...row) => {
      core.sessions.clear()
      return insert.apply(store, row)
    }
    await refresh(anna)
    expect((await me(anna)).status).toBe(401)
    expect(await sessions.list('anna', { active: true })).toStrictEqual([])
  })

  it('ends an old session whose refresh token was used twice', async () => {
    const { sessions, port, browserOf } = await open()
    const anna = await browserOf()
    const stolen = anna.jar.copy()
    const { Session } = old
    let token = decodeURIComponent(anna.jar.get('sRefreshToken')!)
    for (const _ of [1, 2])
      token = (
        await Session.refreshSessionWithoutRequestResponse(token, true)
      ).getAllSessionTokensDangerously().refreshToken
    const thief = createClient(port, stolen)
    expect((await refresh(thief)).status).toBe(200)
    expect(stolen.names).toStrictEqual([])
    expect(core.sessions.size).toBe(0)
    expect(await sessions.list('anna')).toStrictEqual([])
  })

  it('creates no session for a browser whose session of Pawl has ended, and clears the old cookies', async () => {
    const { sessions, browserOf } = await open()
    const anna = await browserOf()
    await refresh(anna)
    await sessions.revokeUser('anna')
    const mallory = await browserOf({ userId: 'mallory' })
    for (const cookie of PAWL_COOKIES) mallory.jar.put(cookie, anna.jar.get(cookie)!)
    expect((await me(mallory)).status).toBe(401)
    expect((await refresh(mallory)).status).toBe(200)
    expect(mallory.jar.names).toStrictEqual(PAWL_COOKIES)
    expect(await sessions.list('mallory')).toStrictEqual([])
  })

  it('refuses requests of other sites before it touches the old session', async () => {
    const { sessions, browserOf } = await open()
    const anna = await browserOf()
    core.requests.length = 0
    for (const path of [REFRESH, '/me']) {
      const answer = await anna.send('POST', path, { headers: { 'sec-fetch-site': 'cross-site' } })
      expect(answer).toMatchObject({ status: 403, cookies: [] })
    }
    expect(core.requests).toStrictEqual([])
    expect(await sessions.list('anna')).toStrictEqual([])
  })

  it('gives a native app its new tokens in the body', async () => {
    const { sessions, port, loginAs } = await open()
    loginAs({ data: { a: 1 } })
    const login = await createClient(port).send('POST', '/login', { headers: { 'st-auth-mode': 'header' } })
    const refreshToken = login.headers['st-refresh-token']
    const headers = { 'pawl-transport': 'bearer', 'content-type': 'application/json' }
    const app = createClient(port)
    const answer = await app.send('POST', REFRESH, { headers, body: JSON.stringify({ refreshToken }) })
    expect(answer.status).toBe(200)
    const { accessToken } = answer.body as { accessToken: string }
    const signedIn = await app.send('GET', '/me', { headers: { authorization: `Bearer ${accessToken}` } })
    expect(signedIn).toMatchObject({ status: 200, body: { id: 'anna' } })
    expect((await sessions.list('anna')).map(({ data }) => data)).toStrictEqual([{ a: 1 }])
    for (const body of ['{"refreshToken":7}', '{"refreshToken":{"a":1}}', '[]', '{}'])
      expect((await app.send('POST', REFRESH, { headers, body })).body).toStrictEqual({})
  })
})

/** A client of SuperTokens, reduced to its rules for tokens: those of `docs/guides/supertokens.md`. */
function createSdk(port: number, mode: 'cookie' | 'header', client: Client = createClient(port)) {
  const tokens = { access: '', refresh: '', front: '' }
  const sdk = {
    client,
    tokens,
    /** Sends a request as the application asked for it, without a refresh. */
    async send(method: string, path: string, more: Record<string, string> = {}): Promise<Received> {
      const token = path === REFRESH ? tokens.refresh : tokens.access
      const received = await client.send(method, path, {
        headers: {
          rid: path === REFRESH ? 'session' : 'anti-csrf',
          'fdi-version': '1.16,2.0,4.1',
          'st-auth-mode': mode,
          ...(token !== '' && { authorization: `Bearer ${token}` }),
          ...more,
        },
      })
      const { headers } = received
      tokens.access = String(headers['st-access-token'] ?? tokens.access)
      tokens.refresh = String(headers['st-refresh-token'] ?? tokens.refresh)
      if (headers['front-token'] === 'remove') Object.assign(tokens, { access: '', refresh: '', front: '' })
      else tokens.front = String(headers['front-token'] ?? tokens.front)
      return received
    },
    refresh: () => sdk.send('POST', REFRESH),
    /** Sends a request. After a 401 it refreshes and repeats the request once. */
    async request(method: string, path: string): Promise<Received> {
      const received = await sdk.send(method, path)
      if (received.status !== 401 || (await sdk.refresh()).status !== 200) return received
      return sdk.send(method, path)
    },
    /** The refresh token, wherever the mode keeps it. */
    get refreshToken(): string {
      return mode === 'header' ? tokens.refresh : decodeURIComponent(client.jar.get('sRefreshToken') ?? '')
    },
    /** The same client, as it is now. @param at the port of another release of the application */
    copy(at = port) {
      const twin = createSdk(at, mode, createClient(at, client.jar.copy()))
      Object.assign(twin.tokens, tokens)
      return twin
    },
  }
  return sdk
}

const MODES = ['cookie', 'header'] as const

describe.each(['supertokens-node', 'supertokens-node-20'])('moving from %s with its clients', (name) => {
  const old = supertokensNode(requireOld, name)
  async function open(given?: Sessions) {
    old.start(core)
    const clock = createFakeClock(Date.now())
    const sessions: Sessions = given ?? (await openSessions({ now: clock.now }))
    const release = await openRelease(old, { section: 'Clients that stay', sessions, now: clock.now })
    async function sdkOf(mode: (typeof MODES)[number], login: OldLogin = {}) {
      release.loginAs(login)
      const sdk = createSdk(release.port, mode)
      expect((await sdk.send('POST', '/login')).status).toBe(200)
      expect(sdk.refreshToken).toMatch(/V2$/)
      return sdk
    }
    return { sessions, clock, sdkOf, ...release }
  }

  it.each(MODES)('exchanges the session in %s mode by one refresh, and notes the new one', async (mode) => {
    const { sessions, sdkOf } = await open()
    const anna = await sdkOf(mode, { tenantId: 't1', payload: { role: 'admin' }, data: { cart: [1] } })
    expect(await anna.request('GET', '/me')).toMatchObject({ status: 200, body: { id: 'anna' } })
    expect(anna.refreshToken).toMatch(/^pawl_r1_/)
    expect(JSON.parse(Buffer.from(anna.tokens.front, 'base64').toString())).toMatchObject({
      uid: 'anna',
      up: { role: 'admin', tId: 't1', sub: 'anna' },
    })
    if (mode === 'cookie') expect(anna.client.jar.names).toStrictEqual(OLD_COOKIES)
    else expect(anna.client.jar.names).toStrictEqual([])
    const [session] = await sessions.list('anna')
    expect([session!.claims, session!.data]).toStrictEqual([{ role: 'admin', tId: 't1' }, { cart: [1] }])
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.request('GET', '/me')).status).toBe(200)
    expect(await sessions.list('anna')).toHaveLength(1)
    const [stored] = core.sessions.values()
    expect(stored!.userDataInDatabase).toStrictEqual({ cart: [1], movedTo: [session!.sessionId] })
  })

  it.each(MODES)('lets nothing but a refresh decide about an old access token in %s mode', async (mode) => {
    const { sdkOf } = await open()
    const anna = await sdkOf(mode)
    core.requests.length = 0
    for (const path of ['/me', '/home']) {
      const answer = await anna.send('GET', path)
      expect([path, answer.status, answer.cookies]).toStrictEqual([path, 401, []])
      expect(answer.headers['front-token']).toBeUndefined()
    }
    expect(anna.refreshToken).toMatch(/V2$/)
    expect(core.requests).toStrictEqual([])
  })

  it.each(MODES)(
    'signs nobody out in %s mode while the core or the database of Pawl is down',
    async (mode) => {
      const store = memory()
      const { sessions, sdkOf } = await open(await openSessions({ store }))
      const anna = await sdkOf(mode)
      core.down = true
      const failed = await anna.refresh()
      expect([failed.status, failed.headers['front-token'], failed.cookies]).toStrictEqual([
        500,
        undefined,
        [],
      ])
      core.down = false
      const insert = store.insert
      store.insert = () => Promise.reject(new StoreUnavailableError('The store is away.'))
      const refused = await anna.refresh()
      expect([refused.status, refused.headers['front-token'], refused.cookies]).toStrictEqual([
        500,
        undefined,
        [],
      ])
      expect([...core.sessions.values()].map((session) => session.userDataInDatabase)).toStrictEqual([{}])
      store.insert = insert
      expect(await anna.request('GET', '/me')).toMatchObject({ status: 200, body: { id: 'anna' } })
      expect(await sessions.list('anna')).toHaveLength(1)
    },
  )

  it.each(MODES)('exchanges refreshes at once in %s mode, and keeps all their sessions', async (mode) => {
    const { sessions, sdkOf } = await open()
    const anna = await sdkOf(mode)
    const twins = [anna, anna.copy(), anna.copy(), anna.copy()]
    const answers = await Promise.all(twins.map((twin) => twin.refresh()))
    expect(answers.map(({ status }) => status)).toStrictEqual([200, 200, 200, 200])
    for (const twin of twins) expect((await twin.request('GET', '/me')).status).toBe(200)
    expect(await sessions.list('anna', { active: true })).toHaveLength(4)
  })

  it.each(MODES)('exchanges again after a lost answer in %s mode, however late', async (mode) => {
    const { sessions, clock, sdkOf } = await open()
    const anna = await sdkOf(mode)
    for (const _lost of [1, 2]) {
      expect((await anna.copy().refresh()).status).toBe(200)
      clock.advance(24 * HOUR)
    }
    expect(await anna.request('GET', '/me')).toMatchObject({ status: 200, body: { id: 'anna' } })
    clock.advance(HOUR)
    expect(await anna.request('GET', '/me')).toMatchObject({ status: 200, body: { id: 'anna' } })
    const active = await sessions.list('anna', { active: true })
    expect(movedTo().sort()).toStrictEqual(idsOf(active).sort())
    expect(active).toHaveLength(3)
  })

  it.each(MODES)(
    'refuses a copy once the new tokens were used in %s mode, and leaves them alone',
    async (mode) => {
      const { sessions, clock, sdkOf } = await open()
      const anna = await sdkOf(mode)
      const [late, copy] = [anna.copy(), anna.copy()]
      await anna.request('GET', '/me')
      await sessions.flush()
      expect(await sessions.list('anna')).toMatchObject([{ generation: 1 }])
      clock.advance(59)
      // A request that was under way.
      expect((await late.refresh()).status).toBe(200)
      clock.advance(2)
      const refused = await copy.refresh()
      expect(refused).toMatchObject({ status: 401, body: { message: 'unauthorised' } })
      expect(refused.headers['front-token']).toBe('remove')
      expect([copy.refreshToken, copy.client.jar.names, core.sessions.size]).toStrictEqual(['', [], 0])
      expect((await anna.refresh()).status).toBe(200)
      expect((await anna.request('GET', '/me')).status).toBe(200)
      expect(await sessions.list('anna', { active: true })).toHaveLength(2)
    },
  )

  it('notes nothing if the core fails after the exchange, and exchanges again', async () => {
    const store = memory()
    const { sessions, sdkOf } = await open(await openSessions({ store }))
    const anna = await sdkOf('header')
    const { insert } = store
    store.insert = async (...row) => {
      core.down = true
      return insert.apply(store, row)
    }
    expect((await anna.refresh()).status).toBe(500)
    Object.assign(core, { down: false })
    store.insert = insert
    expect(await anna.request('GET', '/me')).toMatchObject({ status: 200, body: { id: 'anna' } })
    expect(movedTo()).toHaveLength(1)
    expect(await sessions.list('anna')).toHaveLength(2)
  })

  it.each(MODES)(
    'answers as SuperTokens did if the old session has ended or was stolen, in %s mode',
    async (mode) => {
      const { sessions, sdkOf } = await open()
      const { Session } = old
      for (const end of [
        async () => core.sessions.clear(),
        async (refreshToken: string) => {
          let token = refreshToken
          for (const _ of [1, 2])
            token = (
              await Session.refreshSessionWithoutRequestResponse(token, true)
            ).getAllSessionTokensDangerously().refreshToken
        },
      ]) {
        const anna = await sdkOf(mode)
        await end(anna.refreshToken)
        const refused = await anna.refresh()
        expect([refused.status, refused.body]).toStrictEqual([401, { message: 'unauthorised' }])
        expect(refused.headers['front-token']).toBe('remove')
        expect([anna.refreshToken, anna.client.jar.names, core.sessions.size]).toStrictEqual(['', [], 0])
      }
      expect(await sessions.list('anna')).toStrictEqual([])
    },
  )

  it('ignores a refresh that a page of another site has sent', async () => {
    const { sessions, sdkOf } = await open()
    const anna = await sdkOf('cookie')
    core.requests.length = 0
    const answer = await anna.client.send('POST', REFRESH, { headers: { 'sec-fetch-site': 'cross-site' } })
    expect([answer.status, answer.cookies]).toStrictEqual([403, []])
    expect(core.requests).toStrictEqual([])
    expect(await sessions.list('anna')).toStrictEqual([])
  })

  it('asks the core about no token that is not of its form', async () => {
    const { port } = await open()
    core.requests.length = 0
    for (const token of ['', 'x', 'a.b.V9', 'pawl_r1_x', `${'A'.repeat(8_000)}.!.V2`]) {
      for (const mode of MODES) {
        const sdk = createSdk(port, mode)
        if (mode === 'cookie') sdk.client.jar.put('sRefreshToken', token, REFRESH)
        else sdk.tokens.refresh = token
        const answer = await sdk.refresh()
        expect([mode, token, answer.status]).toStrictEqual([mode, token, 401])
        expect(answer.headers['front-token']).toBe('remove')
      }
    }
    expect(core.requests).toStrictEqual([])
  })

  it('takes the token of Pawl if an old cookie of another domain comes before it', async () => {
    const { sessions, sdkOf } = await open()
    const anna = await sdkOf('cookie')
    const { jar } = anna.client
    const token = jar.get('sRefreshToken')!
    jar.delete('sRefreshToken')
    jar.put('sRefreshToken', token, REFRESH, 'example.com')
    expect((await anna.refresh()).status).toBe(200)
    expect(jar.header(REFRESH)).toMatch(/sRefreshToken=[^;]+V2; .*sRefreshToken=pawl_/)
    core.requests.length = 0
    expect((await anna.refresh()).status).toBe(200)
    expect(core.requests).toStrictEqual([])
    expect(await anna.send('GET', '/me')).toMatchObject({ status: 200, body: { id: 'anna' } })
    expect(await sessions.list('anna')).toHaveLength(1)
  })

  it.each(MODES)('goes back to SuperTokens in %s mode, and nobody signs in again', async (mode) => {
    const store = memory()
    const { sessions, sdkOf } = await open(await openSessions({ store }))
    const anna = await sdkOf(mode, { tenantId: 't1', payload: { role: 'admin' }, data: { cart: [1] } })
    await anna.refresh()
    const mallory = await sdkOf(mode, { userId: 'mallory' })
    await mallory.refresh()
    await sessions.revokeUser('mallory')
    core.sessions.clear()
    const { port } = await openRelease(old, { section: 'Going back to SuperTokens', sessions })
    const [returned, lost, ended] = [anna, anna, mallory].map((sdk) => sdk.copy(port)) as [
      typeof anna,
      typeof anna,
      typeof anna,
    ]
    const { read } = store
    store.read = () => Promise.reject(new StoreUnavailableError('The store is away.'))
    const failed = await returned.refresh()
    expect([failed.status, failed.headers['front-token'], failed.cookies]).toStrictEqual([500, undefined, []])
    store.read = read
    expect(await returned.request('GET', '/me')).toMatchObject({ status: 200, body: { id: 'anna' } })
    expect(returned.refreshToken).toMatch(/V2$/)
    expect(await returned.refresh()).toMatchObject({ status: 200 })
    const [stored] = core.sessions.values()
    expect(stored).toMatchObject({ userId: 'anna', tenantId: 't1', userDataInDatabase: { cart: [1] } })
    expect(stored!.userDataInJWT).toMatchObject({ role: 'admin' })
    // An answer that was lost.
    expect(await lost.refresh()).toMatchObject({ status: 200 })
    expect((await sessions.list('anna', { active: true })).length).toBe(1)
    const refused = await ended.refresh()
    expect([refused.status, refused.body]).toStrictEqual([401, { message: 'unauthorised' }])
    expect([ended.refreshToken, ended.client.jar.names]).toStrictEqual(['', []])
    expect(core.sessions.size).toBe(2)
  })
})
