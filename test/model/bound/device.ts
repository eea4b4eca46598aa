import { type DeviceProof, permits, type Vouching, vouches } from '../../../src/core/device/vouching.ts'
import { type Decision, type RotationSettings, settleTime } from '../../../src/core/rotation/decision.ts'
import { same, type Token } from '../tokens.ts'
import type { Mutation } from './mutations.ts'

/** Whose key signs, or is in the row. */
export type Holder = 'owner' | 'thief'

/** In ticks. The order of these times is that of the defaults. */
export const ACCESS = 6
export const VOUCHES = 7
export const CHALLENGE = 8
export const REGISTER = 2

/** What a proof signs: good for the refresh token that it names. */
export interface Challenge {
  readonly token: Token
  readonly at: number
}

/** The device cookie, or a proof that comes with the refresh itself. */
export interface Proof extends DeviceProof {
  readonly token: Token
  readonly key: Holder
}

/** The server's side of bound sessions, with one rule taken away. The shipped functions decide. */
export interface DeviceRules {
  /** The device cookie for a signed challenge; null if the challenge is refused. */
  earn(challenge: Challenge, token: Token, at: number, key: Holder): Proof | null
  vouching(proof: Proof | null, token: Token, at: number, key: Holder): Vouching
  permitted(vouching: Vouching, decision: Decision): boolean
  /** When the access token of a refresh expires. */
  expiry(at: number, proof: Proof | null): number
  /** When the access token of a renewal expires, which another access token has asked for. */
  renewalExpiry(at: number, expiresAt: number): number
  /** When the last access token expires that a copy made at this time is good for, by what the protocol promises. */
  promise(copiedAt: number, hasProof: boolean): number
}

export function createDeviceRules(
  kind: 'dbsc' | 'dpop',
  settings: RotationSettings,
  mutation: Mutation | null,
): DeviceRules {
  /** A proof that comes with the refresh is as good as its challenge. */
  const within =
    mutation === 'a proof expires' ? Number.POSITIVE_INFINITY : kind === 'dbsc' ? VOUCHES : CHALLENGE
  const pending = settleTime(settings) + 1
  return {
    earn(challenge, token, at, key) {
      const isForToken =
        same(challenge.token.fingerprint, token.fingerprint) ||
        mutation === 'a challenge is for one refresh token'
      if (!isForToken || (at - challenge.at > CHALLENGE && mutation !== 'a challenge expires')) return null
      const challengedAt = mutation === 'a proof is as old as its challenge' ? at : challenge.at
      return { challengedAt, at, fingerprint: token.fingerprint, token, key }
    },
    vouching(proof, token, at, key) {
      if (mutation === 'the proof is checked') return 'fresh'
      if (proof === null || proof.key !== key) return 'missing'
      const { fingerprint } = mutation === 'a proof is for one refresh token' ? proof : token
      const isRenewed = kind === 'dpop' && mutation === 'a proof is as old as its challenge'
      return vouches(
        isRenewed ? { ...proof, challengedAt: at } : proof,
        { fingerprint },
        at,
        settings,
        within,
      )
    },
    permitted(vouching, decision) {
      if (vouching === 'missing') return false
      if (mutation === 'an old proof ends nothing' && decision.answer === 'refuse') return true
      if (mutation === 'an old proof switches nothing' && decision.verdict === 'sibling') return true
      return permits(vouching, decision)
    },
    expiry(at, proof) {
      const isBounded =
        kind === 'dbsc' && proof !== null && mutation !== 'an access token expires with its proof'
      return isBounded ? Math.min(at + ACCESS, proof.at + within) : at + ACCESS
    },
    renewalExpiry(at, expiresAt) {
      const isBounded = mutation !== 'a renewal expires with its access token'
      return isBounded ? Math.min(at + pending, expiresAt) : at + pending
    },
    promise(copiedAt, hasProof) {
      const { tolerance } = settings
      if (kind === 'dpop') return copiedAt + ACCESS + tolerance + (hasProof ? CHALLENGE : 0)
      return copiedAt + VOUCHES + tolerance + (hasProof ? CHALLENGE : 0)
    },
  }
}
