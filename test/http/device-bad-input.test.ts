import { describe, expect, it } from 'vitest'
import { mintDeviceRecord } from '../../src/core/device/device-record.ts'
import { ENGINE } from '../../src/core/engine.ts'
import { sessionsOverHttp } from '../../src/http/http.ts'
import type { SessionsOptions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import {
  challengeIn,
  createDevice,
  type DbscVisitor,
  DEVICE_COOKIE,
  type Device,
  dbscProof,
  dbscVisitor,
  type ProvingClient,
  provingClient,
  registrationIn,
} from '../support/device.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import { type Answer, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { encodePart } from '../support/jwt.ts'
import { FOREIGN_SECRET, NEW_SECRET } from '../support/secrets.ts'
import { counting } from '../support/stores.ts'

const DEVICE = '/session/device'
const PROOF_REQUIRED = { status: 403, body: { code: 'device_proof_required', refresh: false } }
/** The order of the curve's field: no coordinate is as large. */
const P = (1n << 256n) - (1n << 224n) + (1n << 192n) + (1n << 96n) - 1n
const base64url = (value: bigint | number): string =>
  Buffer.from(value.toString(16).padStart(64, '0'), 'hex').toString('base64url')

interface Setting {
  readonly site: Site
  readonly anna: DbscVisitor
  /** Genuine records of this and of other installations, sessions and purposes. */
  readonly challenges: Challenges
  /** The calls of the store since the last call of this. */
  calls(): string[]
  /** The row, with everything in it. */
  row(): Promise<unknown>
}

interface Challenges {
  readonly register: string
  readonly ofOtherSession: string
  readonly ofOtherInstallation: string
  readonly ofOtherPurpose: string
}

/** A user whose browser may register, and another one. */
async function openUnbound(): Promise<Setting> {
  const { store, calls } = counting(memory())
  const site = await openSite({}, { store, deviceBinding: 'offer' })
  const anna = dbscVisitor(site)
  // The login of a browser that does not know the header.
  const login = await site.visitor(anna.jar).login()
  const { sessionId } = (await site.sessions.list('anna'))[0]!
  const other = registrationIn(await site.visitor().login({ userId: 'berta' }))!
  const foreign = await openSite({}, { secret: FOREIGN_SECRET, deviceBinding: 'offer' })
  const at = site.clock.now()
  const { secrets } = site.sessions[ENGINE].options
  return {
    site,
    anna,
    challenges: {
      register: registrationIn(login)!,
      ofOtherSession: other,
      ofOtherInstallation: mintDeviceRecord(foreign.sessions[ENGINE].options.secrets, {
        purpose: 'register',
        sessionId,
        at,
      }),
      ofOtherPurpose: mintDeviceRecord(secrets, { purpose: 'vouch', sessionId, at }),
    },
    calls: () => calls.splice(0),
    row: () => store.read(sessionId),
  }
}

type Json = Readonly<Record<string, unknown>>
/** A jwk in place of the device's own. */
type Keys = (device: Device) => unknown

const BAD_KEYS: Readonly<Record<string, Keys>> = {
  'of another curve': ({ jwk }) => ({ ...jwk, crv: 'secp256k1' }),
  'of another type': ({ jwk }) => ({ ...jwk, kty: 'OKP' }),
  'with a private part': ({ jwk }) => ({ ...jwk, d: jwk.x }),
  'off the curve': ({ jwk }) => ({ ...jwk, y: jwk.x }),
  'of zeros': ({ jwk }) => ({ ...jwk, x: base64url(0), y: base64url(0) }),
  'with x as large as the field': ({ jwk }) => ({ ...jwk, x: base64url(P) }),
  'with a coordinate of 31 bytes': ({ jwk }) => ({ ...jwk, x: jwk.x.slice(0, 42) }),
  'with padding': ({ jwk }) => ({ ...jwk, x: `${jwk.x}=` }),
  'of another algorithm': ({ jwk }) => ({ ...jwk, alg: 'ES384' }),
  'to encrypt': ({ jwk }) => ({ ...jwk, use: 'enc' }),
  'that is text': ({ jwk }) => JSON.stringify(jwk),
  'that is a list': ({ jwk }) => [jwk],
  'that is null': () => null,
  'that another device has': () => createDevice().jwk,
}

const BAD_HEADERS: Readonly<Record<string, Json>> = {
  'alg none': { alg: 'none' },
  'alg ES384': { alg: 'ES384' },
  'alg HS256': { alg: 'HS256' },
  'typ JWT': { typ: 'JWT' },
  'no typ': { typ: undefined },
  crit: { crit: ['exp'], exp: 0 },
}

const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)])

