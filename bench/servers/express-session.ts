import connectPgSimple from 'connect-pg-simple'
import express from 'express'
import session from 'express-session'
import pg from 'pg'
import { CLAIMS, type Kind, USER } from './kind.ts'
import { logIn } from './login.ts'

declare module 'express-session' {
  interface SessionData {
    userId: string
    claims: typeof CLAIMS
  }
}

/** As their manuals have it: one read per request, and one write to keep the session from expiring. */
export async function server(databaseUrl: string): Promise<Kind> {
  const Store = connectPgSimple(session)
  const app = express()
  app.use(
    session({
      store: new Store({
        pool: new pg.Pool({ connectionString: databaseUrl, max: 10 }),
        createTableIfMissing: true,
        tableName: 'express_sessions',
      }),
      secret: 'a secret for nothing but benchmarks',
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 30 * 24 * 3600 * 1000 },
    }),
  )
  app.post('/login', (req, res) => {
    req.session.userId = USER
    req.session.claims = CLAIMS
    res.json({})
  })
  app.get('/me', (req, res) => {
    if (req.session.userId === undefined) res.status(401).json({})
    else res.json({ id: req.session.userId })
  })
  return { listener: app, cookie: await logIn(app) }
}
