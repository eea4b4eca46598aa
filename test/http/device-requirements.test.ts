import { describe, expect, it } from 'vitest'
import { mintDeviceRecord } from '../../src/core/device/device-record.ts'
import { ENGINE } from '../../src/core/engine.ts'
import { type Answer, ORIGIN, openSite, type Site, type VisitOptions } from '../support/http-site.ts'
import { createBound, createDevice, type Device, sha256 } from '../support/proofs.ts'

const PROOF_REQUIRED = { status: 401, body: { code: 'device_proof_required', refresh: false }, cookies: [] }
const DEVICE_REQUIRED = { status: 403, body: { code: 'device_required', refresh: false }, cookies: [] }

interface Bound {
  readonly site: Site
  readonly device: Device
  readonly accessToken: string
  /** A proof for `POST /pay` with the access token. */
  prove(changed?: Readonly<Record<string, unknown>>, by?: Device): string
  /** Sends `POST /pay` in bearer mode. */
  pay(proof: string | undefined, options?: VisitOptions & { readonly token?: string }): Promise<Answer>
}

async function openBound(): Promise<Bound> {
  const site = await openSite()
  const device = createDevice()
  const { accessToken } = await createBound(site.sessions, site.store, device)
  return {
    site,
    device,
    accessToken,
    prove: (changed, by = device) =>
      by.dpop({
        htm: 'POST',
        htu: `${ORIGIN}/pay`,
        iat: Math.floor(site.clock.now() / 1000),
        ath: sha256(accessToken),
        ...changed,
      }),
    pay: (proof, { token = accessToken, ...options } = {}) =>
      site.visitor().visit('POST', '/pay?to=bert', {
        info: { proof: true },
        headers: { authorization: `Bearer ${token}`, dpop: proof },
        ...options,
      }),
  }
}

describe('a route that requires a proof', () => {
  it('serves a request with a proof by the key of its session', async () => {
    const { prove, pay } = await openBound()
    expect(await pay(prove())).toMatchObject({ status: 200, body: { userId: 'anna' } })
    expect((await pay(prove({ nonce: 'any' }))).status).toBe(200)
  })

  it('refuses a request without one, and tells the client not to refresh', async () => {
    const { pay } = await openBound()
    for (const proof of [undefined, '', 'x']) expect(await pay(proof)).toMatchObject(PROOF_REQUIRED)
  })

  it('refuses a proof for another request, of another time, for another token or by another key', async () => {
    const { site, prove, pay } = await openBound()
    const now = site.clock.now() / 1000
    const wrong = [
      { htm: 'GET' },
      { htu: `${ORIGIN}/other` },
      { htu: 'https://other.example.com/pay' },
      { iat: now - 301 },
      { iat: now + 301 },
      { ath: undefined },
      { ath: sha256('x') },
    ]
    for (const changed of wrong) expect(await pay(prove(changed))).toMatchObject(PROOF_REQUIRED)
    expect(await pay(prove({}, createDevice()))).toMatchObject(PROOF_REQUIRED)
    const [header, payload, signature] = prove().split('.')
    const other = prove({ jti: 'b2' }).split('.')[1]
    expect(await pay(`${header}.${other}.${signature}`)).toMatchObject(PROOF_REQUIRED)
    expect(await pay(`${prove()}, ${header}.${payload}.${signature}`)).toMatchObject(PROOF_REQUIRED)
    expect((await pay(prove({ iat: now - 300 }))).status).toBe(200)
  })

  it('refuses a proof for another access token of the session', async () => {
    const { site, device, prove, pay } = await openBound()
    const other = await createBound(site.sessions, site.store, device)
    expect(await pay(prove(), { token: other.accessToken })).toMatchObject(PROOF_REQUIRED)
  })

  it('refuses a session that is not bound, whatever the proof', async () => {
    const { site, prove, pay } = await openBound()
    const { accessToken } = await site.sessions.create({ userId: 'anna' })
    const token = accessToken.value
    expect(await pay(prove({ ath: sha256(token) }), { token })).toMatchObject(DEVICE_REQUIRED)
  })

  it('with an optional session serves visitors, and refuses a session without a proof', async () => {
    const { pay, site } = await openBound()
    const info = { proof: true, optional: true }
    const handler = ({ current }: { current: object | null }): Response => Response.json(current === null)
    expect(await site.visitor().visit('POST', '/pay', { info, handler })).toMatchObject({ body: true })
    expect(await pay(undefined, { info, handler })).toMatchObject(PROOF_REQUIRED)
  })

  it('takes the proof for an expired token that an inline refresh replaces', async () => {
    const site = await openSite({ refresh: 'inline' })
    const device = createDevice()
    const { accessToken, refreshToken, sessionId } = await createBound(site.sessions, site.store, device)
    site.clock.advance(3600)
    const challenge = await site.sessions.refresh(refreshToken).catch((error) => error.challenge as string)
    const send = (ath: string): Promise<Answer> =>
      site.visitor().visit('POST', '/pay', {
        info: { proof: true },
        handler: (session) => Response.json([session.sessionId === sessionId, session.device]),
        headers: {
          cookie: `__Host-pawl-access=${accessToken}; __Secure-pawl-refresh=${refreshToken}`,
          dpop: device.dpop({
            htm: 'POST',
            htu: `${ORIGIN}/pay`,
            iat: site.clock.now() / 1000,
            ath,
            nonce: challenge,
          }),
        },
      })
    expect(await send(sha256('other'))).toMatchObject({ status: 401 })
    expect(await send(sha256(accessToken))).toMatchObject({ status: 200, body: [true, device.thumbprint] })
  })
})

