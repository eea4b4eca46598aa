import { type Refreshed, refresh } from '../core/refresh/refresh.ts'
import type { RefreshContext } from '../core/request-context.ts'
import { idleExpiry } from '../core/session/lifetime.ts'
import {
  isOfUnknownSecret,
  type ParsedRefreshToken,
  type RefreshToken,
} from '../core/tokens/refresh-token.ts'
import {
  type AnySessionsError,
  isSessionsError,
  NotSignedInError,
  SessionEndedError,
  TryAgainError,
} from '../portable/errors.ts'
import { isHostOnly } from '../wire/credentials.ts'
import { refreshActing } from './acting.ts'
import { challengeHeaders } from './device-challenge.ts'
import type { Header } from './exchange.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { reportLargeCookies } from './large-cookies.ts'
import { problemOf } from './problem.ts'

/** When a client tries again after a proof that the browser has skipped, in seconds. */
const SKIPPED_RETRY = 10

/** The result of a refresh through cookies, with the cookies to set. */
export type CookieRefresh =
  | {
      readonly refreshed: Refreshed
      readonly cookies: readonly string[]
      readonly headers: readonly Header[]
    }
  | {
      readonly error: AnySessionsError
      readonly cookies: readonly string[]
      readonly headers: readonly Header[]
    }

/** How many sessions a refresh tries. More than one only for doubled cookies, of sessions that have ended. */
const MAX_TRIED = 3

/** The refresh token that a request is to exchange. */
export function chooseRefreshToken<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
): ParsedRefreshToken | 'none' | 'other-session' {
  const candidates = refreshCandidates(request)
  return typeof candidates === 'string' ? candidates : candidates[0]
}

/**
 * The refresh tokens of a request to try, one of each session, best first. At most one is ever exchanged. Of several genuine
 * ones, only those of the sessions that access cookies name count, and of these the newest come first.
 */
function refreshCandidates<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
): readonly [ParsedRefreshToken, ...ParsedRefreshToken[]] | 'none' | 'other-session' {
  const parsed = request.refreshTokens
  const [first] = parsed
  if (first === undefined) return 'none'
  const genuine = parsed.flatMap(({ token }) => token ?? [])
  // A token of an unknown secret comes first, so that garbage beside it does not clear its cookie.
  if (genuine.length === 0) return [parsed.find(isOfUnknownSecret) ?? first]
  const preferred = request.preferredSessionIds
  if (preferred.length === 0 && mayBePlanted(request, genuine)) return 'none'
  const candidates =
    preferred.length === 0 ? genuine : genuine.filter(({ sessionId }) => preferred.includes(sessionId))
  const [newest, ...older] = candidates.toSorted(
    (a, b) => b.generation - a.generation || b.issuedAt - a.issuedAt,
  )
  if (newest === undefined) return 'other-session'
  // Without an access cookie, nothing tells the user's own session from one that was planted.
  const others = preferred.length === 0 ? [] : older.filter(isOfAnother(newest))
  return [{ token: newest }, ...others.slice(0, MAX_TRIED - 1).map((token) => ({ token }))]
}

/** Lets through the first token of each other session. */
function isOfAnother({ sessionId: tried }: RefreshToken): (token: RefreshToken) => boolean {
  const seen = new Set([tried])
  return ({ sessionId }) => !seen.has(sessionId) && seen.add(sessionId) !== null
}

/**
 * Whether an attacker may have planted the refresh tokens of his own session from a sibling subdomain, and made the
 * browser send this request: a link then would sign the user in as the attacker. The access cookie that only this host
 * can set is the proof that the browser had the session. Every response that sets the refresh cookie sets it too.
 */
function mayBePlanted<Claims extends object, Data>(
  { cookies, isSafeMethod, isFromScript, mayBePassedOn, accessTokens }: IncomingRequest<Claims, Data>,
  genuine: readonly RefreshToken[],
): boolean {
  if (!isHostOnly(cookies.set.access) || isHostOnly(cookies.set.refresh)) return false
  if (isFromScript || (!isSafeMethod && !mayBePassedOn)) return false
  // An unreadable access cookie proves that there was a session, but not which one.
  return accessTokens.length === 0 || new Set(genuine.map(({ sessionId }) => sessionId)).size > 1
}

