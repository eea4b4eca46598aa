import { randomUUID } from 'node:crypto'
import type express from 'express'
import type { Store } from 'express-session'
import type { SessionRequest } from 'supertokens-node/framework/express/index.js'
import { CLAIMS, HOST, type ServerContender, type Surroundings, USER_HEADER, USERS } from './contender.ts'
import { countedClient, countedPool } from './counted.ts'

const SECRET = 'a secret that protects benchmarks only'
const THIRTY_DAYS = 30 * 86_400_000

interface SessionContent {
  userId: string
  claims: typeof CLAIMS
}

declare module 'express-session' {
  interface SessionData extends SessionContent {}
}

export async function expressSessionInPostgres({ database, empty }: Surroundings): Promise<ServerContender> {
  const { default: session } = await import('express-session')
  const { default: connectPgSimple } = await import('connect-pg-simple')
  const { pool, statements } = countedPool(database)
  const PgStore = connectPgSimple(session)
  const store = new PgStore({ pool, createTableIfMissing: empty ?? false, tableName: 'express_sessions' })
  return { listener: await expressSession(store), statements }
}

export async function expressSessionInRedis({ redis }: Surroundings): Promise<ServerContender> {
  const { RedisStore } = await import('connect-redis')
  const { createClient } = await import('redis')
  const { client, commands } = countedClient(await createClient({ url: redis! }).connect())
  return { listener: await expressSession(new RedisStore({ client })), statements: commands }
}

/** As the manual sets it up: each request reads the session, and writes it to extend its lifetime. */
async function expressSession(store: Store): Promise<express.Express> {
  const { default: express } = await import('express')
  const { default: session } = await import('express-session')
  const app = express()
  app.use(
    session({
      store,
      secret: SECRET,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: THIRTY_DAYS },
    }),
  )
  app.post('/login', (req, res) => {
    const id = req.get(USER_HEADER)!
    Object.assign(req.session, { userId: id, claims: CLAIMS } satisfies SessionContent)
    res.json({ id })
  })
  app.get('/me', (req, res) => {
    if (req.session.userId === undefined) res.status(401).json({})
    else res.json({ id: req.session.userId })
  })
  return app
}

/**
 * A login is what a plugin of better-auth does: it creates the session and sets the cookies. No password is hashed.
 * At `GET /due` each session is due for its daily update.
 *
 * @param cookieCache as its manual recommends: the cookie holds the session for five minutes
 */
export async function betterAuth(
  { database, empty }: Surroundings,
  { cookieCache = false } = {},
): Promise<ServerContender> {
  const { default: express } = await import('express')
  const { betterAuth, createAuthEndpoint, setSessionCookie } = await import('./better-auth.ts')
  const { fromNodeHeaders } = await import('better-auth/node')
  const { pool, statements } = countedPool(database)
  const createdAt = new Date()
  const userOf = (name: string) => ({
    id: name,
    name,
    email: `${name}@example.com`,
    emailVerified: false,
    createdAt,
    updatedAt: createdAt,
  })
  const signIn = createAuthEndpoint(
    '/benchmark/sign-in',
    { method: 'POST', requireHeaders: true },
    async (ctx) => {
      const user = userOf(ctx.headers.get(USER_HEADER)!)
      const session = await ctx.context.internalAdapter.createSession(user.id)
      await setSessionCookie(ctx, { session, user })
      return ctx.json({})
    },
  )
  const options = {
    database: pool,
    secret: SECRET,
    baseURL: `http://${HOST}`,
    telemetry: { enabled: false },
    plugins: [{ id: 'benchmark', endpoints: { signIn } }],
  }
  if (empty) {
    const { getMigrations } = await import('better-auth/db/migration')
    await (await getMigrations(options)).runMigrations()
    await pool.query(
      `insert into "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
       select name, name, name || '@example.com', false, now(), now()
       from (select 'user-' || n as name from generate_series(0, $1::int - 1) n) names on conflict do nothing`,
      [USERS],
    )
  }
  const auth = betterAuth({ ...options, session: { cookieCache: { enabled: cookieCache } } })
  const app = express()
  app.post('/login', async (req, res) => {
    const { headers } = await auth.api.signIn({ headers: fromNodeHeaders(req.headers), returnHeaders: true })
    res.setHeader('set-cookie', headers.getSetCookie())
    res.json({ id: req.get(USER_HEADER) })
  })
  const me =
    ({ api }: Pick<typeof auth, 'api'>): express.RequestHandler =>
    async (req, res) => {
      const found = await api.getSession({ headers: fromNodeHeaders(req.headers), returnHeaders: true })
      const setCookies = found.headers.getSetCookie()
      if (setCookies.length > 0) res.setHeader('set-cookie', setCookies)
      if (found.response === null) res.status(401).json({})
      else res.json({ id: found.response.user.name })
    }
  app.get('/me', me(auth))
  let due: express.RequestHandler | null = null
  app.get('/due', (req, res, next) => {
    due ??= me(betterAuth({ ...options, session: { updateAge: 0 } }))
    return due(req, res, next)
  })
  return { listener: app, statements }
}