describe('a registration is refused without a statement', () => {
  const send = ({ site, anna }: Setting, proof: string): Promise<Answer> =>
    site.visitor(anna.jar).visit('POST', DEVICE, { headers: { 'secure-session-response': proof } })
  const sign = (device: Device, header: unknown, payload: unknown): string =>
    device.sign(`${encodePart(header)}.${encodePart(payload)}`)

  async function refuses(setting: Setting, answers: readonly Promise<Answer>[]): Promise<void> {
    expect(setting.calls()).toStrictEqual([])
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatchObject({ ...PROOF_REQUIRED, cookies: [] })
      expect(challengeIn(answer)).toBeNull()
    }
    expect(setting.calls()).toStrictEqual([])
  }

  it('by DBSC: with a malformed proof, another key or another challenge', async () => {
    const setting = await openUnbound()
    const { challenges } = setting
    const before = await setting.row()
    setting.calls()
    const device = createDevice()
    const header = { alg: 'ES256', typ: 'dbsc+jwt', jwk: device.jwk }
    const payload = { jti: challenges.register }
    const proofs = [
      ...Object.values(BAD_KEYS).map((key) => sign(device, { ...header, jwk: key(device) }, payload)),
      ...Object.values(BAD_HEADERS).map((bad) => sign(device, { ...header, ...bad }, payload)),
      ...[challenges.ofOtherSession, challenges.ofOtherInstallation, challenges.ofOtherPurpose, '', 'x'].map(
        (jti) => sign(device, header, { jti }),
      ),
      ...[{}, { jti: null }, { jti: 1 }, [payload], 'text', null].map((bad) => sign(device, header, bad)),
      sign(device, header, { ...payload, nested: deep(2000) }),
      sign(device, header, `{"jti":"x","jti":"${challenges.register}"}`),
      sign(device, header, { ...payload, padding: 'x'.repeat(4096) }),
      sign(device, { ...header, typ: 'dpop+jwt' }, payload),
      `${sign(device, header, payload).slice(0, -4)}AAAA`,
      `${sign(device, header, payload)}.`,
      sign(device, header, payload).slice(0, -30),
      '..',
      '',
      dbscProof(device, challenges.register),
    ]
    await refuses(
      setting,
      proofs.map((proof) => send(setting, proof)),
    )
    expect(await setting.row()).toStrictEqual(before)
    // The cookies are good, and the proof is what was wanting.
    expect(await send(setting, sign(device, header, payload))).toMatchObject({ status: 200, cookies: [] })
  })

  it.each(['cookie', 'bearer'] as const)('by DPoP in %s mode, and for another request too', async (mode) => {
    const { store, calls } = counting(memory())
    const site = await openSite({}, { store, deviceBinding: 'offer' })
    const berta = (await provingClient(site, mode).login({ userId: 'berta' })).body as {
      deviceChallenge: string
    }
    const anna = provingClient(site, mode)
    const { deviceChallenge } = (await anna.login()).body as { deviceChallenge: string }
    const { sessionId } = (await site.sessions.list('anna'))[0]!
    const before = await store.read(sessionId)
    const { device } = anna
    const good = anna.proofFor('device', deviceChallenge)
    const proofs = [
      ...Object.values(BAD_KEYS).map((key) =>
        anna.proofFor('device', deviceChallenge, {}, { jwk: key(device) }),
      ),
      ...Object.values(BAD_HEADERS).map((bad) => anna.proofFor('device', deviceChallenge, {}, bad)),
      ...[null, berta.deviceChallenge, 'x'].map((nonce) => anna.proofFor('device', nonce)),
      ...[
        { htm: 'GET' },
        { htm: 'post' },
        { htm: undefined },
        { htu: 'https://app.example.com/session/refresh' },
        { htu: 'https://evil.example/session/device' },
        { htu: 'https://user@app.example.com/session/device' },
        { htu: '/session/device' },
        { htu: undefined },
        { iat: undefined },
        { iat: 'now' },
        { iat: 1.5 },
        { jti: '' },
        { jti: undefined },
        { nested: deep(2000) },
        { padding: 'x'.repeat(4096) },
      ].map((bad) => anna.proofFor('device', deviceChallenge, bad)),
      anna.proofFor('device', deviceChallenge, {}, { typ: 'dbsc+jwt' }),
      `${good}, ${good}`,
      `${good.slice(0, -4)}AAAA`,
      '',
    ]
    calls.length = 0
    for (const proof of proofs) expect(await registerWith(anna, mode, proof)).toMatchObject(PROOF_REQUIRED)
    expect(calls).toStrictEqual([])
    expect(await store.read(sessionId)).toStrictEqual(before)
    // A clock of the device that is off does not matter: the challenge has the time of the server.
    const off = anna.proofFor('device', deviceChallenge, { iat: 0 })
    expect((await registerWith(anna, mode, off)).status).toBe(200)
  })

  it('five minutes after the login', async () => {
    const setting = await openUnbound()
    const device = createDevice()
    const proof = dbscProof(device, setting.challenges.register, { withKey: true })
    setting.site.clock.advance(300)
    expect((await send(setting, proof)).status).toBe(200)
    setting.site.clock.advance(0.001)
    setting.calls()
    expect(await send(setting, proof)).toMatchObject(PROOF_REQUIRED)
    expect(setting.calls()).toStrictEqual([])
  })

  it('by a thief who has the cookies but not the challenge of the login', async () => {
    const setting = await openUnbound()
    setting.calls()
    const thief = provingClient(setting.site, 'cookie', setting.anna.jar.copy())
    expect(await thief.register('pawl_d1_')).toMatchObject(PROOF_REQUIRED)
    expect(await thief.visit('POST', DEVICE)).toMatchObject(PROOF_REQUIRED)
    expect(await send(setting, dbscProof(createDevice(), 'x', { withKey: true }))).toMatchObject(
      PROOF_REQUIRED,
    )
    expect(setting.calls()).toStrictEqual([])
  })

  const registerWith = (client: ProvingClient, mode: 'cookie' | 'bearer', dpop: string): Promise<Answer> =>
    client.visit('POST', DEVICE, {
      headers: { dpop, ...(mode === 'bearer' && { 'content-type': 'application/json' }) },
      ...(mode === 'bearer' && { body: JSON.stringify({ refreshToken: client.tokens.refreshToken }) }),
    })
})

