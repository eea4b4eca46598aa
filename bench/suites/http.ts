import { type Figure, figure } from '../harness/report.ts'
import { type Contender, inRounds, quantile, ratio, spread } from '../harness/rounds.ts'
import { createServers, type Server } from '../harness/servers.ts'
import type { Settings } from '../harness/suite.ts'

/** Who is compared with which server without sessions. */
interface Pair {
  readonly name: string
  readonly bare: string
  readonly target?: Figure['target']
}

const PAWL: readonly Pair[] = [
  { name: 'Pawl on Fastify', bare: 'Fastify', target: { atLeast: 0.92 } },
  { name: 'Pawl on Express', bare: 'Express', target: { atLeast: 0.96 } },
  { name: 'Pawl on node:http', bare: 'node:http', target: { atLeast: 0.88 } },
]
/** Nobody's sessions: the same hooks, which look at the Cookie header and do nothing. */
const EMPTY: readonly Pair[] = [
  { name: 'Fastify with two empty hooks', bare: 'Fastify' },
  { name: 'Express with two empty middlewares', bare: 'Express' },
  { name: 'node:http that looks at cookies', bare: 'node:http' },
]
const PEERS: readonly Pair[] = [
  { name: 'express-session + connect-pg-simple', bare: 'Express' },
  { name: 'better-auth', bare: 'node:http' },
  { name: 'iron-session', bare: 'node:http' },
  { name: 'the original', bare: 'Express' },
]

/** A protected GET, against the same server without sessions: both get the same Cookie header. */
export async function http({ quick, database, progress }: Settings): Promise<Figure[]> {
  const servers = await createServers(database)
  const busy: number[] = []
  const cpu = new Map<string, number[]>()
  try {
    const running = new Map<string, Server>()
    const mine = [...PAWL, ...EMPTY]
    const names = [...new Set([...mine, ...PEERS].flatMap(({ bare, name }) => [bare, name]))]
    progress(`starting ${names.length} servers`)
    for (const server of await Promise.all(names.map(servers.start))) running.set(server.name, server)
    const contenders = (pairs: readonly Pair[], seconds: number): Contender[] =>
      pairs.flatMap(({ name, bare }) => {
        const cookie = (running.get(name)!.cookie ?? running.get('Pawl on Express')!.cookie)!
        return [bare, name].map((server) => {
          const contender = server === name ? name : bareOf(name)
          cpu.set(contender, [])
          return {
            name: contender,
            count: seconds,
            async measure() {
              const measured = await running.get(server)!.load(seconds, cookie)
              if (pairs === mine) busy.push(measured.busy)
              cpu.get(contender)!.push(measured.cpu)
              return 1e9 / measured.perSecond
            },
          }
        })
      })
    const timings = new Map([
      // Short rounds and many of them: what else the machine does comes and goes within seconds.
      ...(await inRounds(contenders(mine, 1), quick ? 1 : 21, (done) => progress('Pawl', done))),
      ...(await inRounds(
        contenders(PEERS, quick ? 1 : 2),
        quick ? 1 : 3,
        (done) => progress('peers', done),
        !quick,
      )),
    ])
    const of = (name: string) => timings.get(name)!
    return [
      ...[...mine, ...PEERS].map(({ name, bare, target }) => {
        const what = `protected GET, ${name}: share of the requests per second of ${bare} without sessions`
        // Both are times, so the quotient has the server without sessions above.
        return figure(`http.${idOf(name)}`, what, ratio(of(bareOf(name)), of(name)), {
          unit: '×',
          ...(target && { target }),
        })
      }),
      // Says the same on a machine where others work too.
      ...mine.map(({ name }) => {
        const what = `protected GET, ${name}: processor time of a request without sessions, as a share of one with`
        const shares = cpu.get(name)!.map((value, round) => cpu.get(bareOf(name))![round]! / value)
        return figure(`http.cpu.${idOf(name)}`, what, spread(shares.slice(1)), { unit: '×' })
      }),
      ...[...timings].map(([name, { rounds }]) =>
        figure(
          `http.rps.${idOf(name)}`,
          `requests per second: ${name}`,
          spread(rounds.map((ns) => 1e9 / ns)),
          {
            unit: '/s',
          },
        ),
      ),
      {
        id: 'http.busy',
        what: "protected GET: how busy the servers' core was at the least; below 95 % the load is the limit",
        value: quantile(busy, 0) * 100,
        unit: '%',
      },
    ]
  } finally {
    servers.stop()
  }
}

const bareOf = (name: string): string => `bare for ${name}`

const idOf = (name: string): string => name.toLowerCase().replaceAll(/\W+/g, '-')
