import { setTimeout as sleep } from 'node:timers/promises'
import type { Tokens } from './commands.ts'
import { GONE, type Member } from './process.ts'

/** The outcomes of the requests of honest clients. */
export interface Outcomes {
  verified: number
  refreshed: number
  /** Must be retried: the database or a process was unavailable for a moment. */
  retries: number
  /** Unexpected logouts. */
  readonly loggedOut: string[]
  /** Refused valid access tokens. */
  readonly refused: string[]
}

export interface Traffic {
  readonly outcomes: Outcomes
  /** Waits for the pending request of every client. */
  stop(): Promise<Outcomes>
}

const RETRY_CODES = new Set([GONE, 'ERR_STORE_UNAVAILABLE', 'ERR_TRY_AGAIN'])

export interface TrafficOptions {
  readonly clients: number
  /** Between two requests of a client, in ms. */
  readonly pause: number
  /** A client refreshes after this many requests, even if its token is still valid. */
  readonly refreshEvery: number
}

/** Starts clients. Each sends one request at a time to a random process, with its latest tokens. */
export function startTraffic(
  processes: () => readonly Member[],
  { clients, pause, refreshEvery }: TrafficOptions,
): Traffic {
  const outcomes: Outcomes = { verified: 0, refreshed: 0, retries: 0, loggedOut: [], refused: [] }
  let stopped = false

  const any = (): Member => {
    const alive = processes().filter((member) => member.alive)
    return alive[Math.floor(Math.random() * alive.length)]!
  }

  async function refresh(tokens: Tokens): Promise<Tokens> {
    try {
      const next = await any().do.refresh(tokens.refreshToken)
      outcomes.refreshed++
      return next
    } catch (error) {
      const { code } = error as { code?: string }
      if (RETRY_CODES.has(code ?? '')) outcomes.retries++
      else outcomes.loggedOut.push(String((error as Error).message))
      return tokens
    }
  }

  async function verify(tokens: Tokens): Promise<boolean> {
    try {
      await any().do.verify(tokens.accessToken)
      outcomes.verified++
      return true
    } catch (error) {
      const { code, reason } = error as { code?: string; reason?: string }
      if (code === GONE) {
        outcomes.retries++
        return true
      }
      if (reason !== 'expired') outcomes.refused.push(String((error as Error).message))
      return false
    }
  }

  async function client(index: number): Promise<void> {
    let tokens = await any().do.create(`client ${index}`)
    for (let request = 1; !stopped; request++) {
      if (request % refreshEvery === 0 || !(await verify(tokens))) tokens = await refresh(tokens)
      await sleep(pause * (0.5 + Math.random()))
    }
  }

  const running = Promise.all(Array.from({ length: clients }, (_, index) => client(index)))
  // `stop` reports a client that failed to log in.
  running.catch(() => {})
  return {
    outcomes,
    async stop() {
      stopped = true
      await running
      return outcomes
    },
  }
}
