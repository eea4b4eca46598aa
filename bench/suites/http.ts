import { type Figure, figure } from '../harness/report.ts'
import { quantile, repeats, spread } from '../harness/rounds.ts'
import { createServers, type Measured, type Server } from '../harness/servers.ts'
import type { Settings } from '../harness/suite.ts'

/** A platform without sessions, the same with as many hooks as Pawl has, and Pawl. */
interface Platform {
  readonly bare: string
  readonly empty: string
  readonly pawl: string
  readonly target: Figure['target']
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
/** With the platform each is compared with. */
const PEERS: readonly (readonly [name: string, bare: string])[] = [
  ['express-session + connect-pg-simple', 'Express'],
  ['better-auth', 'node:http'],
  ['iron-session', 'node:http'],
  ['the original', 'Express'],
]

/**
 * Seconds. What else a machine does comes in bursts of some hundredths of a second: of many short rounds most are
 * spared, of long ones none.
 */
const ROUND = 0.15

/** A protected GET, against the same server without sessions: both get the same Cookie header. */
export async function http({ quick, database, progress }: Settings): Promise<Figure[]> {
  const looked = createLooks(database)
  // Of two processes with the same program one may be half as fast as the other for as long as it lives, so
  // each server is started several times.
  const lives = { most: quick ? 1 : 5, least: 3, within: 170 }
  for (const _ of repeats(lives, (done) => progress('Pawl', done))) {
    for (const { bare, empty, pawl } of PLATFORMS) {
      await looked.at([bare, empty, pawl], quick ? 3 : 12)
    }
  }
  for (const [index, [name, bare]] of PEERS.entries()) {
    progress('peers', index / PEERS.length)
    await looked.at([bare, name], quick ? 2 : 8)
  }
  const of = (name: string, bare: string): Look => looked.found.get(`${name} beside ${bare}`)!
  const share = (name: string, bare: string, target?: Figure['target']): Figure => {
    const what = `protected GET, ${name}: share of the requests per second of ${bare} without sessions`
    return figure(`http.${idOf(name)}`, what, spread(of(name, bare).share), {
      unit: '×',
      ...(target && { target }),
    })
  }
  return [
    ...PLATFORMS.map(({ bare, pawl, target }) => share(pawl, bare, target)),
    ...PLATFORMS.map(({ bare, empty }) => share(empty, bare)),
    ...PEERS.map(([name, bare]) => share(name, bare)),
    // Says the same on a machine where others work too.
    ...PLATFORMS.flatMap(({ bare, empty, pawl }) =>
      [bare, empty, pawl].map((name) => {
        const what = `protected GET, ${name}: processor time of a request, the servers of all lives`
        return figure(`http.cpu.${idOf(name)}`, what, spread(of(name, bare).cpu), { unit: 'µs' })
      }),
    ),
    ...[
      ...PLATFORMS.flatMap(({ bare, empty, pawl }) =>
        [bare, empty, pawl].map((name) => [name, bare] as const),
      ),
      ...PEERS,
    ].map(([name, bare]) =>
      figure(`http.rps.${idOf(name)}`, `requests per second: ${name}`, spread(of(name, bare).perSecond), {
        unit: '/s',
      }),
    ),
    {
      id: 'http.busy',
      what: "protected GET, Pawl and bare: how busy the servers' core was, median, while connections open and close included",
      value:
        quantile(
          PLATFORMS.flatMap(({ bare, pawl }) => [...of(bare, bare).busy, ...of(pawl, bare).busy]),
          0.5,
        ) * 100,
      unit: '%',
    },
  ]
}

/** What one server did in each round, of all its lives. */
interface Look {
  readonly perSecond: number[]
  /** Of what the server without sessions did in the same round. */
  readonly share: number[]
  readonly cpu: number[]
  readonly busy: number[]
}

function createLooks(database: string) {
  const found = new Map<string, Look>()
  return {
    found,
    /** Starts these servers, the first of which has no sessions, and measures them by turns. */
    async at(names: readonly string[], rounds: number): Promise<void> {
      const servers = await createServers(database)
      try {
        const running: Server[] = []
        for (const name of names) running.push(await servers.start(name))
        const cookie = running.find((server) => server.cookie !== null)!.cookie!
        const looks = names.map((name) => {
          const key = `${name} beside ${names[0]}`
          const look = found.get(key) ?? { perSecond: [], share: [], cpu: [], busy: [] }
          found.set(key, look)
          return look
        })
        for (const server of running) await server.settle(cookie)
        for (let round = 0; round < rounds; round++) {
          const order = [...running.keys()]
          const measured: Measured[] = []
          for (const index of round % 2 === 0 ? order : order.toReversed())
            measured[index] = await running[index]!.load(ROUND, cookie)
          for (const [index, { perSecond, cpu, busy }] of measured.entries()) {
            looks[index]!.perSecond.push(perSecond)
            looks[index]!.share.push(perSecond / measured[0]!.perSecond)
            looks[index]!.cpu.push(cpu)
            looks[index]!.busy.push(busy)
          }
        }
      } finally {
        servers.stop()
      }
    },
  }
}

const idOf = (name: string): string => name.toLowerCase().replaceAll(/\W+/g, '-')
