import {
  type BearerAnswer,
  type CookieAnswer,
  CSRF_HEADER,
  TRANSPORT_HEADER,
  type WireCode,
} from '../wire/names.ts'
import type { ClientState } from './client-state.ts'
import { elapsedTime } from './elapsed-time.ts'
import type { SignInAnswer } from './response-body.ts'
import { becomeSignedOut } from './session.ts'
import { within } from './within.ts'

/** Asks the server to use bodies and the `Authorization` header instead of cookies. */
export const BEARER_HEADERS: Readonly<Record<string, string>> = { [TRANSPORT_HEADER]: 'bearer' }

/**
 * Takes over the result of a sign-in or refresh. In cookie mode this is done when the call returns.
 * @param requestedAt when the request was sent: the token is no older than that
 */
export async function acceptAnswer(
  client: ClientState,
  answer: SignInAnswer,
  requestedAt: number,
): Promise<void> {
  if (client.storage) {
    const { accessToken, refreshToken } = answer as BearerAnswer
    const tokens = { accessToken, refreshToken: refreshToken ?? client.tokens?.refreshToken ?? '' }
    // Saved before use: using the new access token makes the old refresh token worthless.
    await within(() => client.storage!.save(tokens))
    client.tokens = tokens
  } else {
    client.csrfToken = (answer as CookieAnswer).csrfToken
    client.unconfirmedUntil = elapsedTime() + client.timeout
    client.unconfirmedSignIn = !!client.signingIn
  }
  // Undefined if the answer has no `expiresIn`.
  client.expiresAt = requestedAt + answer.expiresIn! * 1000 || undefined
  client.revision++
}

/** The headers that carry the session. */
export function sessionHeaders(client: ClientState): Record<string, string> {
  if (client.storage)
    return {
      ...(client.tokens && { authorization: `Bearer ${client.tokens.accessToken}` }),
      ...BEARER_HEADERS,
    }
  // Also with a GET: a route may require the token for it.
  return client.csrf && client.csrfToken ? { [CSRF_HEADER]: client.csrfToken } : {}
}

/**
 * Forgets the session, and clears the storage of bearer mode.
 * @param code why. A corrected deployment accepts the tokens of an outdated session again
 */
export async function endSession(client: ClientState, code?: WireCode): Promise<void> {
  client.tokens = null
  becomeSignedOut(client)
  if (code !== 'session_outdated') await within(() => client.storage?.clear())
}
