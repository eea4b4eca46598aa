import { type ChildProcess, fork } from 'node:child_process'
import { USER } from '../servers/kind.ts'
import type { Load, Loaded } from '../servers/load.ts'
import type { Asked, Ready } from '../servers/main.ts'
import { answerOf, ask } from './children.ts'
import { pin } from './pin.ts'
import { programOf } from './program.ts'

export interface Server {
  readonly name: string
  readonly cookie: string | null
  /**
   * Loads it until it is what a server is that has run for a while: its code is compiled, and it has collected its
   * garbage, for all of it and not only for what is new. With that V8 forgets shapes of objects, of Node's own as
   * well, and `process.nextTick` is never again as quick as in the first minutes, which takes up to a tenth of a
   * request, whoever's. Without it some servers are measured before and some after.
   */
  settle(cookie: string): Promise<void>
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
  const run = (file: string, args: string[], flags: string[]): ChildProcess => {
    const child = fork(programOf(`../servers/${file}`, import.meta.url), args, {
      env: { ...process.env, NODE_ENV: 'production' },
      execArgv: [...process.execArgv, ...flags],
    })
    children.push(child)
    return child
  }
  const generator = run('load', [], [])
  await pin(generator.pid!, 1)

  return {
    async start(name) {
      const child = run('main', [name, databaseUrl], ['--expose-gc'])
      const { port, cookie } = await answerOf<Ready>(child, name)
      await pin(child.pid!, 0)
      let rate = 0

      async function send(seconds: number, cookie: string): Promise<Loaded & { readonly requests: number }> {
        const requests = Math.max(FEWEST, Math.round(rate * seconds))
        const loaded = await ask<Loaded>(
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
        if (loaded.failed > 0) throw new Error(`${name}: ${loaded.failed} requests failed`)
        rate = loaded.perSecond
        return { ...loaded, requests }
      }

      return {
        name,
        cookie,
        async settle(cookie) {
          // The first, which does not know how fast the server is, is a short one.
          for (const seconds of [0, 1]) await send(seconds, cookie)
          // Not meanwhile: a shape of which one object is in use is not forgotten, and of 24 servers 5 stayed quick.
          await ask<unknown>(child, 'collect' satisfies Asked, name)
          await send(0.5, cookie)
        },
        async load(seconds, cookie) {
          const before = await ask<number>(child, 'cpu' satisfies Asked, name)
          const { perSecond, elapsed, requests } = await send(seconds, cookie)
          const used = (await ask<number>(child, 'cpu' satisfies Asked, name)) - before
          return { perSecond, busy: used / (elapsed * 1000), cpu: used / requests }
        },
      }
    },
    stop() {
      for (const child of children) if (child.connected) child.disconnect()
    },
  }
}
