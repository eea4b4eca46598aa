import type { ClientState } from './client-state.ts'
import { after, before, type OwnTicket } from './hooks.ts'
import { hidesReason, isBearer, isRedirected, isSafe, isStream, urlOf } from './request.ts'
import { toCloneable } from './response-body.ts'
import { unlessAborted } from './within.ts'

/**
 * A `fetch` of the client.
 * @param through replaces the global `fetch`, for a request that has come through the global one already
 */
export type SessionFetch = (
  input: Request | URL | string,
  init?: RequestInit,
  through?: typeof fetch,
) => Promise<Response>

/** Implements {@link SessionClient.fetch}. */
export async function fetchWithSession(
  client: ClientState,
  input: Request | URL | string,
  init?: RequestInit,
  through?: typeof fetch,
): Promise<Response> {
  const url = urlOf(input)
  if (!client.covers(url)) return client.send(input, init)
  const request = (input as Partial<Request>).url ? (input as Request) : undefined
  const given = <Name extends keyof Request & keyof RequestInit>(name: Name) =>
    init?.[name] === undefined ? request?.[name] : init[name]
  const method = given('method') ?? 'get'
  const credentials = given('credentials')
  const headers = new Headers(given('headers'))
  // A request that the application sends without cookies, or with another token, says nothing about the session.
  if (!client.storage && (credentials === 'omit' || isBearer(headers.get('authorization'))))
    return client.send(input, init, through)

  const isStreamed = isStream(init?.body)
  const copy = request?.clone()

  async function attempt(sent: Request | URL | string, repeats?: OwnTicket): Promise<Response> {
    const isUnrepeatable = isStreamed || hidesReason(method)
    const ticket = await before(client, method, repeats, isUnrepeatable, given('keepalive'))
    for (const name in ticket.headers) headers.set(name, ticket.headers[name]!)
    await client.device?.prove(method, url, headers)
    const answer = await client.send(
      sent,
      {
        // An init would reset these two of a `Request` (Fetch standard, section 5.4).
        ...(request && { referrer: request.referrer, referrerPolicy: request.referrerPolicy }),
        ...init,
        headers,
        credentials: credentials && credentials !== 'same-origin' ? credentials : client.credentials,
      },
      through,
    )
    // A redirect may have led to another host.
    const answerUrl = answer.url || url
    if (!client.covers(answerUrl)) return answer
    const response = /40[13]/.test(`${answer.status}`) ? await toCloneable(answer) : answer
    if (!(await after(client, ticket, response.status, response)) || isStreamed) return response
    // The request itself was carried out: only the page that the redirect led to was refused.
    // React Native does not say whether there was one.
    if (!isSafe(method) && (answer.redirected ?? isRedirected(url, answerUrl))) return response
    response.body?.cancel().catch(() => {})
    return attempt(copy ?? sent, ticket)
  }

  try {
    // A caller that aborts does not wait for a refresh, which goes on for the others.
    return await unlessAborted(given('signal'), () => attempt(input))
  } catch (error) {
    const response = (error as { response?: Response } | null)?.response
    if (response) return response.clone()
    throw error
  }
}
