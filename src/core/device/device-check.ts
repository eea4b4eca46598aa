import { timingSafeEqual } from 'node:crypto'
import { DeviceProofRequiredError, SecretUnknownError, TryAgainError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import { sameBytes } from '../keys/same-bytes.ts'
import { countRefresh } from '../refresh/allowance.ts'
import { type NormalContext, type RefreshContext, type RequestProof, recordable } from '../request-context.ts'
import { endInRefresh } from '../session/ending.ts'
import type { DeviceKey, SessionRow } from '../store.ts'
import type { RefreshToken } from '../tokens/refresh-token.ts'
import {
  type DeviceRecord,
  isRecordOfUnknownSecret,
  mintDeviceRecord,
  parseDeviceRecord,
} from './device-record.ts'
import { bind } from './registration.ts'
import { verifyProof } from './signed-proof.ts'
import { unboundUntil } from './unbound.ts'
import { VOUCHES_FOR, type Vouching, vouches } from './vouching.ts'

/** A challenge outlives an access token by this many milliseconds, so that most proofs take one round trip. */
const CHALLENGE_MARGIN = 300_000

/** What the device check of a refresh allows. */
export interface DeviceCheck {
  /** The key of the row, also if this refresh has bound it. */
  readonly device: DeviceKey | null
  readonly vouching: Vouching
  /** When an access token of this refresh expires at the latest, in ms. */
  readonly until: number
}

type DeviceContext = Pick<RefreshContext, 'deviceCookies' | 'provesNext' | 'proofKind'>

/** A proof in a header of the request, with a valid signature. */
interface ReadProof {
  readonly key: Uint8Array
  /** What it signs; null if Pawl has not made that. */
  readonly challenge: DeviceRecord | null
}

/** The next challenge for the holder of a refresh token; null if the session is not bound. */
export function nextChallenge(
  { options, clock }: Engine,
  { id: sessionId, device }: Pick<SessionRow, 'id' | 'device'>,
  { fingerprint }: Pick<RefreshToken, 'fingerprint'>,
): string | null {
  if (device === null) return null
  const fields = { sessionId, at: clock.now(), fingerprint, key: device.key }
  return mintDeviceRecord(options.secrets, { purpose: 'refresh', ...fields })
}

/** Whether a challenge that Pawl made may still be signed, for this refresh token. */
export function isCurrentChallenge(
  { options, clock }: Engine,
  { at, fingerprint }: DeviceRecord,
  token: Pick<RefreshToken, 'fingerprint'>,
): boolean {
  return timingSafeEqual(fingerprint, token.fingerprint) && clock.now() - at <= challengeLifetime(options)
}

const challengeLifetime = ({ accessToken }: Engine['options']): number =>
  accessToken.lifetime + CHALLENGE_MARGIN

/**
 * Reads the proof in the header of a refresh. If only its challenge is out of date, it names the next one, so that the
 * client's second attempt is the first one that reads the row.
 * @throws DeviceProofRequiredError
 */
export function readProof(
  engine: Engine,
  token: RefreshToken,
  given: RequestProof | undefined,
): ReadProof | null {
  const proof = given === undefined ? null : verifyProof(given)
  if (proof === null) return null
  const { key, nonce } = proof
  const challenge = parseDeviceRecord(engine.options.secrets, nonce, 'refresh')
  const signed: ReadProof = { key, challenge }
  if (challenge === null || challenge.sessionId !== token.sessionId || !sameBytes(challenge.key, key))
    return signed
  if (isCurrentChallenge(engine, challenge, token)) return signed
  const device = { key, kind: 'webcrypto' } as const
  throw new DeviceProofRequiredError(
    nextChallenge(engine, { id: token.sessionId, device }, token),
    device.kind,
  )
}

/**
 * The condition in front of the decision: a refresh of a bound session needs a proof by the key of its device. Without one,
 * nothing changes, so whoever holds a copied token cannot end the session. What Pawl signs for a device holds its key, so a proof
 * binds a session again whose key the database has lost.
 * @param row as the holder of the token sees it
 * @param signed the result of {@link readProof}
 * @throws DeviceProofRequiredError
 * @throws SessionEndedError for a session that has stayed unbound too long
 */
export async function checkDevice(
  engine: Engine,
  token: RefreshToken,
  row: SessionRow,
  signed: ReadProof | null,
  { deviceCookies = [], provesNext = false, proofKind = 'native' }: DeviceContext,
  from: NormalContext,
  arrivedAt: number,
): Promise<DeviceCheck> {
  const { options, events } = engine
  const { rotation } = options
  const cookies = deviceCookies
    .flatMap((value) => parseDeviceRecord(options.secrets, value, 'vouch') ?? [])
    .filter(
      ({ sessionId, key }) => sessionId === row.id && (row.device === null || sameBytes(key, row.device.key)),
    )
  // Of several cookies, the one with the newest proof.
  for (const cookie of cookies.sort((one, other) => other.challengedAt - one.challengedAt)) {
    const vouching = vouches(cookie, token, arrivedAt, rotation)
    if (vouching === 'missing') continue
    if (row.device === null && !(await bind(engine, row, { key: cookie.key, kind: 'dbsc' }, from)))
      throw new TryAgainError()
    return allow(row.device ?? { key: cookie.key, kind: 'dbsc' }, vouching, cookie.at + VOUCHES_FOR)
  }
  // In a deploy of a new secret, another process has made it.
  if (
    row.device?.kind === 'dbsc' &&
    deviceCookies.some((value) => isRecordOfUnknownSecret(options.secrets, value))
  )
    throw new SecretUnknownError()
  const vouching = vouchingOf(engine, token, row, signed, arrivedAt)
  if (row.device === null) {
    if (signed === null || vouching === 'missing') {
      await endUnbound(engine, row, arrivedAt, provesNext)
      return allow(null, 'fresh')
    }
    const device = { key: signed.key, kind: proofKind }
    if (!(await bind(engine, row, device, from))) throw new TryAgainError()
    return allow(device, vouching)
  }
  const isOwnKey = signed !== null && sameBytes(signed.key, row.device.key)
  if (isOwnKey && vouching !== 'missing') return allow(row.device, vouching)
  // Apart from refreshes with a proof: a thief must not use up those of the owner.
  countRefresh(engine, token, 'unproven ')
  // A proof over another challenge, or for the token before this one, is the first attempt of an honest client.
  const hasProof = isOwnKey || cookies.some(({ at }) => arrivedAt - at <= VOUCHES_FOR)
  if (!hasProof && !provesNext) {
    const who = { sessionId: row.id, userId: row.userId, ...recordable(from, options.privacy) }
    events.emit(signed === null ? 'deviceProofMissing' : 'deviceMismatch', who)
  }
  throw new DeviceProofRequiredError(nextChallenge(engine, row, token), row.device.kind)
}

/** How far a proof in the header vouches: over a challenge that was made for its own key. */
function vouchingOf(
  { options }: Engine,
  token: RefreshToken,
  { id }: SessionRow,
  signed: ReadProof | null,
  arrivedAt: number,
): Vouching {
  const challenge = signed?.challenge ?? null
  if (signed === null || challenge === null) return 'missing'
  if (challenge.sessionId !== id || !sameBytes(challenge.key, signed.key)) return 'missing'
  const proof = { ...challenge, challengedAt: challenge.at }
  return vouches(proof, token, arrivedAt, options.rotation, challengeLifetime(options))
}

function allow(device: DeviceKey | null, vouching: Vouching, until = Number.POSITIVE_INFINITY): DeviceCheck {
  return { device, vouching, until }
}

/** @throws SessionEndedError */
async function endUnbound(
  engine: Engine,
  row: SessionRow,
  arrivedAt: number,
  provesNext: boolean,
): Promise<void> {
  if (arrivedAt < unboundUntil(engine, row)) return
  // The browser may be about to bind it.
  if (provesNext) throw new DeviceProofRequiredError()
  await endInRefresh(engine, row, 'device')
}
