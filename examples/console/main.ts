import express, { type Request, type RequestHandler } from 'express'
import { createSessions } from 'pawl'
import { sessionsConsole } from 'pawl/console'
import { expressSessions, requireSession, sessionErrors, sessionOf } from 'pawl/express'
import { postgres } from 'pawl/postgres'
import { page, signInForm } from '../page.ts'
import { PASSWORD, type User, userByPassword } from '../users.ts'

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env
/** Administrators give their password again after 15 minutes, in ms. */
const RECENTLY = 15 * 60_000

const sessions = await createSessions<{ name: string; role: User['role'] }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
})

const app = express()
app.use(express.json(), express.urlencoded())
app.use(expressSessions(sessions))

app.get('/', requireSession({ optional: true }), (req, res) => {
  const claims = sessionOf(req, sessions).current?.claims
  const more = claims?.role === 'administrator' ? '<p><a href="/admin/sessions">All sessions</a></p>' : ''
  res.send(page(claims?.name ?? null, { signIn: signInForm(FIELDS), more }))
})

app.post('/login', async (req, res) => {
  const user = await userByPassword(textIn(req.body, 'name'), textIn(req.body, 'password'))
  if (user === null) return res.status(401).json({ code: 'wrong_password' })
  const { id, name, role } = user
  res.json(await sessionOf(req, sessions).create({ userId: id, claims: { name, role } }))
})

app.get('/me', requireSession(), (req, res) => {
  const { userId, claims } = sessionOf(req, sessions)
  res.json({ userId, ...claims })
})

app.get('/confirm', requireSession(), (req, res) => {
  res.send(page(sessionOf(req, sessions).claims.name, { more: CONFIRM }))
})

app.post('/confirm', requireSession({ acting: false }), async (req, res) => {
  const session = sessionOf(req, sessions)
  const user = await userByPassword(session.claims.name, textIn(req.body, 'password'))
  if (user === null) return res.redirect(303, '/confirm')
  await session.reauthenticate()
  res.redirect(303, '/admin/sessions')
})

// The console asks `authorize` on every request. The steps before it decide where a visitor goes instead.
app.use(
  '/admin/sessions',
  requireSession({ acting: false }),
  askForPassword(),
  sessionsConsole(sessions, {
    authorize(req: Request) {
      const { userId, claims } = sessionOf(req, sessions)
      return claims.role === 'administrator' ? { actor: userId } : null
    },
  }),
)

app.use(sessionErrors())

const server = app.listen(Number(PORT), '127.0.0.1', (error) => {
  if (error) throw error
  console.log(`Listening on http://localhost:${PORT}`)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(() => sessions.close())
    setTimeout(() => server.closeAllConnections(), 1000).unref()
  })
}

function askForPassword(): RequestHandler {
  return (req, res, next) => {
    const age = Date.now() - sessionOf(req, sessions).authTime.getTime()
    if (age <= RECENTLY) next()
    else res.redirect(303, '/confirm')
  }
}

/** A field of a form or a JSON body; empty if it is no text. */
function textIn(body: unknown, name: string): string {
  const value: unknown = Object(body)[name]
  return typeof value === 'string' ? value : ''
}

const FIELDS = `
<label>Name <input name="name" value="anna" required maxlength="40"></label>
<label>Password <input name="password" type="password" value="${PASSWORD}" required></label>
<button>Sign in</button>`

const CONFIRM = `
<form method="post" action="/confirm">
<label>Please give your password again <input name="password" type="password" required></label>
<button>Confirm</button></form>`
