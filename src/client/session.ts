import type { ClientState } from './client-state.ts'
import { type SessionState, SIGNED_OUT } from './session-state.ts'
import { within } from './within.ts'

/** Changes who is signed in, and calls the listeners. */
export function setSession(client: ClientState, next: SessionState): void {
  const { status, user } = client.session
  if (!client.isNewUser && next.status === status && next.user === user) return
  client.isNewUser = false
  client.session = next
  // Called later: an error of a listener must not fail a request.
  for (const listener of client.listeners) void Promise.resolve(next).then(listener)
}

/**
 * Finds out who is signed in by the `user` option. Callers share a call under way. Without the option, only the status
 * changes.
 * @param signedIn whether somebody is known to be signed in
 */
export function identifyUser(client: ClientState, signedIn: boolean): Promise<void> {
  const { user } = client
  client.identifying ??= Promise.resolve().then(async () => {
    let next: SessionState = signedIn ? { status: 'signed-in', user: null } : client.session
    try {
      if (user) {
        const found = await within(() => user(client.fetch))
        next = found == null ? SIGNED_OUT : { status: 'signed-in', user: found }
      }
    } catch (cause) {
      if (client.identifying === call) client.report('user-failed', cause)
    }
    // A sign-in or sign-out has replaced this call: its result is outdated.
    if (client.identifying !== call) return
    client.identifying = undefined
    setSession(client, next)
  })
  const call = client.identifying
  return call
}

/** Takes note that somebody is signed in. */
export function becomeSignedIn(client: ClientState): Promise<void> | undefined {
  if (client.isNewUser) client.identifying = undefined
  else if (client.session.status === 'signed-in') return
  return identifyUser(client, true)
}

/** Forgets the session: nobody is signed in. */
export function becomeSignedOut(client: ClientState): void {
  client.identifying =
    client.expiresAt =
    client.csrfToken =
    client.marker =
    client.unconfirmedUntil =
      undefined
  setSession(client, SIGNED_OUT)
}
