import { timingSafeEqual } from 'node:crypto'
import { DeviceMismatchError, DeviceProofRequiredError } from '../../portable/errors.ts'
import { matchesTarget, parseProof } from '../../portable/proof.ts'
import type { Engine } from '../engine.ts'
import { type NormalContext, type RequestProof, recordable } from '../request-context.ts'
import { assertActive, assertLive, compareEnds, readRow } from '../session/rows.ts'
import type { DeviceKey, SessionRow } from '../store.ts'
import type { RefreshToken } from '../tokens/refresh-token.ts'
import { keyOf, thumbprintOf, verifySignature } from './device-key.ts'
import { mintDeviceRecord, parseDeviceRecord } from './device-record.ts'

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
 * The key of a browser that registers by DBSC. Nothing is written: a browser that misses the answer forgets the key. The first
 * use of the device cookie shows that it has it.
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

/**
 * Binds a session to the key of a script or an app, which has stored that key before. The same registration again is
 * answered like the first one.
 * @returns the row
 * @throws DeviceProofRequiredError, DeviceMismatchError, SessionEndedError
 */
export async function registerKey(
  engine: Engine,
  token: Pick<RefreshToken, 'sessionId'>,
  { value, method, url }: RequestProof,
  kind: 'webcrypto' | 'native',
  from: NormalContext,
): Promise<SessionRow> {
  const proof = parseProof(value, 'dpop+jwt')
  const key = proof?.jwk ? keyOf(proof.jwk) : null
  if (proof === null || key === null || !mayRegister(engine, token, proof.nonce))
    throw new DeviceProofRequiredError()
  const { host, pathname } = new URL(url)
  if (!matchesTarget(proof, method, host, pathname) || !verifySignature(key, proof.input, proof.signature))
    throw new DeviceProofRequiredError()
  assertLive(engine, token.sessionId)
  const row = await readRow(engine.store, token.sessionId)
  compareEnds(engine, row)
  assertActive(token.sessionId, row, engine.clock.now())
  const device = { key, kind }
  if (!(await bind(engine, row, device, from))) throw new DeviceMismatchError()
  return { ...row, device: row.device ?? device }
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
