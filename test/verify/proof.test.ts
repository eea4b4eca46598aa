import { describe, expect, it } from 'vitest'
import { createVerifier, errorResponse, type ProvenRequest } from '../../src/verify/index.ts'
import { coded } from '../support/errors.ts'
import { createBound, createDevice, type Device, sha256 } from '../support/proofs.ts'
import { openWithClock } from '../support/sessions.ts'

const PROOF_REQUIRED = coded('ERR_DEVICE_PROOF_REQUIRED', {
  requiredFor: 'request',
  challenge: null,
}) as Error
const URL_OF_REQUEST = 'https://api.example.com/pay?to=bert'

async function open() {
  const { sessions, clock, store } = await openWithClock({ keys: { algorithm: 'ES256' } })
  const verifier = createVerifier({ jwks: sessions.keys.jwks(), now: clock.now })
  const device = createDevice()
  const { accessToken } = await createBound(sessions, store, device)
  const prove = (changed: Readonly<Record<string, unknown>> = {}, by: Device = device): string =>
    by.dpop({
      htm: 'POST',
      htu: 'https://api.example.com/pay',
      iat: Math.floor(clock.now() / 1000),
      ath: sha256(accessToken),
      ...changed,
    })
  const verify = (proof: ProvenRequest['proof'], changed: Partial<ProvenRequest> = {}) =>
    verifier.verify(accessToken, { proof, method: 'POST', url: URL_OF_REQUEST, ...changed })
  return { sessions, clock, store, verifier, device, accessToken, prove, verify }
}

describe('a verifier with the proof of a request', () => {
  it('accepts that of the device of the session', async () => {
    const { verify, prove, device } = await open()
    expect(await verify(prove())).toMatchObject({ userId: 'anna', device: device.thumbprint })
    expect(await verify(prove(), { url: new URL(URL_OF_REQUEST) })).toMatchObject({ userId: 'anna' })
  })

  it('refuses a request without one, also for a token that it has verified before', async () => {
    const { verify, verifier, accessToken } = await open()
    await verifier.verify(accessToken)
    for (const proof of [null, undefined, '', 'x'])
      await expect(verify(proof)).rejects.toThrow(PROOF_REQUIRED)
  })

  it('refuses that for another request, of another time, for another token or by another key', async () => {
    const { verify, prove, clock } = await open()
    const now = clock.now() / 1000
    const wrong = [
      { htm: 'GET' },
      { htu: 'https://api.example.com/' },
      { htu: 'https://other.example.com/pay' },
      { iat: now - 301 },
      { iat: now + 301 },
      { ath: undefined },
      { ath: sha256('x') },
    ]
    for (const changed of wrong) await expect(verify(prove(changed))).rejects.toThrow(PROOF_REQUIRED)
    await expect(verify(prove({}, createDevice()))).rejects.toThrow(PROOF_REQUIRED)
    await expect(verify(prove(), { method: 'PUT' })).rejects.toThrow(PROOF_REQUIRED)
    for (const url of ['https://api.example.com/', '/pay', ''])
      await expect(verify(prove(), { url })).rejects.toThrow(PROOF_REQUIRED)
    const [header, , signature] = prove().split('.')
    const forged = `${header}.${prove({ jti: 'b2' }).split('.')[1]}.${signature}`
    await expect(verify(forged)).rejects.toThrow(PROOF_REQUIRED)
  })

  it('refuses a session that is not bound', async () => {
    const { sessions, verifier, prove } = await open()
    const token = (await sessions.create({ userId: 'anna' })).accessToken.value
    const request = { proof: prove({ ath: sha256(token) }), method: 'POST', url: URL_OF_REQUEST }
    expect(await verifier.verify(token)).toMatchObject({ device: null })
    await expect(verifier.verify(token, request)).rejects.toThrow(coded('ERR_DEVICE_REQUIRED') as Error)
  })

  it('checks the token first', async () => {
    const { verify, prove, clock } = await open()
    clock.advance(3600)
    await expect(verify(prove())).rejects.toThrow(coded('ERR_ACCESS_TOKEN_EXPIRED') as Error)
  })

  it('reads it from the header of a request', async () => {
    const { verifier, accessToken, prove } = await open()
    const request = (headers: Record<string, string>): Request =>
      new Request(URL_OF_REQUEST, { method: 'POST', headers })
    const authorization = `Bearer ${accessToken}`
    const proven = request({ authorization, dpop: prove() })
    expect(await verifier.verifyRequest(proven, { proof: true })).toMatchObject({ userId: 'anna' })
    const cookie = `__Host-pawl-access=${accessToken}`
    expect(await verifier.verifyRequest(request({ cookie, dpop: prove() }), { proof: true })).toBeDefined()
    const missing = verifier.verifyRequest(request({ authorization }), { proof: true })
    await expect(missing).rejects.toThrow(PROOF_REQUIRED)
  })

  it('answers a missing one as the application does', async () => {
    const { verify } = await open()
    const response = errorResponse(await verify(null).catch((error: unknown) => error))!
    expect(response.status).toBe(401)
    expect(await response.json()).toStrictEqual({ code: 'device_proof_required', refresh: false })
  })
})
