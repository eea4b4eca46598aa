import type { ClientState } from './client-state.ts'
import { BEARER_HEADERS } from './credentials.ts'
import { toCloneable } from './response-body.ts'

/**
 * Sends a request to one of the server's routes.
 * @param tokens the body in bearer mode. Cookie mode sends none.
 */
export async function postToRoute(
  client: ClientState,
  name: string,
  tokens: object,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<Response> {
  const response = await (client.device ?? client).send(client.route(name), {
    method: 'POST',
    headers: client.storage ? { ...headers, ...BEARER_HEADERS, 'content-type': 'application/json' } : headers,
    credentials: client.credentials,
    body: client.storage ? JSON.stringify(tokens) : null,
    signal: signal!,
  })
  return toCloneable(response)
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
