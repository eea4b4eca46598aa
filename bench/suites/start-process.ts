import type { RequestListener } from 'node:http'
import express from 'express'
import pg from 'pg'
import { argument } from '../harness/processes.ts'
import { CLAIMS, cookieHeader, listen, sendUser, USER } from '../servers/contender.ts'

export type Contender = 'pawl' | 'express-session' | 'better-auth' | 'supertokens-node'

/** The answer of a process that got no cookie. */
export interface Prepared {
  /** Of a signed-in user. */
  readonly cookie: string
}

/** Milliseconds since before the library was loaded. */
export interface Started {
  readonly load: number
  /** Until the first answer; null for a library that needs a server of its own. */
  readonly answer: number | null
  /** Statements before the sessions were there; only of Pawl. */
  readonly roundTrips: number | null
}

/** A loaded library. */
interface Library {
  /** Creates the tables and signs a user in. @returns the Cookie header */
  prepare(): Promise<string>
  /** Null if it cannot answer here. */
  open(): Promise<RequestListener> | null
}

const [contender, database, secret, cookie] = [
  argument<Contender>(0),
  argument<string>(1),
  argument<string>(2),
  argument<string | null>(3),
]
const pool = new pg.Pool({ connectionString: database, max: 10 })
let statements = 0
let roundTrips: number | null = null

const LIBRARIES: Readonly<Record<Contender, () => Promise<Library>>> = {
  pawl,
  'express-session': expressSession,
  'better-auth': betterAuth,
  'supertokens-node': supertokens,
}

const begunAt = performance.now()
const library = await LIBRARIES[contender]()
const load = performance.now() - begunAt
const answer: Prepared | Started =
  cookie === null
    ? { cookie: await library.prepare() }
    : { load, answer: await firstAnswer(library, cookie), roundTrips }
process.send!(answer, () => process.exit())

async function firstAnswer({ open }: Library, signedIn: string): Promise<number | null> {
  const listener = await open()
  if (listener === null) return null
  const { port } = await listen(listener)
  const response = await fetch(`http://127.0.0.1:${port}/me`, { headers: { cookie: signedIn } })
  const { id } = (await response.json()) as { id: string }
  if (id !== USER) throw new Error(`${contender} answered ${response.status} for another user`)
  return performance.now() - begunAt
}

async function login(listener: RequestListener): Promise<string> {
  const { port } = await listen(listener)
  const response = await fetch(`http://127.0.0.1:${port}/login`, { method: 'POST' })
  // express-session sends the head before it has written the row.
  await response.text()
  return cookieHeader(response.headers.getSetCookie())
}

async function pawl(): Promise<Library> {
  const [{ createSessions }, { postgres }, { expressSessions, requireSession, sessionOf }] =
    await Promise.all([import('pawl'), import('pawl/postgres'), import('pawl/express')])
  const counted = Object.assign(Object.create(pool), {
    query: (config: pg.QueryConfig) => {
      statements++
      return pool.query(config)
    },
  })
  const openSessions = () => createSessions<typeof CLAIMS>({ store: postgres({ pool: counted }), secret })
  return {
    async prepare() {
      const sessions = await openSessions()
      const { accessToken } = await sessions.create({ userId: USER, claims: CLAIMS })
      return `__Host-pawl-access=${accessToken.value}`
    },
    async open() {
      const sessions = await openSessions()
      roundTrips = statements
      const app = express()
      app.use(expressSessions(sessions))
      app.get('/me', requireSession(), (req, res) => void res.json({ id: sessionOf(req, sessions).userId }))
      return app
    },
  }
}

async function expressSession(): Promise<Library> {
  const { default: session } = await import('express-session')
  const { default: connectPgSimple } = await import('connect-pg-simple')
  const Store = connectPgSimple(session)
  const open = async (): Promise<RequestListener> => {
    const app = express()
    const store = new Store({ pool, tableName: 'express_sessions', createTableIfMissing: cookie === null })
    app.use(session({ store, secret, resave: false, saveUninitialized: false }))
    app.post('/login', (req, res) => {
      Object.assign(req.session, { userId: USER })
      res.json({})
    })
    app.get('/me', (req, res) => void res.json({ id: req.session.userId }))
    return app
  }
  return { prepare: async () => login(await open()), open }
}

async function betterAuth(): Promise<Library> {
  const { betterAuth } = await import('better-auth')
  const { fromNodeHeaders } = await import('better-auth/node')
  const options = {
    database: pool,
    secret,
    baseURL: 'http://app.example.com',
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
  }
  return {
    async prepare() {
      const { getMigrations } = await import('better-auth/db/migration')
      await (await getMigrations(options)).runMigrations()
      const { headers } = await betterAuth(options).api.signUpEmail({
        body: { name: USER, email: 'user-1@example.com', password: 'a password for benchmarks' },
        returnHeaders: true,
      })
      return cookieHeader(headers.getSetCookie())
    },
    async open() {
      const auth = betterAuth(options)
      return async (req, res) => {
        const session = await auth.api.getSession({ headers: fromNodeHeaders(req.headers) })
        if (session === null) res.writeHead(401).end('{}')
        else sendUser(res, session.user.name)
      }
    },
  }
}

async function supertokens(): Promise<Library> {
  await Promise.all([
    import('supertokens-node'),
    import('supertokens-node/recipe/session'),
    import('supertokens-node/framework/express'),
  ])
  return { prepare: async () => '', open: () => null }
}
