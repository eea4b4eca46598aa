import { type Figure, figure, quantile, slug, spread } from '../harness/figures.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { repetitions } from '../harness/timing.ts'
import { createServers, type Server, type ServerLoad } from '../servers/start.ts'

/** Servers measured together: first the bare one, then those compared with it. */
type Group = readonly [bare: string, ...others: string[]]

/** The second of each adds as many empty hooks as Pawl. */
const PAWL: readonly Group[] = [
  ['Fastify', 'Fastify with two empty hooks', 'Pawl on Fastify'],
  ['Express', 'Express with two empty middlewares', 'Pawl on Express'],
  ['node:http', 'node:http that looks at cookies', 'Pawl on node:http'],
]
const LOWEST_SHARES: Readonly<Record<string, number>> = {
  'Pawl on Fastify': 0.7,
  'Pawl on Express': 0.75,
  'Pawl on node:http': 0.7,
}

/** Other processes disturb in bursts of some hundredths of a second, which most short rounds escape. */
const ROUND_SECONDS = 0.15

/** The measurements of one server in one group, by round. */
interface Sample extends Record<'perSecond' | 'cpu' | 'busy', number[]> {
  readonly name: string
  readonly bare: string
  /** Requests per second, relative to the bare server in the same round. */
  readonly share: number[]
}

/** A protected GET, compared with the same server without sessions. Both receive the same Cookie header. */
export async function http({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const pawl = PAWL.flatMap(emptySamples)
  // Of two processes with the same program one may stay half as fast, so each server is started several times.
  const starts = { most: quick ? 1 : 5, least: 3, seconds: 170 }
  for (const _ of repetitions(starts, (done) => progress('Pawl', done)))
    for (const [bare] of PAWL)
      await measureTogether(
        pawl.filter((sample) => sample.bare === bare),
        database,
        quick ? 3 : 12,
      )
  const busy = pawl
    .filter(({ name, bare }) => name === bare || name in LOWEST_SHARES)
    .flatMap(({ busy }) => busy)
  return [
    ...pawl
      .filter(({ name, bare }) => name !== bare)
      .map(({ name, bare, share }) => {
        const what = `protected GET, ${name}: share of the requests per second of ${bare} without sessions`
        return figure(`http.${slug(name)}`, what, spread(share), '×', { atLeast: LOWEST_SHARES[name] })
      }),
    ...pawl.map(({ name, cpu }) =>
      figure(
        `http.cpu.${slug(name)}`,
        `protected GET, ${name}: processor time of a request`,
        spread(cpu),
        'µs',
      ),
    ),
    ...pawl.map(({ name, perSecond }) =>
      figure(`http.rps.${slug(name)}`, `requests per second: ${name}`, spread(perSecond), '/s'),
    ),
    figure(
      'http.busy',
      "protected GET, Pawl and bare: load of the servers' core, with opening and closing of connections",
      quantile(busy, 0.5) * 100,
      '%',
    ),
  ]
}

function emptySamples(group: Group): Sample[] {
  return group.map((name) => ({ name, bare: group[0], perSecond: [], share: [], cpu: [], busy: [] }))
}

/** Starts the servers of these samples, the bare one first, and measures them in turn. */
async function measureTogether(samples: readonly Sample[], database: string, rounds: number): Promise<void> {
  const servers = await createServers()
  try {
    const running: Server[] = []
    for (const { name } of samples) running.push(await servers.start(name, { database }))
    const cookie = running.find((server) => server.cookie !== null)!.cookie!
    for (const server of running) await server.warmUp([cookie])
    for (let round = 0; round < rounds; round++) {
      const order = [...running.keys()]
      const loads: ServerLoad[] = []
      for (const index of round % 2 === 0 ? order : order.toReversed())
        loads[index] = await running[index]!.load(ROUND_SECONDS, [cookie])
      for (const [index, load] of loads.entries()) {
        const sample = samples[index]!
        for (const field of ['perSecond', 'cpu', 'busy'] as const) sample[field].push(load[field])
        sample.share.push(load.perSecond / loads[0]!.perSecond)
      }
    }
  } finally {
    servers.stop()
  }
}
