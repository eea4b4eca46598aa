import pg from 'pg'
import { createClient } from 'redis'
import { type Budget, type Figure, figure, type Spread, spread } from '../harness/figures.ts'
import { postmasterOf, processorTimeOf } from '../harness/processor-time.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { ratio, repetitions } from '../harness/timing.ts'
import { type MarkWal, openWal } from '../harness/wal.ts'
import { type Compared, USER_DAY } from '../servers/compared.ts'
import { type Surroundings, userOf } from '../servers/contender.ts'
import { createServers, type Server } from '../servers/start.ts'
import { openSurroundings } from '../servers/surroundings.ts'
import { cookieOf, renew, signIn, type Visitor } from '../servers/visitors.ts'
import { measureStarts, startFigures } from './start.ts'

/** What one operation costs. */
interface Cost {
  /** Processor time of the application's process, in µs. */
  readonly app: number
  /** Processor time of PostgreSQL and Redis, in µs. */
  readonly database: number
  readonly statements: number
  /** Bytes of write-ahead log, without page images. */
  readonly wal: number
}

const ZERO: Cost = { app: 0, database: 0, statements: 0, wal: 0 }
const PARTS: Readonly<Record<keyof Cost, readonly [what: string, unit: Figure['unit']]>> = {
  app: ['processor time of the application', 'µs'],
  database: ['processor time of the database', 'µs'],
  statements: ['database statements', ''],
  wal: ['write-ahead log, without page images', 'B'],
}
const OPERATIONS = {
  request: 'a protected request',
  renewal: 'a request with a renewal',
  login: 'a login',
  day: 'a user-day',
} as const
type Operation = keyof typeof OPERATIONS

/** By contender, for each operation the cost in each round. */
interface Sample {
  readonly contender: Compared
  readonly costs: Record<Operation, Cost[]>
  /** Resident bytes at the end of each life. */
  readonly memory: number[]
  stored: number | null
}

/** How many times the processor time of Pawl's user-day another library needs at least. */
const TIMES_PAWL: Readonly<Record<string, number>> = {
  'express-session-redis': 1,
  'express-session-postgres': 1.7,
  'better-auth': 2,
  'better-auth-cookie': 1.5,
  'auth-js': 1.7,
  'iron-session': 1.1,
}

/**
 * Requests, renewals, logins, cold starts and memory of Pawl and what is used instead of it, by turns. All are servers of
 * Express. The costs are processor time, because it does not depend on what else the machine does.
 */
