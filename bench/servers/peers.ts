import type { RequestListener } from 'node:http'
import pg from 'pg'
import { CLAIMS, cookieHeader, loggedIn, type ServerContender, sendUser, USER } from './contender.ts'

const SECRET = 'a secret that protects benchmarks only'

interface SessionContent {
  userId: string
  claims: typeof CLAIMS
}

declare module 'express-session' {
  interface SessionData extends SessionContent {}
}

/** As the manuals set it up: each request reads the session, and writes it to extend its lifetime. */
export async function expressSession(databaseUrl: string): Promise<ServerContender> {
  const { default: express } = await import('express')
  const { default: session } = await import('express-session')
  const { default: connectPgSimple } = await import('connect-pg-simple')
  const Store = connectPgSimple(session)
  const app = express()
  app.use(
    session({
      store: new Store({
        pool: new pg.Pool({ connectionString: databaseUrl, max: 10 }),
        createTableIfMissing: true,
        tableName: 'express_sessions',
      }),
      secret: SECRET,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 30 * 24 * 3600 * 1000 },
    }),
  )
  app.post('/login', (req, res) => {
    Object.assign(req.session, { userId: USER, claims: CLAIMS } satisfies SessionContent)
    res.json({})
  })
  app.get('/me', (req, res) => {
    if (req.session.userId === undefined) res.status(401).json({})
    else res.json({ id: req.session.userId })
  })
  return loggedIn(app)
}

/** Each request reads the session and the user: the default, without a cookie cache. */
export async function betterAuth(databaseUrl: string): Promise<ServerContender> {
  const { betterAuth } = await import('better-auth')
  const { getMigrations } = await import('better-auth/db/migration')
  const { fromNodeHeaders } = await import('better-auth/node')
  const options = {
    database: new pg.Pool({ connectionString: databaseUrl, max: 10 }),
    secret: SECRET,
    baseURL: 'http://app.example.com',
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
  }
  await (await getMigrations(options)).runMigrations()
  const auth = betterAuth(options)
  const { headers } = await auth.api.signUpEmail({
    body: { name: USER, email: 'user-1@example.com', password: 'a password for benchmarks' },
    returnHeaders: true,
  })
  return {
    cookie: cookieHeader(headers.getSetCookie()),
    async listener(req, res) {
      const session = await auth.api.getSession({ headers: fromNodeHeaders(req.headers) })
      if (session === null) res.writeHead(401).end()
      else sendUser(res, session.user.name)
    },
  }
}

/** The sealed cookie holds the session, so no request reads a database, and no session can be revoked. */
export async function ironSession(): Promise<ServerContender> {
  const { getIronSession } = await import('iron-session')
  const listener: RequestListener = async (req, res) => {
    const options = { password: SECRET, cookieName: 'session' }
    const session = await getIronSession<Partial<SessionContent>>(req, res, options)
    if (req.url === '/login') {
      Object.assign(session, { userId: USER, claims: CLAIMS } satisfies SessionContent)
      await session.save()
      res.end()
    } else if (session.userId === undefined) res.writeHead(401).end()
    else sendUser(res, session.userId)
  }
  return loggedIn(listener)
}

export async function original(databaseUrl: string): Promise<ServerContender> {
  const { default: express } = await import('express')
  const { originalOnExpress } = await import('../peers/original.ts')
  const original = await originalOnExpress(databaseUrl)
  const app = express()
  app.post('/login', async (_req, res) => {
    await original.createNewSession(res, USER, CLAIMS, {})
    res.json({})
  })
  app.get('/me', async (req, res) => {
    const session = await original.getSession(req, res, false)
    res.json({ id: session.getUserId() })
  })
  return loggedIn(app)
}
