import { setTimeout as sleep } from 'node:timers/promises'
import type { Tokens } from './commands.ts'
import { GONE, type Member } from './process.ts'

/** What honest clients have met with. */
export interface Met {
  verified: number
  refreshed: number
  /** Asked to come back: the database or a process was away for a moment. */
  later: number
  /** Signed out, without having asked for it. */
  readonly loggedOut: string[]
  /** A valid access token that was refused. */
  readonly refused: string[]
}

export interface Traffic {
  readonly met: Met
  /** Waits until every client has its answer. */
  stop(): Promise<Met>
}

const LATER = new Set([GONE, 'ERR_STORE_UNAVAILABLE', 'ERR_TRY_AGAIN'])

export interface TrafficOptions {
  readonly clients: number
  /** Between two requests of a client, in ms. */
  readonly pause: number
  /** Every so many requests a client refreshes, whether it has to or not. */
  readonly refreshEvery: number
}

/** Clients that use any of the processes there are, one request at a time, and always their latest tokens. */
export function startTraffic(
  processes: () => readonly Member[],
  { clients, pause, refreshEvery }: TrafficOptions,
): Traffic {
  const met: Met = { verified: 0, refreshed: 0, later: 0, loggedOut: [], refused: [] }
  let stopped = false

  const any = (): Member => {
    const alive = processes().filter((member) => member.alive)
    return alive[Math.floor(Math.random() * alive.length)]!
  }

  async function refresh(tokens: Tokens): Promise<Tokens> {
    try {
      const next = await any().do.refresh(tokens.refreshToken)
      met.refreshed++
      return next
    } catch (error) {
      const { code } = error as { code?: string }
      if (LATER.has(code ?? '')) met.later++
      else met.loggedOut.push(String((error as Error).message))
      return tokens
    }
  }

  async function verify(tokens: Tokens): Promise<boolean> {
    try {
      await any().do.verify(tokens.accessToken)
      met.verified++
      return true
    } catch (error) {
      const { code, reason } = error as { code?: string; reason?: string }
      if (code === GONE) {
        met.later++
        return true
      }
      if (reason !== 'expired') met.refused.push(String((error as Error).message))
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
  // A client that fails to log in fails the test at the end.
  running.catch(() => {})
  return {
    met,
    async stop() {
      stopped = true
      await running
      return met
    },
  }
}
