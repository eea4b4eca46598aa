import { timingSafeEqual } from 'node:crypto'
import { DeviceMismatchError, DeviceProofRequiredError, TryAgainError } from '../../portable/errors.ts'
import { parseProof } from '../../portable/proof.ts'
import type { Engine } from '../engine.ts'
import type { Secrets } from '../keys/secrets.ts'
import { assertUnexpired, type HeldSession, heldSession } from '../refresh/held-session.ts'
import { type NormalContext, type RequestProof, recordable } from '../request-context.ts'
import { pendingLifetime } from '../rotation/decision.ts'
import { assertRowsVisible } from '../session/missing-row.ts'
import { requireAncestors } from '../session/parent.ts'
import { assertLive, compareEnds, readRow } from '../session/rows.ts'
import { assertNotOutdated, readForToken } from '../session/stored-values.ts'
import type { DeviceKey, SessionRow } from '../store.ts'
import { type IssuedToken, issueAccessToken } from '../tokens/issue.ts'
import type { RefreshToken } from '../tokens/refresh-token.ts'
import { keyOf, thumbprintOf, verifySignature } from './device-key.ts'
import { type DeviceRecord, mintDeviceRecord, parseDeviceRecord } from './device-record.ts'
import { verifyProof } from './signed-proof.ts'

/** How long the challenge of a login or reauthentication may be signed, in ms. */
const REGISTER_WITHIN = 300_000

/** The challenge that binds a session; null if it is bound, or binding is off. */
export function registrationChallenge(
  { options, clock }: Engine,
  sessionId: string,
  isBound: boolean,
): string | null {
  if (options.deviceBinding === 'off' || isBound) return null
  return mintDeviceRecord(options.secrets, { purpose: 'register', sessionId, at: clock.now() })
}

/**
 * The key of a browser that registers by DBSC. Nothing is written: a browser that misses the answer forgets the key. Its first
 * proof over the challenge of that answer binds the session.
 * @throws DeviceProofRequiredError
 */
export function registeredKey(
  engine: Engine,
  token: Pick<RefreshToken, 'sessionId'>,
  value: string,
): Uint8Array {
  const proof = parseProof(value, 'dbsc+jwt')
  const key = proof?.jwk ? keyOf(proof.jwk) : null
  if (proof === null || key === null || !mayRegister(engine, token, proof.jti))
    throw new DeviceProofRequiredError()
  if (!verifySignature(key, proof.input, proof.signature)) throw new DeviceProofRequiredError()
  return key
}

/** What a browser that has registered has signed. */
export interface SignedChallenge {
  readonly challenge: DeviceRecord
  isSignedBy(key: Uint8Array): boolean
}

/** Reads the proof of a browser that has registered; null if Pawl has not made what it signs. Needs no row. */
export function readSignedChallenge(secrets: Secrets, value: string): SignedChallenge | null {
  const proof = parseProof(value, 'dbsc+jwt')
  const challenge = proof === null ? null : parseDeviceRecord(secrets, proof.jti, 'confirm', 'refresh')
  if (proof === null || challenge === null) return null
  // A key in the proof itself proves nothing.
  const isSignedBy = (key: Uint8Array): boolean =>
    proof.jwk === null && verifySignature(key, proof.input, proof.signature)
  return { challenge, isSignedBy }
}

/**
 * The key of the browser that a session is bound to; null if it is bound otherwise.
 * @throws TryAgainError for an unbound session: a proof that binds it may be on its way, and would find the key deleted
 */
export function browserKey({ device }: Pick<SessionRow, 'device'>): Uint8Array | null {
  if (device === null) throw new TryAgainError()
  return device.kind === 'dbsc' ? device.key : null
}

/** Binds a session to the key of a browser, which has received the answer to its registration. @throws DeviceMismatchError */
export async function confirmRegistration(
  engine: Engine,
  token: RefreshToken,
  key: Uint8Array,
  from: NormalContext,
): Promise<void> {
  const { row } = await readHeldSession(engine, token)
  if (!(await bind(engine, row, { key, kind: 'dbsc' }, from))) throw new DeviceMismatchError()
}

/**
 * Binds a session to the key of a script or an app, which has stored that key before. The same registration again is
 * answered like the first one.
 * @returns a new access token, and the session as the holder of the refresh token sees it
 * @throws DeviceProofRequiredError, DeviceMismatchError, SessionEndedError, SessionOutdatedError
 */
export async function registerKey(
  engine: Engine,
  token: RefreshToken,
  given: RequestProof,
  kind: 'webcrypto' | 'native',
  from: NormalContext,
): Promise<{ readonly row: SessionRow; readonly accessToken: IssuedToken }> {
  const proof = verifyProof(given)
  if (proof === null || !mayRegister(engine, token, proof.nonce)) throw new DeviceProofRequiredError()
  const { key } = proof
  const { session, lineage } = await readHeldSession(engine, token)
  const values = await readForToken(engine, session)
  assertNotOutdated(engine, values)
  const now = engine.clock.now()
  const { ids: ancestors, until } = await requireAncestors(engine, session, now)
  const device = { key, kind }
  if (!(await bind(engine, session, device, from))) throw new DeviceMismatchError()
  const row = { ...session, device }
  // The client comes back soon with the refresh token of a pending renewal.
  const pending =
    typeof lineage === 'object' ? pendingLifetime(engine.options.rotation) : Number.POSITIVE_INFINITY
  const atMost = Math.min(pending, until - now)
  const { claims } = values.row
  const issue = { generation: token.generation, twin: null, now, context: from, ancestors, atMost }
  return { row, accessToken: await issueAccessToken(engine, { ...row, claims }, issue) }
}

/** The session of a refresh token, as a refresh would find it. @throws SessionEndedError, RefreshTokenInvalidError */
export async function readHeldSession(engine: Engine, token: RefreshToken): Promise<HeldSession> {
  assertLive(engine, token.sessionId)
  const row = await readRow(engine.store, token.sessionId)
  if (row === null) await assertRowsVisible(engine)
  compareEnds(engine, row)
  const held = heldSession(token, row)
  assertUnexpired(engine, token, held.session, engine.clock.now())
  return held
}

/** @returns whether the session has this key now */
export async function bind(
  { store, events, options }: Engine,
  { id: sessionId, userId, device: present }: Pick<SessionRow, 'id' | 'userId' | 'device'>,
  device: DeviceKey,
  from: NormalContext,
): Promise<boolean> {
  if (present !== null) return present.kind === device.kind && timingSafeEqual(present.key, device.key)
  if (!(await store.bindDevice(sessionId, device))) return false
  const { ip, userAgent } = recordable(from, options.privacy)
  const thumbprint = thumbprintOf(device.key)
  events.emit('deviceBound', { sessionId, userId, kind: device.kind, thumbprint, ip, userAgent })
  return true
}

function mayRegister(
  { options, clock }: Engine,
  { sessionId }: Pick<RefreshToken, 'sessionId'>,
  challenge: string | null,
): boolean {
  const record = parseDeviceRecord(options.secrets, challenge, 'register')
  return record !== null && record.sessionId === sessionId && clock.now() - record.at <= REGISTER_WITHIN
}
