import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerOf, ask, leave } from '../harness/children.ts'
import { programOf } from '../harness/program.ts'
import type { ClientsOrder, Traffic } from './clients.ts'
import type { Health, ServerOrder } from './server.ts'

/** One look at everything; bytes and milliseconds. */
export interface Sample extends Omit<Traffic, 'failed'> {
  /** Seconds since the start. */
  readonly at: number
  /** Of the servers together, after a collection. */
  readonly heap: number
  readonly rss: number
  /** Of the worst server. */
  readonly delayP99: number
}

export interface Soak {
  readonly database: string
  readonly minutes: number
  readonly processes: number
  readonly users: number
  readonly progress: (step: string, done?: number) => void
  readonly signal: AbortSignal
}

const MOST_SAMPLES = 60
/** Seconds between two of them: shorter, and a p99 would be of too few requests. */
const LEAST_PAUSE = 5
/** So short that every client refreshes all the time. In seconds. */
const LIFETIME = 15

/**
 * @throws when a request was not answered as it has to be, or a process has ended, or does not end
 * @throws the signal's reason when it is aborted
 */
export async function soak(given: Soak): Promise<Sample[]> {
  const children: ChildProcess[] = []
  let left: boolean[]
  let samples: Sample[]
  try {
    samples = await sample(given, children)
  } finally {
    left = await Promise.all(children.map(leave))
  }
  if (left.includes(false)) throw new Error('a process did not end by itself when it had nothing left to do')
  return samples
}

async function sample(given: Soak, children: ChildProcess[]): Promise<Sample[]> {
  const { minutes, users, progress, signal } = given
  progress('starting')
  const { servers, clients } = await start(given, children)
  const count = Math.min(MOST_SAMPLES, (minutes * 60) / LEAST_PAUSE)
  const every = (minutes * 60_000) / count
  const startedAt = performance.now()
  const samples: Sample[] = []
  while (samples.length < count) {
    await sleep(Math.max(0, startedAt + (samples.length + 1) * every - performance.now()), null, { signal })
    const { failed, ...traffic } = await ask<Traffic>(clients, 'traffic', 'the clients')
    const health = await Promise.all(servers.map((server) => ask<Health>(server, 'health', 'a server')))
    clients.send('count')
    if (failed.length > 0) throw new Error(`not answered as it has to be:\n${failed.join('\n')}`)
    const sum = (of: (one: Health) => number): number => health.reduce((all, one) => all + of(one), 0)
    samples.push({
      at: Math.round((performance.now() - startedAt) / 1000),
      ...traffic,
      heap: sum(({ heap }) => heap),
      rss: sum(({ rss }) => rss),
      delayP99: Math.max(...health.map(({ delayP99 }) => delayP99)),
    })
    const rate = Math.round(traffic.requests / (every / 1000))
    progress(`${users} clients, ${rate} requests/s`, samples.length / count)
  }
  return samples
}

async function start(
  { database, minutes, processes, users, signal }: Soak,
  children: ChildProcess[],
): Promise<{ servers: ChildProcess[]; clients: ChildProcess }> {
  const run = (file: string, order: object, execArgv: string[] = []): ChildProcess => {
    const program = programOf(file, import.meta.url)
    const child = fork(program, [JSON.stringify(order)], {
      execArgv: [...process.execArgv, ...execArgv],
      env: { ...process.env, NODE_ENV: 'production' },
    })
    children.push(child)
    return child
  }
  const order: ServerOrder = {
    database,
    secret: randomBytes(32).toString('hex'),
    accessTokenLifetime: LIFETIME,
  }
  const servers: ChildProcess[] = []
  const ports: number[] = []
  for (let i = 0; i < processes; i++) {
    const server = run('./server', order, ['--expose-gc'])
    servers.push(server)
    ports.push(await answerOf<number>(server, 'a server'))
    signal.throwIfAborted()
  }
  const clients = run('./clients', {
    ports,
    users,
    ramp: LIFETIME,
    atMost: minutes * 60 + 60,
  } satisfies ClientsOrder)
  return { servers, clients }
}
