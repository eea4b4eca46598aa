import { sleep } from './dom.js'

/**
 * What a page needs to stay signed in, in cookie mode: no token ever passes through this script. Several
 * tabs may refresh at the same moment without any lock between them; the protocol allows for that.
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
  /** @type {Promise<boolean> | null} */
  let refreshing = null

  /** @returns {Promise<boolean>} whether there still is a session */
  function refresh() {
    refreshing ??= untilAnswered().finally(() => {
      refreshing = null
    })
    return refreshing
  }

  async function untilAnswered() {
    for (let pause = 1; ; pause = Math.min(pause * 2, 8)) {
      hooks.refreshing()
      const answer = await send('/session/refresh', { method: 'POST' })
      hooks.settled(answer.status === 200)
      if (answer.status === 200) {
        hooks.calm(null)
        hooks.refreshed(answer.body.expiresIn)
        return true
      }
      if (answer.status === 401) {
        hooks.calm(null)
        hooks.ended(answer.body.code)
        return false
      }
      // 503 or no answer: nobody is logged out for that.
      const wait = answer.retryAfter ?? pause
      hooks.calm(wait)
      await sleep(wait * 1000)
    }
  }

  /**
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns the answer; null when the session is over
   */
  async function call(path, init) {
    for (let attempt = 1; ; attempt++) {
      const answer = await send(path, init)
      if (answer.status === 401) {
        if (answer.body.refresh === false) {
          hooks.ended(answer.body.code)
          return null
        }
        if (attempt > 2 || !(await refresh())) return null
      } else if (answer.status === 503 || answer.status === 0) {
        if (attempt > 5) return answer
        hooks.calm(answer.retryAfter ?? 1)
        await sleep((answer.retryAfter ?? 1) * 1000)
      } else {
        hooks.calm(null)
        return answer
      }
    }
  }

  return { refresh, call }
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<{ status: number, body: any, retryAfter: number | null }>} status 0: no answer
 */
export async function send(path, init) {
  try {
    const response = await fetch(path, init)
    const retryAfter = response.headers.get('retry-after')
    const body = response.headers.get('content-type')?.startsWith('application/json')
      ? await response.json()
      : null
    return { status: response.status, body, retryAfter: retryAfter === null ? null : Number(retryAfter) }
  } catch {
    return { status: 0, body: null, retryAfter: null }
  }
}
