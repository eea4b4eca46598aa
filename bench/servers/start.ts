import { type ChildProcess, execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { answerOf, ask, startProcess } from '../harness/processes.ts'
import { CONNECTIONS, type LoadResult, sendRequests } from './load.ts'
import type { Ready, ServerRequest } from './run.ts'

export interface Server {
  readonly cookie: string | null
  /**
   * Loads the server until its code is compiled, and collects its garbage. Collections slow `process.nextTick` by up
   * to a tenth of a request, for good. In production every server gets there, so each is measured after them.
   */
  warmUp(cookie: string): Promise<void>
  /** @throws if a response was wrong */
  load(seconds: number, cookie: string): Promise<ServerLoad>
}

export interface ServerLoad {
  readonly perSecond: number
  /** How busy the server's core was, 0 to 1. Well below 1, the load was the limit. */
  readonly busy: number
  /** Processor time of the server per request, in µs. */
  readonly cpu: number
}

export interface Servers {
  start(name: string): Promise<Server>
  stop(): void
}

const FEWEST_REQUESTS = 10 * CONNECTIONS

/** The servers run on one core, this process with the load on another. */
export async function createServers(databaseUrl: string): Promise<Servers> {
  const children: ChildProcess[] = []
  await pin(process.pid, 1)
  return {
    async start(name) {
      const child = startProcess('servers/run', [name, databaseUrl], ['--expose-gc'])
      children.push(child)
      await pin(child.pid!, 0)
      const { port, cookie } = await answerOf<Ready>(child, name)
      const askServer = <T>(request: ServerRequest): Promise<T> => ask<T>(child, request, name)
      let rate = 0

      async function send(seconds: number, cookie: string): Promise<LoadResult & { requests: number }> {
        const requests = Math.max(FEWEST_REQUESTS, Math.round(rate * seconds))
        const result = await sendRequests(port, cookie, requests)
        rate = result.perSecond
        return { ...result, requests }
      }

      return {
        cookie,
        async warmUp(cookie) {
          // The first load is the shortest possible: it measures the rate.
          for (const seconds of [0, 1]) await send(seconds, cookie)
          // Without load, because V8 keeps the shapes of objects in use.
          await askServer('collect')
          await send(0.5, cookie)
        },
        async load(seconds, cookie) {
          const before = await askServer<number>('cpu')
          const { perSecond, elapsedMs, requests } = await send(seconds, cookie)
          const used = (await askServer<number>('cpu')) - before
          return { perSecond, busy: used / (elapsedMs * 1000), cpu: used / requests }
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
