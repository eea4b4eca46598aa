import type { SeenRequest } from '../observation.ts'
import { BURST, type RefreshFate, type RequestFate } from '../scenario.ts'

/** How long the kit holds anything: a client that waits for the answer must not stop the scenario. In ms. */
const LONGEST_HOLD = 3000
/** How long a refresh waits for the burst at most. In ms. */
const LONGEST_BURST = 1500

/** How the kit treats a request. */
export interface Plan {
  /** Answers instead of the server. */
  readonly instead?: Response
  /** Whether the server gets the request. */
  readonly isLost?: boolean
  readonly isAnswerLost?: boolean
  /** Waits before the server gets the request. */
  readonly before?: Promise<void>
  /** Waits before the client gets the answer. */
  readonly after?: (status: number) => Promise<void> | undefined
}

/** What happens to requests now. Holds them and lets them go. */
export interface Fates {
  refreshes: RefreshFate
  requests: RequestFate
  plan(request: SeenRequest): Plan
  /** Resolves when something is held, or after a while. */
  held(): Promise<void>
  release(): void
}

export function createFates(): Fates {
  let release = (): void => {}
  let released = new Promise<void>((resolve) => {
    release = resolve
  })
  let count = 0
  const listeners = new Set<() => void>()
  let refused = 0
  let end = (): void => {}
  /** Resolves when all requests of a burst have been refused. */
  const burst = new Promise<void>((resolve) => {
    end = resolve
  })

  function countRefusals(status: number): undefined {
    if (status === 401) refused++
    if (refused === BURST) end()
  }

  function hold(): Promise<void> {
    count++
    for (const listener of listeners) listener()
    return Promise.race([released, delay(LONGEST_HOLD)])
  }

  const fates: Fates = {
    refreshes: 'served',
    requests: 'served',
    plan({ kind }) {
      if (kind === 'refresh') return planRefresh(fates.refreshes)
      return kind === 'application' ? planRequest(fates.requests) : {}
    },
    async held() {
      if (count > 0) return
      await Promise.race([new Promise<void>((resolve) => listeners.add(resolve)), delay(LONGEST_HOLD)])
      listeners.clear()
    },
    release() {
      release()
      count = 0
      released = new Promise((resolve) => {
        release = resolve
      })
    },
  }

  function planRefresh(fate: RefreshFate): Plan {
    switch (fate) {
      case 'served':
        return {}
      case 'after the burst':
        return { after: () => Promise.race([burst, delay(LONGEST_BURST)]) }
      case 'held':
        fates.refreshes = 'served'
        return { after: hold }
      case 'answer-lost':
        return { isAnswerLost: true }
      case 'request-lost':
        return { isLost: true }
      case 'unavailable':
        return {
          instead: Response.json({ code: 'unavailable' }, { status: 503, headers: { 'retry-after': '1' } }),
        }
      case 'sign-in page':
        return { instead: page(200, 'Welcome to the network. Please sign in.') }
      case 'refused by proxy':
        return { instead: page(401, 'The proxy needs a password.') }
    }
  }

  function planRequest(fate: RequestFate): Plan {
    switch (fate) {
      case 'served':
        return { after: countRefusals }
      case 'held before':
        fates.requests = 'served'
        return { before: hold() }
      case 'answer held':
        fates.requests = 'served'
        return { after: hold }
      case 'use held':
        return { after: (status) => (status === 200 ? hold() : undefined) }
      case 'refused once':
        fates.requests = 'served'
        return { instead: Response.json({ code: 'session_replaced', refresh: 'once' }, { status: 401 }) }
      case 'refused':
        return { instead: Response.json({ code: 'access_token_expired', refresh: true }, { status: 401 }) }
    }
  }

  return fates
}

function page(status: number, text: string): Response {
  return new Response(`<!doctype html><p>${text}</p>`, { status, headers: { 'content-type': 'text/html' } })
}

/** Does not keep the process running. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
