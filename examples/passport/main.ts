import express from 'express'
import passport from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import { createSessions } from 'pawl'
import { expressSessions, requireSession, sessionErrors, sessionOf } from 'pawl/express'
import { postgres } from 'pawl/postgres'
import { page, signInForm } from '../page.ts'
import { PASSWORD, type User, userByPassword } from '../users.ts'

declare global {
  namespace Express {
    // The type of `req.user`, which Passport and the middleware below set.
    interface User {
      readonly id: string
      readonly name: string
    }
  }
}

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env

const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
})

// Passport identifies the user once, at the login.
passport.use(
  new LocalStrategy({ usernameField: 'name' }, (name, password, done) => {
    userByPassword(name, password).then((user) => done(null, user ?? false), done)
  }),
)

const app = express()
app.use(express.json())
app.use(expressSessions(sessions))

// From then on Pawl identifies the user. Routes written for Passport still find `req.user`.
app.use((req, _res, next) => {
  const { current } = sessionOf(req, sessions)
  if (current !== null) req.user = { id: current.userId, name: current.claims.name }
  next()
})

app.get('/', requireSession({ optional: true }), (req, res) => {
  res.send(page(req.user?.name ?? null, { signIn: signInForm(FIELDS) }))
})

// `session: false` keeps Passport from writing to `req.session`, which belongs to Pawl.
app.post('/login', passport.authenticate('local', { session: false }), async (req, res) => {
  const { id, name } = req.user as User
  res.json(await sessionOf(req, sessions).create({ userId: id, claims: { name } }))
})

app.get('/me', requireSession(), (req, res) => {
  const { id, name } = req.user as User
  res.json({ userId: id, name })
})

app.use(sessionErrors())

const server = app.listen(Number(PORT), '127.0.0.1', (error) => {
  if (error) throw error
  console.log(`Listening on http://localhost:${PORT}`)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(() => sessions.close())
    // Browsers keep idle connections open.
    setTimeout(() => server.closeAllConnections(), 1000).unref()
  })
}

const FIELDS = `
<label>Name <input name="name" value="anna" required maxlength="40"></label>
<label>Password <input name="password" type="password" value="${PASSWORD}" required></label>
<button>Sign in</button>`
