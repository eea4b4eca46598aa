import { type ChildProcess, execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { answerOf, ask, startProcess } from '../harness/processes.ts'
import type { Surroundings } from './contender.ts'
import { CONNECTIONS, type LoadResult, sendRequests } from './load.ts'
import type { Ready, ServerAnswers } from './run.ts'

export interface Server {
  readonly port: number
  readonly cookie: string | null
  ask<Request extends keyof ServerAnswers>(request: Request): Promise<ServerAnswers[Request]>
  /**
   * Loads the server until its code is compiled, and collects its garbage. Collections slow `process.nextTick` by up
   * to a tenth of a request, for good. In production every server gets there, so each is measured after them.
   */
  warmUp(cookies: readonly string[]): Promise<void>
  /** @throws if a response was wrong */
  load(seconds: number, cookies: readonly string[]): Promise<ServerLoad>
}

export interface ServerLoad {
  readonly perSecond: number
  /** How busy the server's core was, 0 to 1. Well below 1, the load was the limit. */
  readonly busy: number
  /** Processor time of the server per request, in µs. */
  readonly cpu: number
  readonly requests: number
}

export interface Servers {
  start(name: string, surroundings: Surroundings): Promise<Server>
  stop(): void
}

const FEWEST_REQUESTS = 10 * CONNECTIONS

/** The servers run on one core, this process with the load on another. */
export async function createServers(): Promise<Servers> {
  const children: ChildProcess[] = []
  await pin(process.pid, 1)
  return {
    async start(name, surroundings) {
      const child = startProcess('servers/run', [name, surroundings], ['--expose-gc'])
      children.push(child)
      await pin(child.pid!, 0)
      const { port, cookie } = await answerOf<Ready>(child, name)
      const askServer: Server['ask'] = (request) => ask(child, request, name)
      let rate = 0

      async function send(
        seconds: number,
        cookies: readonly string[],
      ): Promise<LoadResult & { requests: number }> {
        const requests = Math.max(FEWEST_REQUESTS, Math.round(rate * seconds))
        const result = await sendRequests(port, cookies, requests)
        rate = result.perSecond
        return { ...result, requests }
      }

      return {
        port,
        cookie,
        ask: askServer,
        async warmUp(cookies) {
          // The first load is the shortest possible: it measures the rate.
          for (const seconds of [0, 1]) await send(seconds, cookies)
          // Without load, because V8 keeps the shapes of objects in use.
          await askServer('collect')
          await send(0.5, cookies)
        },
        async load(seconds, cookies) {
          const before = await askServer('cpu')
          const { perSecond, elapsedMs, requests } = await send(seconds, cookies)
          const used = (await askServer('cpu')) - before
          return { perSecond, busy: used / (elapsedMs * 1000), cpu: used / requests, requests }
        },
      }
    },
    stop() {
      for (const child of children) if (child.connected) child.disconnect()
    },
  }
}

/** Keeps a process on one core, where `taskset` exists. */
async function pin(pid: number, core: number): Promise<void> {
  if (availableParallelism() < 2 || process.platform !== 'linux') return
  await promisify(execFile)('taskset', ['-acp', String(core), String(pid)]).catch(() => {})
}
