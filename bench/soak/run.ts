import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerOf, ask, startProcess, stopProcess } from '../harness/processes.ts'
import type { ClientOptions, Traffic } from './clients.ts'
import type { Health, ServerOptions } from './server.ts'

/** One measurement of traffic and servers; bytes and milliseconds. */
export interface Sample extends Omit<Traffic, 'failures'> {
  /** Seconds since the start. */
  readonly at: number
  /** Of all servers, after a garbage collection. */
  readonly heap: number
  readonly rss: number
  /** Of the slowest server. */
  readonly delayP99: number
}

export interface SoakOptions {
  readonly database: string
  readonly minutes: number
  readonly progress: (step: string, done?: number) => void
  readonly signal: AbortSignal
}

const SERVERS = 2
const CLIENTS = 300
const MOST_SAMPLES = 60
/** Seconds between samples. A shorter interval has too few requests for a p99. */
const SHORTEST_INTERVAL = 5
/** Seconds: so short that clients refresh all the time. */
const ACCESS_TOKEN_LIFETIME = 15

/** @throws if a response was wrong, a process ended early or does not end, or the signal aborts */
export async function soak(options: SoakOptions): Promise<Sample[]> {
  const children: ChildProcess[] = []
  let ended: boolean[] = []
  let samples: Sample[]
  try {
    samples = await takeSamples(options, children)
  } finally {
    ended = await Promise.all(children.map(stopProcess))
  }
  if (ended.includes(false)) throw new Error('A process did not end after its work was done.')
  return samples
}

async function takeSamples(options: SoakOptions, children: ChildProcess[]): Promise<Sample[]> {
  const { minutes, progress, signal } = options
  progress('starting')
  const { servers, clients } = await start(options, children)
  const count = Math.min(MOST_SAMPLES, (minutes * 60) / SHORTEST_INTERVAL)
  const interval = (minutes * 60_000) / count
  const startedAt = performance.now()
  const samples: Sample[] = []
  while (samples.length < count) {
    const dueAt = startedAt + (samples.length + 1) * interval
    await sleep(Math.max(0, dueAt - performance.now()), null, { signal })
    const { failures, ...traffic } = await ask<Traffic>(clients, 'traffic', 'The clients')
    const health = await Promise.all(servers.map((server) => ask<Health>(server, 'health', 'A server')))
    clients.send('reset')
    if (failures.length > 0) throw new Error(`Requests failed:\n${failures.join('\n')}`)
    const sum = (field: keyof Health): number => health.reduce((total, one) => total + one[field], 0)
    samples.push({
      at: Math.round((performance.now() - startedAt) / 1000),
      ...traffic,
      heap: sum('heap'),
      rss: sum('rss'),
      delayP99: Math.max(...health.map(({ delayP99 }) => delayP99)),
    })
    const rate = Math.round(traffic.requests / (interval / 1000))
    progress(`${CLIENTS} clients, ${rate} requests/s`, samples.length / count)
  }
  return samples
}

async function start({ database, minutes, signal }: SoakOptions, children: ChildProcess[]) {
  const run = (...given: Parameters<typeof startProcess>): ChildProcess => {
    const child = startProcess(...given)
    children.push(child)
    return child
  }
  const secret = randomBytes(32).toString('hex')
  const options: ServerOptions = { database, secret, accessTokenLifetime: ACCESS_TOKEN_LIFETIME }
  const servers: ChildProcess[] = []
  const ports: number[] = []
  while (servers.length < SERVERS) {
    const server = run('soak/server', [options], ['--expose-gc'])
    servers.push(server)
    ports.push(await answerOf<number>(server, 'A server'))
    signal.throwIfAborted()
  }
  const duration = minutes * 60 + 60
  const traffic: ClientOptions = { ports, clients: CLIENTS, ramp: ACCESS_TOKEN_LIFETIME, duration }
  return { servers, clients: run('soak/clients', [traffic]) }
}
