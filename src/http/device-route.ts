import { isCurrentChallenge, nextChallenge } from '../core/device/device-check.ts'
import { mintDeviceRecord, namesKey } from '../core/device/device-record.ts'
import {
  browserKey,
  confirmRegistration,
  readHeldSession,
  readSignedChallenge,
  registeredKey,
  registerKey,
} from '../core/device/registration.ts'
import { assertWrites } from '../core/read-only.ts'
import { normalizeContext, recordable } from '../core/request-context.ts'
import { assertLive } from '../core/session/rows.ts'
import { assertGenuine, parseRefreshToken, type RefreshToken } from '../core/tokens/refresh-token.ts'
import {
  type AnySessionsError,
  DeviceMismatchError,
  DeviceProofRequiredError,
  isSessionsError,
  NotSignedInError,
  TryAgainError,
} from '../portable/errors.ts'
import {
  challengeHeader,
  type DbscRequest,
  dbscRequest,
  endRegistration,
  identifierOf,
  instructions,
} from './dbsc.ts'
import { challengeHeaders } from './device-challenge.ts'
import { errorReply } from './error-reply.ts'
import type { Header, Reply } from './exchange.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { chooseRefreshToken } from './refresh-cookies.ts'
import { jsonReply, NO_CACHING, setCookieHeaders } from './reply.ts'
import { bearerAnswer, cookieAnswer } from './session-answer.ts'

/** The routes of the requests of devices: `POST <path>/device`. */
export async function deviceRoute<C extends object, D>(
  request: IncomingRequest<C, D>,
  refreshTokenInBody: () => Promise<string | null>,
): Promise<Reply> {
  const dbsc = request.transport === 'cookie' ? dbscRequest(request) : null
  try {
    assertWrites(request.engine.store)
    if (dbsc !== null) return await answerBrowser(request, dbsc)
    return request.transport === 'bearer'
      ? await registerApp(request, await refreshTokenInBody())
      : await registerScript(request)
  } catch (error) {
    if (!isSessionsError(error)) throw error
    return refuse(request, error)
  }
}

async function answerBrowser<C extends object, D>(
  request: IncomingRequest<C, D>,
  { id, proof }: DbscRequest,
): Promise<Reply> {
  const token = heldToken(request)
  if (token === null) {
    // The browser sends no cookies with the proof if a page of another site has begun the request that waits for it.
    if (id !== null && !request.hasSignedOut) throw new TryAgainError()
    if (id === null) throw new NotSignedInError()
    return endRegistration(id, [request.cookies.clearDevice()])
  }
  // After a new login the browser has two registrations. The old one proves itself with the new cookies.
  if (id !== null && identifierOf(token.sessionId) !== id) return endRegistration(id, [])
  try {
    return id === null ? await register(request, token, proof ?? '') : await prove(request, token, id, proof)
  } catch (error) {
    const isOver =
      isSessionsError(error) && (error.code === 'ERR_SESSION_ENDED' || error.code === 'ERR_DEVICE_MISMATCH')
    if (id === null || !isOver) throw error
    return endRegistration(id, request.clearedDevice)
  }
}

/** Answers with a challenge over the new key. The session is bound once the browser signs that. */
async function register<C extends object, D>(
  request: IncomingRequest<C, D>,
  token: RefreshToken,
  proof: string,
): Promise<Reply> {
  const { engine } = request
  const key = registeredKey(engine, token, proof)
  const { row } = await readHeldSession(engine, token)
  if (row.device !== null) throw new DeviceMismatchError()
  return instructions(request, token.sessionId, challengeOver(request, 'confirm', token, key), [])
}

