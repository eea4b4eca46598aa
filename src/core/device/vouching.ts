import { timingSafeEqual } from 'node:crypto'
import type { Decision, RotationSettings } from '../rotation/decision.ts'

/*
 * How far a proof of the device vouches for a refresh: pure functions, which the explorer explores. docs/protocol.md, "Bound
 * sessions", has the reasons.
 */

/** How long a device cookie vouches for its refresh token, in ms. Chromium renews a cookie that has less than two minutes left. */
export const VOUCHES_FOR = 600_000

/** A proof that the device made. Times in milliseconds. */
export interface DeviceProof {
  /** When Pawl made the challenge that it signs. */
  readonly challengedAt: number
  /** When Pawl accepted it. For a proof that comes with the refresh itself, the same as {@link challengedAt}. */
  readonly at: number
  /** Of the refresh token that came with it. */
  readonly fingerprint: Uint8Array
}

/**
 * - `fresh`: made for this refresh, as far as the network's delays tell. Whatever the rotation decides applies.
 * - `old`: it may have been copied with the cookies, and its token given up by the owner. {@link permits} bounds what it may do.
 * - `missing`: no proof for this refresh token.
 */
export type Vouching = 'fresh' | 'old' | 'missing'

/** @param within how long a proof vouches, in ms */
export function vouches(
  proof: DeviceProof | null,
  token: Pick<DeviceProof, 'fingerprint'>,
  now: number,
  { overlap, tolerance }: Pick<RotationSettings, 'overlap' | 'tolerance'>,
  within: number = VOUCHES_FOR,
): Vouching {
  if (proof === null || !timingSafeEqual(proof.fingerprint, token.fingerprint)) return 'missing'
  if (now - proof.at > within) return 'missing'
  return now - proof.challengedAt <= overlap + tolerance ? 'fresh' : 'old'
}

/**
 * Whether a decision may be carried out. Whoever holds an old proof may be a thief with copied cookies. He must not end the
 * session, nor move the row to a token that the owner has given up: then the owner's next token would end it.
 */
export function permits(vouching: Vouching, { answer, verdict, next }: Decision): boolean {
  if (vouching !== 'old') return vouching === 'fresh'
  if (answer === 'refuse' || verdict === 'ahead') return false
  return verdict !== 'sibling' || next === undefined
}