describe('a second key', () => {
  it('does not replace the first one, whatever the kinds', async () => {
    const setting = await openUnbound()
    const { site, anna, challenges } = setting
    const device = createDevice()
    const script = provingClient(site, 'cookie', anna.jar, device)
    expect((await script.register(challenges.register)).status).toBe(200)
    const before = await setting.row()
    const mismatch = { status: 403, body: { code: 'device_mismatch', refresh: false }, cookies: [] }
    const other = createDevice()
    const proof = dbscProof(other, challenges.register, { withKey: true })
    const register = (value: string): Promise<Answer> =>
      site.visitor(anna.jar).visit('POST', DEVICE, { headers: { 'secure-session-response': value } })
    expect(await register(proof)).toMatchObject(mismatch)
    expect(await register(dbscProof(device, challenges.register, { withKey: true }))).toMatchObject(mismatch)
    expect(await provingClient(site, 'cookie', anna.jar, other).register(challenges.register)).toMatchObject(
      mismatch,
    )
    expect(await setting.row()).toStrictEqual(before)
  })

  it('whose registration was answered before the first one was bound ends as a registration', async () => {
    const setting = await openUnbound()
    const { site, anna, challenges } = setting
    const visitor = site.visitor(anna.jar)
    const [first, second] = [createDevice(), createDevice()]
    const register = (device: Device): Promise<Answer> =>
      visitor.visit('POST', DEVICE, {
        headers: { 'secure-session-response': dbscProof(device, challenges.register, { withKey: true }) },
      })
    const [one, two] = [await register(first), await register(second)]
    const { session_identifier: id } = one.body as { session_identifier: string }
    const confirm = (device: Device, answer: Answer): Promise<Answer> =>
      visitor.visit('POST', DEVICE, {
        headers: {
          'sec-secure-session-id': id,
          'secure-session-response': dbscProof(device, challengeIn(answer)!),
        },
      })
    expect((await confirm(first, one)).status).toBe(200)
    expect(await confirm(second, two)).toMatchObject({
      status: 200,
      body: { session_identifier: id, continue: false },
    })
    expect((await site.sessions.list('anna'))[0]!.device!.thumbprint).toBe(first.thumbprint)
  })
})

