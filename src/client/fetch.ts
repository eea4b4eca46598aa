import type { ClientState } from './client-state.ts'
import { after, before, type OwnTicket } from './hooks.ts'
import { isSafe, isStream, urlOf } from './request.ts'
import { unlessAborted } from './within.ts'

/** Implements {@link SessionClient.fetch}. */
export async function fetchWithSession(
  client: ClientState,
  input: RequestInfo | URL,
  init?: RequestInit,
): Promise<Response> {
  const { send } = client
  // A request that the application sends without cookies says nothing about the session.
  if (!client.covers(urlOf(input)) || (!client.storage && init?.credentials === 'omit'))
    return send(input, init)
  const stream = isStream(init?.body)
  const credentials = init?.credentials ?? client.credentials
  const first = new Request(input, { ...init, credentials })
  const second = stream ? undefined : first.clone()

  async function attempt(request: Request, repeats?: OwnTicket): Promise<Response> {
    // The response to a HEAD has no body that would give the reason of a 401.
    const ticket = await before(client, request.method, repeats, stream || request.method === 'HEAD')
    for (const name in ticket.headers) request.headers.set(name, ticket.headers[name]!)
    const response = await send(request)
    // A redirect may have led to another host.
    if (!client.covers(response.url || request.url)) return response
    if (!(await after(client, ticket, response.status, response)) || !second) return response
    // The request itself was carried out: only the page that the redirect led to was refused.
    if (response.redirected && !isSafe(request.method)) return response
    response.body?.cancel().catch(() => {})
    return attempt(second, ticket)
  }

  try {
    // A caller that aborts does not wait for a refresh, which goes on for the others.
    return await unlessAborted(first.signal, attempt(first))
  } catch (error) {
    const response = (error as { response?: Response } | null)?.response
    if (response) return response.clone()
    throw error
  }
}
