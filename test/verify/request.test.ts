import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { problemOf, problemReply } from '../../src/http/problem.ts'
import {
  AccessTokenExpiredError,
  AccessTokenInvalidError,
  createVerifier,
  errorResponse,
  NotSignedInError,
  SessionEndedError,
  StoreUnavailableError,
  type VerifierOptions,
} from '../../src/verify/index.ts'
import { coded } from '../support/errors.ts'
import { openWithClock } from '../support/sessions.ts'

const INVALID = coded('ERR_ACCESS_TOKEN_INVALID') as Error
const NOT_SIGNED_IN = coded('ERR_NOT_SIGNED_IN') as Error

describe('the token of a request', () => {
  async function open(options: Partial<VerifierOptions> = {}) {
    const { sessions, clock } = await openWithClock({ keys: { algorithm: 'ES256' } })
    const verifier = createVerifier({ jwks: sessions.keys.jwks(), now: clock.now, ...options })
    const token = async (userId: string): Promise<string> =>
      (await sessions.create({ userId })).accessToken.value
    return {
      clock,
      anna: await token('anna'),
      bert: await token('bert'),
      userOf: async (headers: Record<string, string>) =>
        (await verifier.verifyRequest(new Request('https://api.example.com/', { headers }))).userId,
    }
  }

  it('comes from the `Authorization: Bearer` header', async () => {
    const { anna, userOf } = await open()
    for (const authorization of [`Bearer ${anna}`, `bearer ${anna}`, `BEARER   ${anna}`])
      expect(await userOf({ authorization })).toBe('anna')
    for (const authorization of ['Bearer', `Bearer ${anna} x`, `Bearer ${anna}, Bearer ${anna}`, 'Bearer é'])
      await expect(userOf({ authorization })).rejects.toThrow(INVALID)
  })

  it('comes from the access cookie if there is no bearer token', async () => {
    const { anna, bert, userOf } = await open()
    const cookie = `a=b; __Host-pawl-access=${anna}; __Secure-pawl-refresh=x`
    expect(await userOf({ cookie })).toBe('anna')
    expect(await userOf({ cookie, authorization: 'Basic eDp5' })).toBe('anna')
    expect(await userOf({ cookie, authorization: `Bearer ${bert}` })).toBe('bert')
    await expect(userOf({ cookie, authorization: 'Bearer x' })).rejects.toThrow(INVALID)
    await expect(userOf({ cookie, 'pawl-transport': 'bearer' })).rejects.toThrow(NOT_SIGNED_IN)
    await expect(userOf({ cookie: `__host-pawl-access=${anna}` })).rejects.toThrow(NOT_SIGNED_IN)
  })

  it('comes from a cookie with the configured name', async () => {
    const { anna, userOf } = await open({ cookie: 'pawl-access' })
    expect(await userOf({ cookie: `pawl-access=${anna}` })).toBe('anna')
    await expect(userOf({ cookie: `__Host-pawl-access=${anna}` })).rejects.toThrow(NOT_SIGNED_IN)
  })

  it('is the valid one of duplicate cookies', async () => {
    const { anna, bert, clock, userOf } = await open()
    const name = '__Host-pawl-access'
    expect(await userOf({ cookie: `${name}=x; ${name}=${anna}; ${name}=${bert}` })).toBe('anna')
    clock.advance(900)
    await expect(userOf({ cookie: `${name}=x; ${name}=${anna}` })).rejects.toThrow(
      coded('ERR_ACCESS_TOKEN_EXPIRED') as Error,
    )
  })

  it('is missing from a request with neither', async () => {
    const { userOf } = await open()
    for (const headers of [
      {},
      { cookie: '' },
      { cookie: '__Host-pawl-access=' },
      { authorization: 'Basic x' },
    ])
      await expect(userOf(headers)).rejects.toThrow(NOT_SIGNED_IN)
  })

  it('is found in any object with `headers.get`', async () => {
    const { sessions, clock } = await openWithClock({ keys: { algorithm: 'EdDSA' } })
    const { accessToken } = await sessions.create({ userId: 'anna' })
    const headers: Record<string, string> = { authorization: `Bearer ${accessToken.value}` }
    const verifier = createVerifier({ jwks: sessions.keys.jwks(), now: clock.now })
    expect((await verifier.verifyRequest({ headers: { get: (name) => headers[name] } })).userId).toBe('anna')
  })
})