describe('a route that requires a device', () => {
  const info = { device: true }
  const get = (site: Site, headers: Record<string, string>): Promise<Answer> =>
    site.visitor().visit('GET', '/', { info, headers })

  it('serves bound sessions alone', async () => {
    const { site, accessToken } = await openBound()
    expect((await get(site, { authorization: `Bearer ${accessToken}` })).status).toBe(200)
    const { accessToken: unbound } = await site.sessions.create({ userId: 'anna' })
    expect(await get(site, { authorization: `Bearer ${unbound.value}` })).toMatchObject(DEVICE_REQUIRED)
  })

  it('serves a browser whose device cookie is for its session and recent', async () => {
    const site = await openSite()
    const { secrets } = site.sessions[ENGINE].options
    const { session, accessToken } = await site.sessions.create({ userId: 'anna' })
    const cookie = (sessionId: string, purpose: 'vouch' | 'refresh' = 'vouch'): Record<string, string> => {
      const device = mintDeviceRecord(secrets, { purpose, sessionId, at: site.clock.now() })
      return { cookie: `__Host-pawl-access=${accessToken.value}; __Host-pawl-device=${device}` }
    }
    const { session: other } = await site.sessions.create({ userId: 'anna' })
    const own = cookie(session.sessionId)
    expect((await get(site, own)).status).toBe(200)
    expect(await get(site, cookie(session.sessionId, 'refresh'))).toMatchObject(DEVICE_REQUIRED)
    expect(await get(site, cookie(other.sessionId))).toMatchObject(DEVICE_REQUIRED)
    site.clock.advance(601)
    expect(await get(site, own)).toMatchObject(DEVICE_REQUIRED)
  })

  it('serves an administrator on a bound device who acts as a user', async () => {
    const { site, device, accessToken } = await openBound()
    const root = site.visitor()
    const { body } = await root.visit('POST', '/act', {
      headers: { authorization: `Bearer ${accessToken}` },
      handler: async (session) => Response.json(await session.actAs({ userId: 'bert' })),
    })
    const acting = (body as { accessToken: string }).accessToken
    expect(site.sessions.verify(acting)).toMatchObject({ userId: 'bert', device: device.thumbprint })
    expect((await get(site, { authorization: `Bearer ${acting}` })).status).toBe(200)
  })
})
