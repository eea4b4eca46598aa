import { type Figure, figure, quantile, slug, spread, type Target } from '../harness/figures.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { repetitions } from '../harness/timing.ts'
import { createServers, type Server, type ServerLoad } from '../servers/start.ts'

interface Platform {
  readonly bare: string
  /** The bare server with as many empty hooks as Pawl adds. */
  readonly empty: string
  readonly pawl: string
  readonly target: Target
}

const PLATFORMS: readonly Platform[] = [
  {
    bare: 'Fastify',
    empty: 'Fastify with two empty hooks',
    pawl: 'Pawl on Fastify',
    target: { atLeast: 0.92 },
  },
  {
    bare: 'Express',
    empty: 'Express with two empty middlewares',
    pawl: 'Pawl on Express',
    target: { atLeast: 0.96 },
  },
  {
    bare: 'node:http',
    empty: 'node:http that looks at cookies',
    pawl: 'Pawl on node:http',
    target: { atLeast: 0.88 },
  },
]

/** A server, the bare server it is compared with, and its target. */
type Pairing = readonly [name: string, bare: string, target?: Target]

const PEERS: readonly Pairing[] = [
  ['express-session + connect-pg-simple', 'Express'],
  ['better-auth', 'node:http'],
  ['iron-session', 'node:http'],
  ['the original', 'Express'],
]

/** Other processes disturb in bursts of some hundredths of a second, which most short rounds escape. */
const ROUND_SECONDS = 0.15

/** A protected GET, compared with the same server without sessions. Both receive the same Cookie header. */
export async function http({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const samples = new Map<string, Sample>()
  // Of two processes with the same program one may stay half as fast, so each server is started several times.
  const starts = { most: quick ? 1 : 5, least: quick ? 1 : 3, seconds: 170 }
  for (const _ of repetitions(starts, (done) => progress('Pawl', done)))
    for (const { bare, empty, pawl } of PLATFORMS)
      await measureTogether(samples, database, [bare, empty, pawl], quick ? 3 : 12)
  for (const [index, [name, bare]] of PEERS.entries()) {
    progress('other libraries', index / PEERS.length)
    await measureTogether(samples, database, [bare, name], quick ? 2 : 8)
  }

  const sampleOf = (name: string, bare: string): Sample => samples.get(keyOf(name, bare))!
  const pawl = PLATFORMS.map(({ bare, pawl, target }): Pairing => [pawl, bare, target])
  const empty = PLATFORMS.map(({ bare, empty }): Pairing => [empty, bare])
  const own = PLATFORMS.flatMap(({ bare, empty, pawl }) =>
    [bare, empty, pawl].map((name): Pairing => [name, bare]),
  )
  const busy = PLATFORMS.flatMap(({ bare, pawl }) => [
    ...sampleOf(bare, bare).busy,
    ...sampleOf(pawl, bare).busy,
  ])
  return [
    ...[...pawl, ...empty, ...PEERS].map(([name, bare, target]) => {
      const what = `protected GET, ${name}: share of the requests per second of ${bare} without sessions`
      return figure(`http.${slug(name)}`, what, spread(sampleOf(name, bare).share), '×', target)
    }),
    ...own.map(([name, bare]) => {
      const what = `protected GET, ${name}: processor time of a request`
      return figure(`http.cpu.${slug(name)}`, what, spread(sampleOf(name, bare).cpu), 'µs')
    }),
    ...[...own, ...PEERS].map(([name, bare]) => {
      const what = `requests per second: ${name}`
      return figure(`http.rps.${slug(name)}`, what, spread(sampleOf(name, bare).perSecond), '/s')
    }),
    figure(
      'http.busy',
      "protected GET, Pawl and bare: load of the servers' core, with opening and closing of connections",
      quantile(busy, 0.5) * 100,
      '%',
    ),
  ]
}

/** The measurements of one server, by round. */
interface Sample extends Record<keyof ServerLoad, number[]> {
  /** Requests per second, relative to the bare server in the same round. */
  readonly share: number[]
}

const keyOf = (name: string, bare: string): string => `${name} beside ${bare}`

/** Starts these servers, the bare one first, and measures them in turn. */
async function measureTogether(
  samples: Map<string, Sample>,
  database: string,
  names: readonly string[],
  rounds: number,
): Promise<void> {
  const servers = await createServers(database)
  try {
    const running: Server[] = []
    for (const name of names) running.push(await servers.start(name))
    const cookie = running.find((server) => server.cookie !== null)!.cookie!
    for (const server of running) await server.warmUp(cookie)
    for (let round = 0; round < rounds; round++) {
      const order = [...running.keys()]
      const loads: ServerLoad[] = []
      for (const index of round % 2 === 0 ? order : order.toReversed())
        loads[index] = await running[index]!.load(ROUND_SECONDS, cookie)
      for (const [index, load] of loads.entries()) {
        const key = keyOf(names[index]!, names[0]!)
        const sample = samples.get(key) ?? { perSecond: [], share: [], cpu: [], busy: [] }
        samples.set(key, sample)
        for (const field of ['perSecond', 'cpu', 'busy'] as const) sample[field].push(load[field])
        sample.share.push(load.perSecond / loads[0]!.perSecond)
      }
    }
  } finally {
    servers.stop()
  }
}