export async function compare({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const { surroundings, contenders, redis, close } = await openSurroundings(database)
  const meters = await openMeters(database, redis)
  const samples = contenders.map(
    (contender): Sample => ({
      contender,
      costs: { request: [], renewal: [], login: [], day: [] },
      memory: [],
      stored: null,
    }),
  )
  const cookies = new Map<string, string>()
  // Of two processes with the same program one may stay half as fast, so each server is started several times.
  const lives = quick ? { most: 1, least: 1, seconds: 0 } : { most: 3, least: 2, seconds: 270 }
  for (const life of repetitions(lives, (done) => progress('servers by turns', done)))
    await measureLife(samples, { ...surroundings, empty: life === 0 }, meters, cookies, quick)
  const starts = { most: quick ? 1 : 12, least: quick ? 1 : 5, seconds: 100 }
  const times = await measureStarts(contenders, surroundings, cookies, starts, (done) =>
    progress('cold starts', done),
  )
  await meters.close()
  await close()

  const sampleOf = (id: string): Sample => samples.find(({ contender }) => contender.id === id)!
  const [pawl, bare] = [sampleOf('pawl'), sampleOf('bare')]
  const against = (name: string, what: string, values: Spread, budget: Budget): Figure =>
    figure(`compare.pawl.${name}`, `Pawl: ${what}`, values, '×', budget)
  return [
    ...samples.flatMap((sample) => figuresOf(sample, totalsOf(pawl.costs.day), meters.measuresDatabase)),
    ...startFigures('compare', times),
    against(
      'day-against-express',
      'processor time of a user-day, against Express without sessions',
      ratio(totalsOf(pawl.costs.day), totalsOf(bare.costs.day)),
      { atMost: 1.9 },
    ),
    against(
      'memory-against-express',
      'memory of a process, against Express without sessions',
      ratio(pawl.memory, bare.memory),
      { atMost: 1.7 },
    ),
    against(
      'start-against-express-session',
      'time to the first answer of a process, against express-session with PostgreSQL',
      ratio(times.get('pawl')!, times.get('express-session-postgres')!),
      { atMost: 1.5 },
    ),
  ]
}

/** Starts all servers, warms them up and measures them round by round. */
async function measureLife(
  samples: readonly Sample[],
  surroundings: Surroundings,
  meters: Meters,
  cookies: Map<string, string>,
  quick: boolean,
): Promise<void> {
  const rounds = quick ? { most: 1, least: 1, seconds: 0 } : { most: 5, least: 2, seconds: 90 }
  const count = { visitors: quick ? 100 : 1500, perRound: quick ? 64 : 200 }
  const servers = await createServers()
  try {
    const running: { sample: Sample; server: Server; visitors: Visitor[] }[] = []
    for (const sample of samples) {
      const { id, server: name, sessions } = sample.contender
      const server = await servers.start(name, surroundings)
      const before = await meters.stored()
      const visitors = sessions === undefined ? [] : await signIn(server.port, usersOf(count.visitors), 16)
      if (surroundings.empty) {
        sample.stored = ((await meters.stored()) - before) / count.visitors
        cookies.set(id, visitors[0] === undefined ? '' : cookieOf(visitors[0]))
      }
      const warm = visitors.slice(0, count.perRound)
      if (sessions?.renewal !== undefined) {
        await server.ask('expire')
        await renew(server.port, warm, sessions.renewal, () => server.ask('flush'))
      }
      await server.warmUp(cookiesOf(warm))
      running.push({ sample, server, visitors: warm })
    }
    for (const round of repetitions(rounds, () => {}))
      for (const one of round % 2 === 0 ? running : running.toReversed())
        await measureRound(one, meters, count.perRound, quick ? 0.1 : 0.4)
    for (const { sample, server } of running) {
      await server.ask('collect')
      sample.memory.push(await server.ask('memory'))
    }
  } finally {
    servers.stop()
  }
}

async function measureRound(
  { sample, server, visitors }: { sample: Sample; server: Server; visitors: Visitor[] },
  meters: Meters,
  count: number,
  seconds: number,
): Promise<void> {
  const { contender, costs } = sample
  const { renewal } = contender.sessions ?? {}
  const measured: Record<Exclude<Operation, 'day'>, Cost> = { request: ZERO, renewal: ZERO, login: ZERO }
  if (contender.sessions !== undefined)
    measured.login = await meters.measure(server, async () => {
      visitors.splice(0, Infinity, ...(await signIn(server.port, usersOf(count))))
      return count
    })
  measured.request = await meters.measure(
    server,
    async () => (await server.load(seconds, cookiesOf(visitors))).requests,
  )
  if (renewal !== undefined) {
    await server.ask('expire')
    measured.renewal = await meters.measure(server, async () => {
      await renew(server.port, visitors, renewal, () => server.ask('flush'))
      return visitors.length
    })
  }
  const renewals = renewal?.perDay ?? 0
  const day = sumOf([
    [measured.request, USER_DAY.requests - renewals],
    [measured.renewal, renewals],
    [measured.login, USER_DAY.logins],
  ])
  for (const [operation, cost] of Object.entries({ ...measured, day }))
    costs[operation as Operation].push(costIn(contender.sessions?.database, cost))
}

interface Meters {
  readonly measuresDatabase: boolean
  /** @param work returns how many operations it made @returns the cost of one */
  measure(server: Server, work: () => Promise<number>): Promise<Cost>
  /** Bytes of all tables, indexes and keys. */
  stored(): Promise<number>
  close(): Promise<void>
}

async function openMeters(
  database: string,
  redis: { readonly url: string; readonly pid: number } | null,
): Promise<Meters> {
  const pool = new pg.Pool({ connectionString: database, max: 1, idleTimeoutMillis: 0 })
  const postmaster = await postmasterOf(pool)
  if (postmaster === null)
    console.error('PostgreSQL runs elsewhere, so that its processor time is not measured.')
  const markWal: MarkWal = await openWal(pool).catch(() => {
    console.error('PostgreSQL lacks pg_walinspect, so that its write-ahead log is not measured.')
    return async () => async () => 0
  })
  const client = redis === null ? null : await createClient({ url: redis.url }).connect()

  async function databaseTime(): Promise<number> {
    const postgres = postmaster === null ? 0 : await processorTimeOf(postmaster)
    return postgres + (redis === null ? 0 : await processorTimeOf(redis.pid))
  }

  return {
    measuresDatabase: postmaster !== null,
    async measure(server, work) {
      const walSince = await markWal()
      const before = [await server.ask('statements'), await databaseTime(), await server.ask('cpu')] as const
      const count = await work()
      await server.ask('flush')
      const app = (await server.ask('cpu')) - before[2]
      const database = (await databaseTime()) - before[1]
      const statements = (await server.ask('statements')) - before[0]
      const wal = await walSince()
      return {
        app: app / count,
        database: database / count,
        statements: statements / count,
        wal: wal / count,
      }
    },
    async stored() {
      const { rows } = await pool.query(
        `select coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 as bytes
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')`,
      )
      const inRedis = client === null ? 0 : Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1])
      return rows[0].bytes + inRedis
    },
    async close() {
      await pool.end()
      await client?.close()
    },
  }
}