describe('a refresh proof at the device route', () => {
  async function openBound() {
    const setting = await openUnbound()
    const { site, anna, challenges } = setting
    const plain = site.visitor(anna.jar)
    const device = createDevice()
    const answer = await plain.visit('POST', DEVICE, {
      headers: { 'secure-session-response': dbscProof(device, challenges.register, { withKey: true }) },
    })
    const { session_identifier: id } = answer.body as { session_identifier: string }
    const prove = (proof: string | null, visitor: Visitor = plain): Promise<Answer> =>
      visitor.visit('POST', DEVICE, {
        headers: { 'sec-secure-session-id': id, ...(proof !== null && { 'secure-session-response': proof }) },
      })
    const confirmed = await prove(dbscProof(device, challengeIn(answer)!))
    expect(confirmed.status).toBe(200)
    setting.calls()
    return { ...setting, device, prove, challenge: challengeIn(confirmed)!, confirm: challengeIn(answer)! }
  }

  it('is refused without a statement unless Pawl made its challenge, and then names another one', async () => {
    const { site, anna, device, prove, challenge, challenges, calls, row } = await openBound()
    const before = await row()
    calls()
    anna.jar.delete(DEVICE_COOKIE)
    const sign = (header: Json, payload: unknown): string =>
      device.sign(`${encodePart({ alg: 'ES256', typ: 'dbsc+jwt', ...header })}.${encodePart(payload)}`)
    const proofs = [
      null,
      '',
      '..',
      ...Object.values(BAD_HEADERS).map((bad) => sign(bad, { jti: challenge })),
      ...['x', ...Object.values(challenges)].map((jti) => dbscProof(device, jti)),
      dbscProof(device, `${challenge.slice(0, -4)}AAAA`),
      sign({}, { jti: challenge, nested: deep(2000) }),
      sign({}, { jti: challenge, padding: 'x'.repeat(4096) }),
    ]
    for (const proof of proofs) {
      const answer = await prove(proof)
      expect(answer).toMatchObject({ ...PROOF_REQUIRED, cookies: [] })
      expect(challengeIn(answer)).toMatch(/^pawl_d1_/)
    }
    expect(calls()).toStrictEqual([])
    // Whoever signs such a challenge is checked against the row.
    const next = challengeIn(await prove(null))!
    expect(await prove(dbscProof(createDevice(), next))).toMatchObject({ ...PROOF_REQUIRED, cookies: [] })
    expect(await row()).toStrictEqual(before)
    expect(await prove(dbscProof(device, next))).toMatchObject({ status: 200 })
    expect((await site.visitor(anna.jar).refresh()).status).toBe(200)
  })

  it('vouches for nothing with the challenge of another session, token or time', async () => {
    const { site, anna, device, prove, challenge, calls } = await openBound()
    // Of another token of the session.
    site.clock.advance(901)
    expect((await prove(dbscProof(device, challenge))).status).toBe(200)
    const refreshed = await site.visitor(anna.jar).refresh()
    expect(refreshed.status).toBe(200)
    calls()
    expect(await prove(dbscProof(device, challenge))).toMatchObject(PROOF_REQUIRED)
    // Of another session of the same device.
    const berta = dbscVisitor(site)
    await berta.login({ userId: 'berta' })
    await berta.me()
    calls()
    const [{ device: hers, challenge: ofHers }] = berta.registrations as [(typeof berta.registrations)[0]]
    expect(await prove(dbscProof(hers, ofHers!))).toMatchObject(PROOF_REQUIRED)
    // An access token's lifetime and five minutes later.
    const current = challengeIn(refreshed)!
    site.clock.advance(1200)
    expect((await prove(dbscProof(device, current))).status).toBe(200)
    site.clock.advance(0.001)
    expect(await prove(dbscProof(device, current))).toMatchObject(PROOF_REQUIRED)
    expect(calls()).toStrictEqual([])
  })

  it('with its own key in the header proves nothing', async () => {
    const { prove, challenge } = await openBound()
    const proof = dbscProof(createDevice(), challenge, { withKey: true })
    expect(await prove(proof)).toMatchObject({ ...PROOF_REQUIRED, cookies: [] })
  })
})