async function prove<C extends object, D>(
  request: IncomingRequest<C, D>,
  token: RefreshToken,
  id: string,
  proof: string | null,
): Promise<Reply> {
  const { engine, cookies } = request
  const { clock, options, events } = engine
  const { sessionId } = token
  assertLive(engine, sessionId)
  const signed = proof === null ? null : readSignedChallenge(options.secrets, proof)
  // Only what Pawl has made for this session is worth a read.
  if (signed === null || signed.challenge.sessionId !== sessionId)
    throw new DeviceProofRequiredError(challengeOver(request, 'refresh', token))
  const { challenge, isSignedBy } = signed
  const { purpose, at: challengedAt } = challenge
  const row = namesKey(challenge) ? null : (await readHeldSession(engine, token)).row
  const key = row === null ? challenge.key : browserKey(row)
  if (key === null) return endRegistration(id, request.clearedDevice)
  const isSigned = isSignedBy(key)
  if (!isSigned) {
    const { userId } = row ?? (await readHeldSession(engine, token)).row
    const context = recordable(normalizeContext(request), options.privacy)
    events.emit('deviceMismatch', { sessionId, userId, ...context })
  }
  if (!isSigned || !isCurrentChallenge(engine, challenge, token)) {
    const next = purpose === 'confirm' ? 'confirm' : 'refresh'
    throw new DeviceProofRequiredError(challengeOver(request, next, token, key))
  }
  if (purpose === 'confirm') await confirmRegistration(engine, token, key, normalizeContext(request))
  assertInTime(request)
  const at = clock.now()
  const { fingerprint } = token
  const vouch = { purpose: 'vouch', sessionId, at, challengedAt, fingerprint, key } as const
  const cookie = cookies.device(mintDeviceRecord(options.secrets, vouch), at)
  return instructions(request, sessionId, challengeOver(request, 'refresh', token, key), [cookie])
}

async function registerScript<C extends object, D>(request: IncomingRequest<C, D>): Promise<Reply> {
  const { engine, cookies, proof } = request
  const token = heldToken(request)
  if (token === null) throw new NotSignedInError()
  if (proof === undefined) throw new DeviceProofRequiredError()
  const { row, accessToken } = await registerKey(engine, token, proof, 'webcrypto', normalizeContext(request))
  assertInTime(request)
  const now = engine.clock.now()
  const expiresAt = row.persistent ? new Date(row.expiresAt) : null
  const headers = setCookieHeaders([cookies.access(accessToken.value, { expiresAt, now })])
  return jsonReply(200, cookieAnswer(request, row.id, accessToken), [
    ...headersFor(request, row, token),
    ...headers,
  ])
}

async function registerApp<C extends object, D>(
  request: IncomingRequest<C, D>,
  value: string | null,
): Promise<Reply> {
  const { engine, proof } = request
  if (value === null) throw new NotSignedInError()
  const token = assertGenuine(parseRefreshToken(engine.options.secrets, value))
  if (proof === undefined) throw new DeviceProofRequiredError()
  const { row, accessToken } = await registerKey(engine, token, proof, 'native', normalizeContext(request))
  return jsonReply(200, bearerAnswer(request, accessToken, null), headersFor(request, row, token))
}

function headersFor<C extends object, D>(
  { engine }: IncomingRequest<C, D>,
  row: Parameters<typeof nextChallenge>[1],
  token: RefreshToken,
): Header[] {
  return [...NO_CACHING, ...challengeHeaders(row.id, nextChallenge(engine, row, token), row.device?.kind)]
}

/** @throws SecretUnknownError, RefreshTokenInvalidError, TryAgainError */
function heldToken<C extends object, D>(request: IncomingRequest<C, D>): RefreshToken | null {
  const chosen = chooseRefreshToken(request)
  // The cookies of a login may still be on their way.
  if (chosen === 'other-session') throw new TryAgainError()
  return typeof chosen === 'string' ? null : assertGenuine(chosen)
}

/** A late answer must not replace the cookie of a login that came after it. @throws TryAgainError */
function assertInTime<C extends object, D>({ arrivedAt, engine }: IncomingRequest<C, D>): void {
  if (engine.clock.now() - arrivedAt > engine.options.decideWithin) throw new TryAgainError()
}

function challengeOver<C extends object, D>(
  { engine }: IncomingRequest<C, D>,
  purpose: 'confirm' | 'refresh',
  { sessionId, fingerprint }: RefreshToken,
  key?: Uint8Array,
): string {
  const fields = { purpose, sessionId, at: engine.clock.now(), fingerprint, ...(key && { key }) }
  return mintDeviceRecord(engine.options.secrets, fields)
}

/** A browser ends its registration at any status but 403 and those of a server that is in trouble. */
function refuse<C extends object, D>(request: IncomingRequest<C, D>, error: AnySessionsError): Reply {
  const reply = errorReply(request, error)
  if (reply === null) throw error
  if (error.code !== 'ERR_DEVICE_PROOF_REQUIRED') return reply
  const { challenge } = error
  const token = challenge === null ? null : heldToken(request)
  const headers = challenge === null || token === null ? [] : [challengeHeader(token.sessionId, challenge)]
  return jsonReply(403, { code: 'device_proof_required', refresh: false }, [...NO_CACHING, ...headers])
}