function figuresOf(sample: Sample, pawl: readonly number[], measuresDatabase: boolean): Figure[] {
  const { contender, costs, memory, stored } = sample
  const { id, label, sessions } = contender
  const add = (name: string, what: string, value: Parameters<typeof figure>[2], unit: Figure['unit']) =>
    figure(`compare.${id}.${name}`, `${label}: ${what}`, value, unit)
  const measured: Operation[] =
    sessions === undefined
      ? ['request', 'day']
      : sessions.requestsOnly
        ? ['request']
        : ['request', ...(sessions.renewal === undefined ? [] : (['renewal'] as const)), 'login', 'day']
  const figures = measured.flatMap((operation) =>
    partsOf(sessions?.database)
      .filter((part) => part !== 'database' || measuresDatabase)
      .map((part) => {
        const [what, unit] = PARTS[part]
        const values = costs[operation].map((cost) => cost[part])
        return add(`${operation}.${part}`, `${what} for ${OPERATIONS[operation]}`, spread(values), unit)
      }),
  )
  if (measured.includes('day') && sessions !== undefined && id !== 'pawl') {
    const what = `processor time of a user-day with ${label}: times that with Pawl`
    const times = ratio(totalsOf(costs.day), pawl)
    figures.push(figure(`compare.${id}.times-pawl`, what, times, '×', { atLeast: TIMES_PAWL[id] }))
  }
  figures.push(add('memory', 'memory of a process', spread(memory.map((bytes) => bytes / 1e6)), 'MB'))
  if (stored !== null && sessions?.database !== undefined)
    figures.push(add('stored', 'a stored session, with indexes', stored, 'B'))
  return figures
}

type Database = NonNullable<Compared['sessions']>['database']

/** Without what PostgreSQL does in the background meanwhile. */
function costIn(database: Database, cost: Cost): Cost {
  if (database === undefined) return { ...ZERO, app: cost.app }
  return database === 'Redis' ? { ...cost, wal: 0 } : cost
}

function partsOf(database: Database): (keyof Cost)[] {
  if (database === undefined) return ['app']
  return database === 'Redis' ? ['app', 'database', 'statements'] : ['app', 'database', 'statements', 'wal']
}

const totalsOf = (costs: readonly Cost[]): number[] => costs.map(({ app, database }) => app + database)

function sumOf(parts: readonly (readonly [cost: Cost, times: number])[]): Cost {
  const sum = (part: keyof Cost): number =>
    parts.reduce((total, [cost, times]) => total + cost[part] * times, 0)
  return { app: sum('app'), database: sum('database'), statements: sum('statements'), wal: sum('wal') }
}

const usersOf = (count: number): string[] => Array.from({ length: count }, (_, index) => userOf(index))
/** Without sessions, a cookie that nobody reads. */
const cookiesOf = (visitors: readonly Visitor[]): string[] =>
  visitors.length === 0 ? [`session=${'x'.repeat(280)}`] : visitors.map(cookieOf)