describe('a refresh with a bad proof', () => {
  it.each(['cookie', 'bearer'] as const)('changes nothing in %s mode', async (mode) => {
    const { store, calls } = counting(memory())
    const site = await openSite({}, { store, deviceBinding: 'offer' })
    const anna = provingClient(site, mode)
    await anna.login()
    await anna.register()
    const { sessionId } = (await site.sessions.list('anna'))[0]!
    site.clock.advance(901)
    const before = await store.read(sessionId)
    const nonce = anna.nonce!
    const proofs = [
      ...Object.values(BAD_KEYS).map((key) => anna.proofFor('refresh', nonce, {}, { jwk: key(anna.device) })),
      ...Object.values(BAD_HEADERS).map((bad) => anna.proofFor('refresh', nonce, {}, bad)),
      anna.proofFor('refresh', 'x'),
      anna.proofFor('device', nonce),
      anna.proofFor('refresh', nonce, { htm: 'GET' }),
      anna.proofFor('refresh', nonce, { nested: deep(2000) }),
      anna.proofFor('refresh', nonce, { padding: 'x'.repeat(4096) }),
      `${anna.proofFor('refresh', nonce).slice(0, -4)}AAAA`,
    ]
    calls.length = 0
    for (const proof of proofs)
      expect(await anna.refreshWith(proof)).toMatchObject({
        status: 401,
        body: { code: 'device_proof_required', refresh: true },
        cookies: [],
      })
    // As without any proof: the refresh token is genuine, and the row says which key it needs.
    expect(calls).toStrictEqual(proofs.map(() => 'read'))
    expect(await store.read(sessionId)).toStrictEqual(before)
    expect((await anna.refreshWith(anna.proofFor('refresh', nonce))).status).toBe(200)
  })
})

describe('the device cookie', () => {
  it('vouches for nothing if it is of another session, purpose, installation, token or time', async () => {
    const site = await openSite({}, { deviceBinding: 'offer' })
    const anna = dbscVisitor(site)
    await anna.login()
    await anna.me()
    const { sessionId } = (await site.sessions.list('anna'))[0]!
    const { secrets } = site.sessions[ENGINE].options
    const foreign = await openSite({}, { secret: FOREIGN_SECRET })
    const berta = dbscVisitor(site)
    await berta.login({ userId: 'berta' })
    await berta.me()
    site.clock.advance(901)
    const row = (await site.store.read(sessionId))!
    const at = site.clock.now()
    const fields = {
      purpose: 'vouch',
      sessionId,
      at,
      fingerprint: row.current,
      key: row.device!.key,
    } as const
    const genuine = mintDeviceRecord(secrets, fields)
    const cookies = [
      berta.jar.get(DEVICE_COOKIE)!,
      ...(['register', 'confirm', 'refresh'] as const).map((purpose) =>
        mintDeviceRecord(secrets, { ...fields, purpose }),
      ),
      mintDeviceRecord(secrets, { ...fields, fingerprint: row.anchorHash }),
      mintDeviceRecord(secrets, { ...fields, key: createDevice().key }),
      mintDeviceRecord(secrets, { ...fields, at: at - 600_001 }),
      `${genuine}=`,
      genuine.slice(0, -1),
      `${genuine.slice(0, -1)}${genuine.endsWith('A') ? 'B' : 'A'}`,
    ]
    const visitor = site.visitor(anna.jar)
    for (const cookie of cookies) {
      anna.jar.put(DEVICE_COOKIE, cookie)
      expect(await visitor.refresh()).toMatchObject({
        status: 401,
        body: { code: 'device_proof_required', refresh: true },
      })
    }
    // In a deploy of a new secret, another process may have made it.
    anna.jar.put(DEVICE_COOKIE, mintDeviceRecord(foreign.sessions[ENGINE].options.secrets, fields))
    expect(await visitor.refresh()).toMatchObject({ status: 503, body: { code: 'unavailable' }, cookies: [] })
    expect(await site.store.read(sessionId)).toStrictEqual(row)
    anna.jar.put(DEVICE_COOKIE, genuine)
    expect((await visitor.refresh()).status).toBe(200)
  })
})

