import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { Store } from '../../src/core/store.ts'
import type { ClaimsObject, CreateSession, Sessions } from '../../src/index.ts'
import { encodePart } from './jwt.ts'

type Json = Readonly<Record<string, unknown>>

/** A device with a key of P-256, which signs whatever a test has it sign. */
export interface Device {
  readonly jwk: { readonly kty: string; readonly crv: string; readonly x: string; readonly y: string }
  /** 33 bytes. */
  readonly key: Buffer
  readonly thumbprint: string
  /** A proof for a request (RFC 9449 section 4.2); `undefined` removes a member. */
  dpop(payload: Json, header?: Json): string
  /** Signs two encoded parts. */
  sign(input: string): string
}

export function createDevice(): Device {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' }) as Record<string, string>
  const jwk = { kty: kty!, crv: crv!, x: x!, y: y! }
  const isOdd = Buffer.from(jwk.y, 'base64url').at(-1)! & 1
  const signed = (input: string): string => `${input}.${es256(privateKey, input)}`
  return {
    jwk,
    key: Buffer.concat([Buffer.of(2 + isOdd), Buffer.from(jwk.x, 'base64url')]),
    thumbprint: sha256(JSON.stringify({ crv, kty, x, y })),
    dpop: (payload, header = {}) =>
      signed(
        `${encodePart({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header })}.${encodePart({ jti: 'a1', ...payload })}`,
      ),
    sign: signed,
  }
}

/** SHA-256 as base64url: `ath` of an access token (RFC 9449 section 4.2). */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

const es256 = (key: KeyObject, input: string): string =>
  sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')

const REFRESH = { method: 'POST', url: 'https://app.example/session/refresh' }

/** A login whose session is bound to the device. Its access token says so. */
export async function createBound(
  sessions: Sessions,
  store: Store,
  device: Device,
  login: CreateSession<ClaimsObject, unknown> = { userId: 'anna' },
): Promise<{ readonly accessToken: string; readonly refreshToken: string; readonly sessionId: string }> {
  const { session, refreshToken } = await sessions.create(login)
  const { sessionId } = session
  await store.bindDevice(sessionId, { key: device.key, kind: 'native' })
  return { sessionId, ...(await refreshBound(sessions, device, refreshToken.value)) }
}

/** Refreshes with a proof over the challenge that a refresh without one asks for. */
export async function refreshBound(
  sessions: Sessions,
  device: Device,
  refreshToken: string,
): Promise<{ readonly accessToken: string; readonly refreshToken: string }> {
  const error = await sessions.refresh(refreshToken).catch((thrown: { challenge?: string }) => thrown)
  const nonce = 'challenge' in error ? error.challenge : undefined
  const value = device.dpop({ htm: REFRESH.method, htu: REFRESH.url, iat: 0, nonce })
  const refreshed = await sessions.refresh(refreshToken, { proof: { value, ...REFRESH } })
  return {
    accessToken: refreshed.accessToken.value,
    refreshToken: refreshed.refreshToken?.value ?? refreshToken,
  }
}
