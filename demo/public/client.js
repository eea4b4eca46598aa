import { createSessionClient } from '/pawl/client/index.js'
import { sleep } from './dom.js'

/** The `overlap` of the demo's server, far shorter than an application's. */
const OVERLAP = 2

/**
 * What a page needs to stay signed in: `pawl/client`, and around it what this demo shows of its work. No
 * token ever passes through a script.
 *
 * @typedef {object} Hooks
 * @property {() => void} refreshing a refresh is about to be sent
 * @property {(answered: boolean) => void} settled its answer is here, or it has none
 * @property {(expiresIn: number) => void} refreshed
 * @property {(seconds: number | null) => void} calm the server cannot answer now and will be asked again; null: it did
 * @property {(code: string) => void} ended
 *
 * @param {Hooks} hooks
 */
export function createClient(hooks) {
  /** What the server said last about a session that is over. */
  let code = 'session_ended'
  const client = createSessionClient({ overlap: OVERLAP, fetch: watched })
  client.onChange(({ status }) => {
    if (status === 'signed-out') hooks.ended(code)
  })

  /** @type {typeof fetch} */
  async function watched(input, init) {
    const url = new URL(input instanceof Request ? input.url : input, location.href)
    const refreshes = url.pathname === '/session/refresh'
    if (refreshes) hooks.refreshing()
    /** @type {Response | undefined} */
    let response
    try {
      response = await fetch(input, init)
    } finally {
      if (refreshes) hooks.settled(response?.ok === true)
    }
    if (response.status === 401) code = (await bodyOf(response.clone()))?.code ?? code
    if (refreshes && response.ok) hooks.refreshed((await bodyOf(response.clone())).expiresIn)
    return response
  }

  /** Asks again while the server cannot answer: nobody is logged out for that. */
  async function patiently(/** @type {() => Promise<Response>} */ ask, tries = 5) {
    for (let attempt = 1; ; attempt++) {
      const answer = await answerOf(ask)
      if (answer.status !== 0 && answer.status !== 429 && answer.status < 500) {
        hooks.calm(null)
        return answer
      }
      if (attempt === tries) return answer
      const wait = answer.retryAfter ?? attempt
      hooks.calm(wait)
      await sleep(wait * 1000)
    }
  }

  return {
    client,
    /**
     * Refreshes before any request has to wait for it.
     * @returns whether there still is a session
     */
    async refresh() {
      for (;;) {
        try {
          const { status } = await client.check()
          hooks.calm(null)
          return status === 'signed-in'
        } catch {
          hooks.calm(1)
          await sleep(1000)
        }
      }
    },
    /**
     * @param {string} path
     * @param {RequestInit} [init]
     * @returns the answer; null when the session is over
     */
    async call(path, init) {
      const answer = await patiently(() => client.fetch(path, init))
      return answer.status === 401 ? null : answer
    },
  }
}

/** @param {Response} response */
async function bodyOf(response) {
  return response.headers.get('content-type')?.startsWith('application/json') ? response.json() : null
}

/**
 * @param {() => Promise<Response>} ask
 * @returns {Promise<{ status: number, body: any, retryAfter: number | null }>} status 0: no answer
 */
async function answerOf(ask) {
  try {
    const response = await ask()
    const retryAfter = response.headers.get('retry-after')
    return {
      status: response.status,
      body: await bodyOf(response),
      retryAfter: retryAfter === null ? null : Number(retryAfter),
    }
  } catch {
    return { status: 0, body: null, retryAfter: null }
  }
}

/**
 * For what needs no session.
 * @param {string} path
 * @param {RequestInit} [init]
 */
export function send(path, init) {
  return answerOf(() => fetch(path, init))
}