/** Auth.js creates sessions after its own sign-in pages. A login here calls its adapter, as those pages do. */
export async function authJs({ database, empty }: Surroundings): Promise<ServerContender> {
  const { default: express } = await import('express')
  const { getSession } = await import('@auth/express')
  const { default: PostgresAdapter } = await import('@auth/pg-adapter')
  const { pool, statements } = countedPool(database)
  if (empty) {
    // The columns and keys of the adapter's manual, without the tables of other ways to sign in.
    await pool.query(`create table if not exists users
      (id serial primary key, name varchar(255), email varchar(255), "emailVerified" timestamptz, image text)`)
    await pool.query(`create table if not exists sessions
      (id serial primary key, "userId" integer not null, expires timestamptz not null, "sessionToken" varchar(255) not null)`)
    // Its manual has no index for the lookup of each request, but whoever has many sessions needs one.
    await pool.query('create index if not exists sessions_token on sessions ("sessionToken")')
    await pool.query(
      `insert into users (id, name, email) select n, 'user-' || n, 'user-' || n || '@example.com'
       from generate_series(0, $1::int - 1) n on conflict do nothing`,
      [USERS],
    )
  }
  const adapter = PostgresAdapter(pool)
  const config = { adapter, providers: [], secret: SECRET, trustHost: true, basePath: '/auth' }
  const app = express()
  app.post('/login', async (req, res) => {
    const id = req.get(USER_HEADER)!
    const expires = new Date(Date.now() + THIRTY_DAYS)
    const sessionToken = randomUUID()
    await adapter.createSession!({ sessionToken, userId: id.slice('user-'.length), expires })
    res.cookie('authjs.session-token', sessionToken, { httpOnly: true, sameSite: 'lax', path: '/', expires })
    res.json({ id })
  })
  const me =
    (session: { strategy: 'database'; updateAge?: number }): express.RequestHandler =>
    async (req, res) => {
      const found = await getSession(req, { ...config, session })
      if (found === null) res.status(401).json({})
      else res.json({ id: found.user?.name })
    }
  app.get('/me', me({ strategy: 'database' }))
  app.get('/due', me({ strategy: 'database', updateAge: 0 }))
  return { listener: app, statements }
}

/** The sealed cookie holds the session, so no request reads a database, and no session can be revoked. */
export async function ironSession(): Promise<ServerContender> {
  const { default: express } = await import('express')
  const { getIronSession } = await import('iron-session')
  const options = { password: SECRET, cookieName: 'session' }
  const app = express()
  app.post('/login', async (req, res) => {
    const id = req.get(USER_HEADER)!
    const session = await getIronSession<SessionContent>(req, res, options)
    Object.assign(session, { userId: id, claims: CLAIMS } satisfies SessionContent)
    await session.save()
    res.json({ id })
  })
  const me =
    (save: boolean): express.RequestHandler =>
    async (req, res) => {
      const session = await getIronSession<Partial<SessionContent>>(req, res, options)
      if (session.userId === undefined) return void res.status(401).json({})
      if (save) await session.save()
      res.json({ id: session.userId })
    }
  app.get('/me', me(false))
  app.get('/due', me(true))
  return { listener: app }
}

/** Its core server keeps the sessions. A stand-in answers in its place, so that only requests can be measured. */
export async function supertokens({ core }: Surroundings): Promise<ServerContender> {
  const { default: express } = await import('express')
  const { default: supertokens } = await import('supertokens-node')
  const { default: Session } = await import('supertokens-node/recipe/session/index.js')
  const { verifySession } = await import('supertokens-node/recipe/session/framework/express/index.js')
  const { errorHandler, middleware } = await import('supertokens-node/framework/express/index.js')
  supertokens.init({
    framework: 'express',
    supertokens: { connectionURI: core! },
    appInfo: { appName: 'benchmark', apiDomain: `https://${HOST}`, websiteDomain: `https://${HOST}` },
    recipeList: [Session.init({ getTokenTransferMethod: () => 'cookie' })],
    telemetry: false,
  })
  const app = express()
  app.use(middleware())
  app.post('/login', async (req, res) => {
    const id = req.get(USER_HEADER)!
    await Session.createNewSession(req, res, 'public', supertokens.convertToRecipeUserId(id), CLAIMS)
    res.json({ id })
  })
  // Both this library and express-session declare `req.session`.
  app.get('/me', verifySession() as unknown as express.RequestHandler, (req, res) => {
    res.json({ id: (req as unknown as SessionRequest).session!.getUserId() })
  })
  app.use(errorHandler())
  return { listener: app }
}

export async function original({ database }: Surroundings): Promise<ServerContender> {
  const { default: express } = await import('express')
  const { originalOnExpress } = await import('../peers/original.ts')
  // It takes a second connection while it holds one, so the pool must be large.
  const { pool, statements } = countedPool(database, 40)
  const original = await originalOnExpress(pool)
  const app = express()
  app.post('/login', async (req, res) => {
    const id = req.get(USER_HEADER)!
    await original.createNewSession(res, id, CLAIMS, {})
    res.json({ id })
  })
  app.get('/me', async (req, res) => {
    const session = await original.getSession(req, res, false)
    res.json({ id: session.getUserId() })
  })
  app.post('/refresh', async (req, res) => {
    const session = await original.refreshSession(req, res)
    res.json({ id: session.getUserId() })
  })
  return { listener: app, statements }
}
