import { createHash, createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import type { DeviceStorage } from '../../../src/client/bind/device-storage.ts'
import { json, type World } from './world.ts'

/** A proof that a request carried. */
export interface SentProof {
  readonly header: { readonly typ: string; readonly alg: string; readonly jwk: JsonWebKey }
  readonly payload: Readonly<Record<string, unknown>>
  readonly isGenuine: boolean
}

export function readProof(request: Request): SentProof | null {
  const value = request.headers.get('dpop')
  if (value === null) return null
  const [header = '', payload = '', signature = ''] = value.split('.')
  const parse = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  const { jwk } = parse(header)
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const isGenuine = verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  return { header: parse(header), payload: parse(payload), isGenuine }
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** Values of one origin, shared by its tabs. A test may replace the methods. */
export function memoryStorage(): DeviceStorage & { readonly values: Map<string, unknown> } {
  const values = new Map<string, unknown>()
  return {
    values,
    get: async (name) => values.get(name),
    set: async (name, value) => (value ? values.set(name, value) : values.delete(name)),
    async add(name, value) {
      if (values.has(name)) throw new DOMException('There is one', 'ConstraintError')
      values.set(name, value)
    },
  }
}

/** What the server knows of the bound session. */
export interface DeviceExchange {
  /** The bound key. */
  x: string | undefined
  /** The challenge of the next refresh. */
  nonce: string
  readonly registrations: SentProof[]
  /** The proofs of refreshes; null: a refresh without a proof. */
  readonly refreshes: (SentProof | null)[]
}

/** Makes the server of a world bind sessions, as far as the client notices. */
export function bindSessions({ intercept }: World): DeviceExchange {
  const exchange: DeviceExchange = { x: undefined, nonce: 'refresh-0', registrations: [], refreshes: [] }
  let answer: Record<string, unknown>
  let logins = 0
  const isOf = (proof: SentProof | null, nonce: string): boolean =>
    proof?.isGenuine === true && proof.payload['nonce'] === nonce
  const next = (): { 'dpop-nonce': string } => {
    exchange.nonce = `refresh-${Number(exchange.nonce.slice(8)) + 1}`
    return { 'dpop-nonce': exchange.nonce }
  }
  intercept.set('POST /login', async (pass) => {
    answer = (await (await pass()).json()) as typeof answer
    exchange.x = undefined
    return json(200, { ...answer, deviceChallenge: `register-${++logins}` })
  })
  intercept.set('POST /session/device', async (_pass, request) => {
    const proof = readProof(request)!
    exchange.registrations.push(proof)
    const { x } = proof.header.jwk
    if (!isOf(proof, `register-${logins}`))
      return json(403, { code: 'device_proof_required', refresh: false })
    if (exchange.x !== undefined && exchange.x !== x)
      return json(403, { code: 'device_mismatch', refresh: false })
    exchange.x = x
    return json(200, { ...answer, refreshToken: null }, next())
  })
  intercept.set('POST /session/refresh', async (pass, request) => {
    const proof = readProof(request)
    exchange.refreshes.push(proof)
    if (exchange.x === undefined) return pass()
    if (!isOf(proof, exchange.nonce) || proof?.header.jwk.x !== exchange.x)
      return json(401, { code: 'device_proof_required', refresh: true }, next())
    const response = await pass()
    return json(response.status, await response.json(), next())
  })
  return exchange
}
