import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerOf, ask, startProcess, stopProcess } from '../harness/processes.ts'
import type { Health, ServerOptions } from './server.ts'
import { startTraffic, type TrafficSample } from './traffic.ts'

/** One measurement of traffic and servers; bytes and milliseconds. */
export interface Sample extends TrafficSample {
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

/** @throws if a response was wrong, a server ended early or does not end, or the signal aborts */
export async function soak(options: SoakOptions): Promise<Sample[]> {
  const { database, progress, signal } = options
  progress('starting')
  const secret = randomBytes(32).toString('hex')
  const serverOptions: ServerOptions = { database, secret, accessTokenLifetime: ACCESS_TOKEN_LIFETIME }
  const servers: ChildProcess[] = []
  const ports: number[] = []
  let ended: boolean[] = []
  let samples: Sample[]
  try {
    while (servers.length < SERVERS) {
      const server = startProcess('soak/server', [serverOptions], ['--expose-gc'])
      servers.push(server)
      ports.push(await answerOf<number>(server, 'A server'))
      signal.throwIfAborted()
    }
    samples = await takeSamples(options, servers, ports)
  } finally {
    ended = await Promise.all(servers.map(stopProcess))
  }
  if (ended.includes(false)) throw new Error('A server did not end after its channel was closed.')
  return samples
}

async function takeSamples(
  { minutes, progress, signal }: SoakOptions,
  servers: readonly ChildProcess[],
  ports: readonly number[],
): Promise<Sample[]> {
  const count = Math.min(MOST_SAMPLES, (minutes * 60) / SHORTEST_INTERVAL)
  const interval = (minutes * 60_000) / count
  const samples: Sample[] = []
  const startedAt = performance.now()
  const traffic = startTraffic(ports, CLIENTS, ACCESS_TOKEN_LIFETIME)
  try {
    while (samples.length < count) {
      const dueAt = startedAt + (samples.length + 1) * interval
      await sleep(Math.max(0, dueAt - performance.now()), null, { signal })
      const sample = traffic.take()
      const health = await Promise.all(servers.map((server) => ask<Health>(server, 'health', 'A server')))
      // Requests that a collection delayed do not count.
      traffic.reset()
      const sum = (field: keyof Health): number => health.reduce((total, one) => total + one[field], 0)
      samples.push({
        at: Math.round((performance.now() - startedAt) / 1000),
        ...sample,
        heap: sum('heap'),
        rss: sum('rss'),
        delayP99: Math.max(...health.map(({ delayP99 }) => delayP99)),
      })
      const rate = Math.round(sample.requests / (interval / 1000))
      progress(`${CLIENTS} clients, ${rate} requests/s`, samples.length / count)
    }
    return samples
  } finally {
    traffic.stop()
  }
}
