import { bindDevice } from '/pawl/client/bind/index.js'
import { createSessionClient } from '/pawl/client/index.js'
import { delay } from './delay.js'
import { jsonOf, resultOf } from './request.js'

/** Must equal the `overlap` of the demo's server. */
const OVERLAP = 2
const MAX_RETRY_DELAY = 5

/**
 * `pawl/client`, with hooks that let the pages of the demo show each step. No script ever sees a token.
 *
 * @typedef {object} Hooks
 * @property {() => void} [refreshing] a refresh starts
 * @property {(success: boolean) => void} [settled] the refresh has succeeded or failed
 * @property {() => void} [refreshed] the refresh has succeeded
 * @property {() => void} [noResponse] a request got no response
 * @property {(seconds: number | null) => void} [retrying] the server is unavailable, and the client retries in
 *   `seconds`; null: the server is available again
 * @property {(code: string) => void} [ended] the session has ended
 *
 * @param {Hooks} hooks
 */
export function createClient(hooks) {
  /** The code of the last 401 response. */
  let code = 'session_ended'
  const client = createSessionClient({
    overlap: OVERLAP,
    fetch: observedFetch,
    device: bindDevice(),
    // The pages tell of the other problems themselves.
    onProblem: (problem) => problem === 'device-unproven' && hooks.ended?.('device_proof_required'),
  })
  client.onChange(({ status }) => {
    if (status === 'signed-out') hooks.ended?.(code)
  })

  /** @type {typeof fetch} */
  async function observedFetch(input, init) {
    const url = new URL(input instanceof Request ? input.url : input, location.href)
    const isRefresh = url.pathname === '/session/refresh'
    if (isRefresh) hooks.refreshing?.()
    /** @type {Response | undefined} */
    let response
    try {
      response = await fetch(input, init)
    } catch (error) {
      hooks.noResponse?.()
      throw error
    } finally {
      if (isRefresh) hooks.settled?.(response?.ok === true)
    }
    if (response.status === 401) code = (await jsonOf(response.clone()))?.code ?? code
    if (isRefresh && response.ok) hooks.refreshed?.()
    return response
  }

  /** An unavailable server does not sign the user out, so the request is sent again until it is answered. */
  async function withRetries(/** @type {() => Promise<Response>} */ request) {
    for (let attempt = 1; ; attempt++) {
      const result = await resultOf(request)
      if (result.status !== 0 && result.status !== 429 && result.status < 500) {
        hooks.retrying?.(null)
        return result
      }
      const seconds = result.retryAfter ?? Math.min(attempt, MAX_RETRY_DELAY)
      hooks.retrying?.(seconds)
      await delay(seconds * 1000)
    }
  }

  return {
    /**
     * Refreshes before the access token expires, so that no request waits for it.
     * @returns whether the session is still active
     */
    async refresh() {
      for (;;) {
        try {
          const { status } = await client.check()
          hooks.retrying?.(null)
          return status === 'signed-in'
        } catch {
          hooks.retrying?.(1)
          await delay(1000)
        }
      }
    },
    /**
     * @param {string} path
     * @param {RequestInit} [init]
     * @returns the result; null if the session has ended
     */
    async call(path, init) {
      const result = await withRetries(() => client.fetch(path, init))
      return result.status === 401 ? null : result
    },
    fetch: client.fetch,
    signIn: client.signIn,
    signOut: client.signOut,
  }
}
