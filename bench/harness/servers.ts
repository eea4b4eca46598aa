import { type ChildProcess, fork } from 'node:child_process'
import { USER } from '../servers/kind.ts'
import type { Load, Loaded } from '../servers/load.ts'
import type { Ready } from '../servers/main.ts'
import { answerOf, ask } from './children.ts'
import { pin } from './pin.ts'
import { programOf } from './program.ts'

export interface Server {
  readonly name: string
  readonly cookie: string | null
  /** Loads it for about so many seconds. @throws when an answer was wrong */
  load(seconds: number, cookie: string): Promise<Measured>
}

export interface Measured {
  readonly perSecond: number
  /** Share of its core that the server was busy; well below 1 means that the load was the limit. */
  readonly busy: number
  /** Its processor time of one request, in µs. */
  readonly cpu: number
}

export interface Servers {
  start(name: string): Promise<Server>
  stop(): void
}

const CONNECTIONS = 64
const FEWEST = 10 * CONNECTIONS

/** Servers on one core, and what loads them on another. */
export async function createServers(databaseUrl: string): Promise<Servers> {
  const children: ChildProcess[] = []
  const run = (file: string, args: string[]): ChildProcess => {
    const child = fork(programOf(`../servers/${file}`, import.meta.url), args, {
      env: { ...process.env, NODE_ENV: 'production' },
    })
    children.push(child)
    return child
  }
  const generator = run('load', [])
  await pin(generator.pid!, 1)

  return {
    async start(name) {
      const child = run('main', [name, databaseUrl])
      const { port, cookie } = await answerOf<Ready>(child, name)
      await pin(child.pid!, 0)
      let rate = 0
      return {
        name,
        cookie,
        async load(seconds, cookie) {
          const requests = Math.max(FEWEST, Math.round(rate * seconds))
          const before = await ask<number>(child, 'cpu', name)
          const { perSecond, elapsed, failed } = await ask<Loaded>(
            generator,
            {
              url: `http://127.0.0.1:${port}/me`,
              connections: CONNECTIONS,
              requests,
              headers: { cookie, host: 'app.example.com' },
              body: JSON.stringify({ id: USER }),
            } satisfies Load,
            'the load',
          )
          if (failed > 0) throw new Error(`${name}: ${failed} requests failed`)
          const used = (await ask<number>(child, 'cpu', name)) - before
          rate = perSecond
          return { perSecond, busy: used / (elapsed * 1000), cpu: used / requests }
        },
      }
    },
    stop() {
      for (const child of children) if (child.connected) child.disconnect()
    },
  }
}