describe('many forged access cookies', () => {
  async function open(cookie: string) {
    const { sessions, clock } = await openWithClock({ keys: { algorithm: 'ES256' } })
    const verifier = createVerifier({ jwks: sessions.keys.jwks(), now: clock.now, cookie })
    const { accessToken } = await sessions.create({ userId: 'anna' })
    const [header, payload, signature] = accessToken.value.split('.')
    const forged = Array.from({ length: 60 }, (_, index) => {
      const bytes = Buffer.from(signature!, 'base64url')
      bytes[index]! ^= 1
      return `${cookie}=${header}.${payload}.${bytes.toString('base64url')}`
    }).join('; ')
    const userOf = async (sent: string): Promise<string> =>
      (await verifier.verifyRequest(new Request('https://api.example.com/', { headers: { cookie: sent } })))
        .userId
    const checks = vi.spyOn(crypto.subtle, 'verify')
    onTestFinished(() => checks.mockRestore())
    return { genuine: `${cookie}=${accessToken.value}`, forged, userOf, checks }
  }

  it.each(['__Host-pawl-access', '__Secure-pawl-access'])(
    'named %s make the verifier check at most four signatures',
    async (name) => {
      const { forged, userOf, checks } = await open(name)
      await expect(userOf(`${forged}; ${forged}`)).rejects.toThrow(INVALID)
      await expect(userOf(`${forged}; ${forged}`)).rejects.toThrow(INVALID)
      expect(checks).toHaveBeenCalledTimes(8)
    },
  )

  it('do not hide a token that was verified before', async () => {
    const { genuine, forged, userOf } = await open('__Secure-pawl-access')
    expect(await userOf(genuine)).toBe('anna')
    expect(await userOf(`${forged}; ${genuine}; ${forged}`)).toBe('anna')
  })

  it('do not hide a token of a known key if theirs are unknown', async () => {
    const { genuine, userOf, checks } = await open('__Secure-pawl-access')
    const unknown = Array.from({ length: 60 }, (_, index) => `__Secure-pawl-access=a${index}.b.c`).join('; ')
    await expect(userOf(unknown)).rejects.toThrow(INVALID)
    expect(await userOf(`${unknown}; ${genuine}; ${unknown}`)).toBe('anna')
    expect(checks).toHaveBeenCalledTimes(1)
  })

  it('with one value are checked once', async () => {
    const { forged, userOf, checks } = await open('__Host-pawl-access')
    const [one] = forged.split('; ')
    await expect(userOf(`${one}; ${one}; ${one}`)).rejects.toThrow(INVALID)
    expect(checks).toHaveBeenCalledTimes(1)
  })
})

describe('the response to an error', () => {
  it.each([
    new NotSignedInError(),
    new AccessTokenExpiredError('superseded'),
    new AccessTokenInvalidError(),
    new SessionEndedError('id', 'revoked'),
    new SessionEndedError('id', 'replaced'),
    new StoreUnavailableError('down'),
  ])('equals the response of the application: $message', async (error) => {
    const response = errorResponse(error)!
    const expected = problemReply(problemOf(error)!, true)
    expect([response.status, await response.text()]).toStrictEqual([expected.status, expected.body])
    expect(Object.fromEntries(response.headers)).toStrictEqual(Object.fromEntries(expected.headers))
  })

  it('tells clients whether to refresh', async () => {
    const response = errorResponse(new AccessTokenExpiredError('expired'))!
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    expect(response.headers.get('cache-control')).toBe('private, no-store')
    expect(await response.json()).toStrictEqual({ code: 'access_token_expired', refresh: true })
  })

  it('is null for an error that is not from Pawl', () => {
    for (const error of [new Error('x'), new TypeError('x'), null, { code: 'ERR_NOT_SIGNED_IN' }])
      expect(errorResponse(error)).toBeNull()
  })
})