/** @param provesNext whether a browser that lacks a proof is asked for one: that is no alarm */
export async function refreshByCookie<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  provesNext = false,
): Promise<CookieRefresh> {
  const { engine, exchange, cookies, refreshTokens } = request
  const candidates = refreshCandidates(request)
  if (candidates === 'none') return { error: new NotSignedInError(), cookies: [], headers: [] }
  if (candidates === 'other-session') {
    // An old session's cookie beside a new login's: the new session must survive.
    const [named] = refreshTokens.flatMap(({ token }) => token?.sessionId ?? [])
    return { error: new SessionEndedError(named ?? '', 'replaced'), cookies: [], headers: [] }
  }
  const hasStrays = refreshTokens.length > 1
  const strays = hasStrays ? cookies.clearStrayRefresh(exchange.header('host')) : []
  let [chosen] = candidates
  const exchangeFirstLive = async (): Promise<Refreshed> => {
    let ended: unknown
    for (chosen of candidates) {
      try {
        return await refresh(engine, chosen, { ...refreshContext(request), provesNext })
      } catch (error) {
        if (!isGone(error)) throw error
        // One that signs out says more than that a login has replaced another session.
        ended = ended === undefined || problemOf(error)?.final === true ? error : ended
      }
    }
    throw ended
  }
  try {
    const own = await exchangeFirstLive()
    const { row, refreshToken } = own
    const { refreshed, ended } = await refreshActing(request, own)
    const now = engine.clock.now()
    const refreshExpiresAt = refreshToken?.expiresAt ?? new Date(idleExpiry(engine, row, now))
    const life = { expiresAt: row.persistent ? refreshExpiresAt : null, now }
    // If the presented token stays, its cookie stays too. With strays about, it is set again: one of the strays
    // may have been the chosen one.
    const kept = hasStrays ? chosen.token?.value : undefined
    const value = refreshToken?.value ?? kept
    const renewed = [
      ...strays,
      cookies.access(refreshed.accessToken.value, life),
      ...(value === undefined ? [] : [cookies.refresh(value, life)]),
    ]
    reportLargeCookies(engine, renewed, request.conversation)
    const headers = challengeHeaders(row.id, own.challenge, row.device?.kind)
    return ended === null
      ? { refreshed, cookies: renewed, headers }
      : { error: ended, cookies: renewed, headers }
  } catch (error) {
    if (!isSessionsError(error)) throw error
    // Chromium has made too many signatures, or did not reach the device route. It tries again later, and so may the client.
    const isSkipped = request.exchange.header('secure-session-skipped') !== undefined
    if (error.code === 'ERR_DEVICE_PROOF_REQUIRED' && error.kind === 'dbsc' && isSkipped)
      return { error: new TryAgainError(SKIPPED_RETRY), cookies: [], headers: [] }
    if (error.code === 'ERR_DEVICE_PROOF_REQUIRED') {
      // Without the cookie, the browser proves itself before the next attempt.
      return {
        error,
        cookies: request.clearedDevice,
        headers: challengeHeaders(chosen.token?.sessionId ?? '', error.challenge, error.kind),
      }
    }
    return {
      error,
      cookies: problemOf(error)?.final === true ? [...strays, ...request.clearedCookies] : [],
      headers: [],
    }
  }
}

/** Whether a genuine refresh token is of a session that has ended. Nothing was exchanged. */
function isGone(error: unknown): error is AnySessionsError {
  return (
    isSessionsError(error) &&
    (error.code === 'ERR_SESSION_ENDED' || error.code === 'ERR_REFRESH_TOKEN_INVALID')
  )
}

export function refreshContext<Claims extends object, Data>({
  ip,
  userAgent,
  arrivedAt,
  exchange,
  deviceCookies,
  proof,
  transport,
}: IncomingRequest<Claims, Data>): RefreshContext {
  const proofKind = transport === 'cookie' ? 'webcrypto' : 'native'
  return { ip, userAgent, arrivedAt, signal: exchange.signal, deviceCookies, proof, proofKind }
}
