import type { CookieAnswer } from '../wire/names.ts'
import type { ClientState } from './client-state.ts'
import { acceptAnswer, callStorage, endSession } from './credentials.ts'
import { elapsedTime } from './elapsed-time.ts'
import { isProblem, isSignInAnswer, readJson } from './response-body.ts'
import { postToRoute, routeError } from './routes.ts'
import { becomeSignedIn, becomeSignedOut } from './session.ts'
import { broadcast } from './tabs.ts'
import type { Tokens } from './token-storage.ts'
import { within } from './within.ts'

/**
 * Refreshes the session. Callers share a refresh under way, also one of another tab.
 * @returns whether there is a session
 * @throws TypeError if the server gave no usable response
 */
export function refresh(client: ClientState): Promise<boolean> {
  const { revision } = client
  client.refreshing ??= client
    .runAlone(() => sendRefresh(client, revision))
    .finally(() => {
      client.refreshing = undefined
    })
  return client.refreshing
}

/** Reads the storage of bearer mode. @throws TypeError if it cannot be read now, which says nothing about the session */
export function loadTokens(client: ClientState): Promise<Tokens | null> {
  return callStorage(client, (storage) => storage.load()).catch(fail)
}

function fail(cause: unknown): never {
  throw routeError('refresh', undefined, cause)
}

/** Takes over what another client with the same storage has done, which increases the revision. */
async function readTokens(client: ClientState): Promise<void> {
  if (!client.storage) return
  const { tokens } = client
  const stored = await loadTokens(client)
  client.tokens = stored
  if (!stored) becomeSignedOut(client)
  if (!stored || (tokens && tokens.accessToken !== stored.accessToken)) client.revision++
}

/** @param revision of the client when the refresh was asked for */
async function sendRefresh(client: ClientState, revision: number, attempt = 0): Promise<boolean> {
  // During the wait another tab may have refreshed, or somebody signed in or out.
  await readTokens(client)
  if (client.revision !== revision) return client.session.status !== 'signed-out'
  const requestedAt = elapsedTime()
  let response!: Response
  let body: unknown
  await within(async (signal) => {
    response = await postToRoute(client, 'refresh', { refreshToken: client.tokens?.refreshToken }, {}, signal)
    body = await readJson(response)
  }, client.timeout).catch(fail)
  // A late answer must not replace newer tokens, nor end their session.
  await readTokens(client)
  if (client.revision !== revision) return client.session.status !== 'signed-out'
  if (response.status === 401 && isProblem(body)) {
    const isUnproven = body.code === 'device_proof_required'
    // The request carried cookies that a new login has replaced, or the server has given the challenge of a proof. A page load
    // may have refreshed since, so that it needs another one.
    if (attempt < (isUnproven ? 2 : +(body.refresh === 'once')))
      return sendRefresh(client, revision, attempt + 1)
    if (isUnproven && client.session.status !== 'signed-out') client.report('device-unproven')
    // The device may prove itself later. A corrected deployment accepts the tokens of an outdated session again.
    await endSession(client, !isUnproven && body.code !== 'session_outdated')
    return false
  }
  if (!response.ok) throw routeError('refresh', response)
  // The sign-in page of a public network answers 200, too.
  if (!isSignInAnswer(body)) throw routeError('refresh')
  await acceptAnswer(client, body, requestedAt)
  broadcast(client, 'refresh', body as CookieAnswer)
  void becomeSignedIn(client)
  return true
}
