import type { ClientState } from './client-state.ts'
import { BEARER_HEADERS } from './credentials.ts'

/**
 * Sends a request to the server's refresh or logout route.
 * @param tokens the body in bearer mode. Cookie mode sends none.
 */
export function postToRoute(
  client: ClientState,
  name: string,
  tokens: object,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<Response> {
  return client.send(client.route(name), {
    method: 'POST',
    headers: client.storage ? { ...headers, ...BEARER_HEADERS, 'content-type': 'application/json' } : headers,
    credentials: client.credentials,
    body: client.storage ? JSON.stringify(tokens) : null,
    signal: signal!,
  })
}

/**
 * Creates an error like the one of a failed `fetch`.
 * @param response the response that the request may return instead
 */
export function routeError(name: string, response?: Response, cause?: unknown): Error {
  return Object.assign(new TypeError(`${name} failed`, { cause }), {
    response,
  })
}
