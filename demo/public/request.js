/**
 * @typedef {object} Result
 * @property {number} status 0: there was no response
 * @property {any} body of a JSON response
 * @property {number | null} retryAfter in seconds
 */

/**
 * Sends a request without a session client. Never throws.
 * @param {string} path
 * @param {RequestInit} [init]
 */
export function send(path, init) {
  return resultOf(() => fetch(path, init))
}

/**
 * @param {() => Promise<Response>} request
 * @returns {Promise<Result>}
 */
export async function resultOf(request) {
  try {
    const response = await request()
    const retryAfter = response.headers.get('retry-after')
    return {
      status: response.status,
      body: await jsonOf(response),
      retryAfter: retryAfter === null ? null : Number(retryAfter),
    }
  } catch {
    return { status: 0, body: null, retryAfter: null }
  }
}

/** @param {Response} response */
export async function jsonOf(response) {
  return response.headers.get('content-type')?.startsWith('application/json') ? response.json() : null
}
