import type { ClientState } from './client-state.ts'
import { endSession } from './credentials.ts'
import { after, before, type OwnTicket } from './hooks.ts'
import { postToRoute, routeError } from './routes.ts'
import { broadcast } from './tabs.ts'

/** Implements {@link SessionClient.signOut}. @param repeats the ticket of a first attempt that was refused */
export async function signOut(client: ClientState, repeats?: OwnTicket): Promise<void> {
  const ticket = await before(client, 'POST', repeats)
  const post = (): Promise<Response> => postToRoute(client, 'logout', client.tokens ?? {}, ticket.headers)
  const { signingIn, revision } = client
  // A login may end the previous session first. In the queue each of the two would wait for the other.
  const response = await (signingIn ? post() : client.runAlone(post))
  if (response.status !== 204) {
    if (await after(client, ticket, response.status, response)) return signOut(client, ticket)
    throw routeError('logout', response)
  }
  // A sign-in of somebody else has finished since: its session ends, too.
  if (signingIn && client.revision !== revision) return signOut(client)
  client.revision++
  broadcast(client, 'logout')
  await endSession(client, true)
}
