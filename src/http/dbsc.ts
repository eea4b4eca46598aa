import { hash } from 'node:crypto'
import { unquote } from '../portable/proof.ts'
import type { Header, Reply } from './exchange.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { hostOfSite } from './origin.ts'
import { jsonReply, NO_CACHING, setCookieHeaders } from './reply.ts'

/*
 * Device Bound Session Credentials (W3C): the browser keeps a key, and proves that it has it whenever the device cookie is
 * missing, before it sends a request. What Chromium does beyond the specification is in docs/understand/device-binding.md.
 */

/** Longer than any id of Pawl's. */
const MAX_ID = 64

/** The parts of a request that do not depend on the types of the application. */
type AnyRequest = Pick<IncomingRequest<object, unknown>, 'exchange' | 'options' | 'cookies' | 'transport'>

/** What the browser says in a request to the device route. */
export interface DbscRequest {
  /** The id of the browser's registration; null at the registration itself. */
  readonly id: string | null
  /** The proof; null if the browser has no challenge to sign. */
  readonly proof: string | null
}

/** @returns null for a request that no such browser sends */
export function dbscRequest({ exchange }: Pick<AnyRequest, 'exchange'>): DbscRequest | null {
  const id = exchange.header('sec-secure-session-id')
  const proof = exchange.header('secure-session-response')
  if (id === undefined && proof === undefined) return null
  // Chromium sends both bare, the specification wants strings.
  return {
    id: id === undefined ? null : unquote(id).slice(0, MAX_ID),
    proof: proof === undefined ? null : unquote(proof),
  }
}

/** Whether the browser may be asked to register: its cookies need https, and belong to one host and no partition. */
export function canRegister({ options, cookies, transport }: AnyRequest): boolean {
  return transport === 'cookie' && cookies.set.secure && options.domain === null && !options.partitioned
}

/** Asks the browser to register a key. Other browsers ignore it. */
export function registrationHeader(path: string, challenge: string): Header {
  return ['secure-session-registration', `(ES256);path="${path}/device";challenge="${challenge}"`]
}

/** The challenge that the browser signs next, without being asked. */
export function challengeHeader(sessionId: string, challenge: string): Header {
  return ['secure-session-challenge', `"${challenge}";id="${identifierOf(sessionId)}"`]
}

/** The id of the browser's registration. It does not reveal the session id. */
export function identifierOf(sessionId: string): string {
  return hash('sha256', `pawl device session\0${sessionId}`, 'base64url').slice(0, 22)
}

/** Tells the browser which cookie it has to prove itself for, and where. */
export function instructions(
  request: AnyRequest,
  sessionId: string,
  challenge: string,
  cookies: readonly string[],
): Reply {
  const { options, cookies: writer, exchange } = request
  const initiators = initiatorsOf(options.trustedOrigins, exchange.header('host') ?? '')
  const body = {
    session_identifier: identifierOf(sessionId),
    refresh_url: `${options.path}/device`,
    scope: { include_site: false },
    // The attributes must be those of the cookie, or the browser proves itself before every request.
    credentials: [{ type: 'cookie', name: writer.set.device, attributes: writer.deviceAttributes }],
    ...(initiators.length > 0 && { allowed_refresh_initiators: initiators }),
  }
  const headers = [...NO_CACHING, challengeHeader(sessionId, challenge), ...setCookieHeaders(cookies)]
  return jsonReply(200, body, headers)
}

/** Ends the browser's registration. @param id as the browser sent it */
export function endRegistration(id: string, cookies: readonly string[]): Reply {
  const body = { session_identifier: id, continue: false }
  return jsonReply(200, body, [...NO_CACHING, ...setCookieHeaders(cookies)])
}

/**
 * The trusted hosts of this site, whose pages call this one. For a request that a page of another site has started, Chromium
 * sends no `SameSite` cookies with the proof, so those are not listed.
 */
function initiatorsOf(trusted: ReadonlySet<string> | ((origin: string) => unknown), host: string): string[] {
  if (typeof trusted === 'function') return []
  return [...trusted].flatMap((origin) => hostOfSite(origin, host) ?? [])
}
