import { type BearerAnswer, type CookieAnswer, CSRF_HEADER, TRANSPORT_HEADER } from '../wire/names.ts'
import type { ClientState } from './client-state.ts'
import { elapsedTime } from './elapsed-time.ts'
import type { SignInAnswer } from './response-body.ts'
import { becomeSignedOut } from './session.ts'
import type { TokenStorage } from './token-storage.ts'
import { within } from './within.ts'

/** Asks the server to use bodies and the `Authorization` header instead of cookies. */
export const BEARER_HEADERS: Readonly<Record<string, string>> = { [TRANSPORT_HEADER]: 'bearer' }

/**
 * Takes over the result of a sign-in or refresh. In cookie mode this is done when the call returns.
 * @param requestedAt when the request was sent: the token is no older than that
 * @param anew whether another tab has signed somebody in
 */
export async function acceptAnswer(
  client: ClientState,
  answer: SignInAnswer,
  requestedAt: number,
): Promise<void> {
  if (client.storage) {
    const { accessToken, refreshToken } = answer as BearerAnswer
    const tokens = { accessToken, refreshToken: refreshToken ?? client.tokens?.refreshToken ?? '' }
    await client.clearing
    // Saved before use: using the new access token makes the old refresh token worthless.
    await callStorage(client, (storage) => storage.save(tokens))
    client.tokens = tokens
  } else {
    const { csrfToken, marker } = answer as CookieAnswer
    client.csrfToken = csrfToken
    // The message of another tab may have been lost.
    if (client.marker && marker && client.marker !== marker) {
      client.isNewUser = true
      client.userSince = client.revision + 1
    }
    client.marker = marker
    client.unconfirmedUntil = elapsedTime() + client.timeout
    client.unconfirmedSignIn = client.signingIn
  }
  // Undefined if the answer has no `expiresIn`.
  client.expiresAt = requestedAt + answer.expiresIn! * 1000 || undefined
  client.revision++
}

/** The headers that carry the session. */
export function sessionHeaders(client: ClientState): Record<string, string> {
  if (client.storage)
    return {
      // A damaged token that no header can carry gets its 401 too.
      ...(client.tokens && {
        authorization: `Bearer ${client.tokens.accessToken}`.replace(/[^ -~]/g, ''),
      }),
      ...BEARER_HEADERS,
    }
  // Also with a GET: a route may require the token for it.
  return client.csrf && client.csrfToken ? { [CSRF_HEADER]: client.csrfToken } : {}
}

/** Calls a method of the storage. Reports a failure, once until a call succeeds. @throws the error of the method */
export async function callStorage<T>(
  client: ClientState,
  call: (storage: TokenStorage) => PromiseLike<T> | T,
): Promise<T> {
  try {
    const result = await within(() => call(client.storage!))
    client.storageFailed = false
    return result
  } catch (cause) {
    if (!client.storageFailed) client.report('storage-failed', cause)
    client.storageFailed = true
    throw cause
  }
}

/**
 * Forgets the session.
 * @param clears whether to clear the storage of bearer mode, too. Tokens that may be valid later stay there
 */
export async function endSession(client: ClientState, clears: boolean): Promise<void> {
  client.tokens = null
  becomeSignedOut(client)
  if (client.storage && clears) {
    client.clearing = callStorage(client, (storage) => storage.clear()).catch(() => {})
    await client.clearing
  }
}
