import { createHash, createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import type { DeviceStorage } from '../../../src/client/bind/device-storage.ts'
import type { World } from './world.ts'

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

/** The proofs that the server of a world has seen. */
export interface SeenProofs {
  readonly registrations: SentProof[]
  /** The proofs of refreshes; null: a refresh without a proof. */
  readonly refreshes: (SentProof | null)[]
  /** The challenges that the server has sent. */
  readonly challenges: string[]
}

export function watchProofs({ intercept }: World): SeenProofs {
  const seen: SeenProofs = { registrations: [], refreshes: [], challenges: [] }
  const watch = (name: string, proofs: (SentProof | null)[]): void => {
    intercept.set(name, async (pass, request) => {
      proofs.push(readProof(request))
      const response = await pass()
      const challenge = response.headers.get('dpop-nonce')
      if (challenge !== null) seen.challenges.push(challenge)
      return response
    })
  }
  watch('POST /session/device', seen.registrations as (SentProof | null)[])
  watch('POST /session/refresh', seen.refreshes)
  return seen
}