describe('the device route', () => {
  it('answers 503 and keeps the cookies if the secret of the refresh token is unknown', async () => {
    const { site, anna } = await openUnbound()
    const later = await openSite({}, { secret: NEW_SECRET, deviceBinding: 'offer', now: site.clock.now })
    const requests = [
      {},
      { dpop: 'x' },
      { 'secure-session-response': 'x' },
      { 'sec-secure-session-id': 'x', 'secure-session-response': 'x' },
    ]
    for (const headers of requests) {
      expect(await later.visitor(anna.jar).visit('POST', DEVICE, { headers })).toMatchObject({
        status: 503,
        body: { code: 'unavailable' },
        cookies: [],
      })
    }
  })

  it('answers a forged refresh token without a statement, as the refresh route does', async () => {
    const { site, anna, calls } = await openUnbound()
    calls()
    const genuine = anna.jar.get('__Secure-pawl-refresh')!
    anna.jar.put('__Secure-pawl-refresh', `${genuine.slice(0, -4)}AAAA`, '/session')
    for (const headers of [{}, { dpop: 'x' }, { 'sec-secure-session-id': 'x' }])
      expect((await site.visitor(anna.jar).visit('POST', DEVICE, { headers })).status).toBe(401)
    expect(calls()).toStrictEqual([])
  })

  it.each(['a b', 'a@b', '[', undefined])('refuses a proof if the request has the host %s', async (host) => {
    const { site, anna, challenges } = await openUnbound()
    const dpop = provingClient(site, 'cookie').proofFor('device', challenges.register)
    const headers = {
      'sec-fetch-site': 'same-origin',
      cookie: anna.jar.header('/session/device')!,
      dpop,
      ...(host !== undefined && { host }),
    }
    const exchange = fakeExchange({ method: 'POST', target: DEVICE, headers, secure: true })
    const { reply } = await sessionsOverHttp(site.sessions).handle(exchange)
    expect(reply).toMatchObject({ status: 403, body: expect.stringContaining('device_proof_required') })
  })

  it('binds nothing, and gives no access token, while a schema refuses the claims', async () => {
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) => (strict ? { issues: [{ message: 'no' }] } : { value }),
      },
    } as const
    let strict = false
    const site = await openSite({}, {
      claims: schema,
      onSchemaMismatch: 'reject',
      deviceBinding: 'offer',
    } as unknown as Partial<SessionsOptions>)
    const anna = provingClient(site, 'cookie')
    await anna.login()
    strict = true
    expect(await anna.register()).toMatchObject({
      status: 401,
      body: { code: 'session_outdated' },
      cookies: [],
    })
    strict = false
    expect((await site.sessions.list('anna'))[0]!.device).toBeNull()
    expect((await anna.register()).status).toBe(200)
  })

  it('answers nothing but POST, and none of another site', async () => {
    const { anna, site } = await openUnbound()
    const visitor = site.visitor(anna.jar)
    const got = await visitor.visit('GET', DEVICE)
    expect([got.status, got.headers.get('allow')]).toStrictEqual([405, 'POST'])
    const headers = { 'sec-fetch-site': 'cross-site', 'secure-session-response': 'x' }
    expect(await visitor.visit('POST', DEVICE, { headers })).toMatchObject({
      status: 403,
      body: { code: 'csrf_rejected' },
    })
  })

  it('sets no cookie after a slow database, which could replace that of a later login', async () => {
    const plain = memory()
    let slow = 0
    const store = new Proxy(plain, {
      get(target, name) {
        if (name === 'bindDevice') site.clock.advance(slow)
        return Reflect.get(target, name) as unknown
      },
    })
    const site = await openSite({}, { store, deviceBinding: 'offer' })
    const [script, browser] = [provingClient(site, 'cookie'), dbscVisitor(site)]
    await script.login()
    await browser.login({ userId: 'berta' })
    slow = 16
    expect(await script.register()).toMatchObject({ status: 503, body: { code: 'try_again' }, cookies: [] })
    await browser.prove()
    expect(browser.jar.get(DEVICE_COOKIE)).toBeUndefined()
    slow = 0
    expect((await script.register()).status).toBe(200)
    await browser.prove()
    expect(browser.jar.get(DEVICE_COOKIE)).toBeDefined()
    expect(browser.proofs.map(({ status }) => status)).toStrictEqual([200, 503, 200])
  })
})
