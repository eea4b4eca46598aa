import { H3, HTTPError, toNodeHandler } from 'h3'
import { h3Sessions, requireSession, sessionOf } from 'pawl/h3'
import { openSessions, served, visit } from './visit.js'

const sessions = await openSessions()
const login = (event) => sessionOf(event, sessions).create({ userId: 'anna', claims: { role: 'admin' } })
const app = new H3({ silent: true })
app.use(h3Sessions(sessions))
app.post('/login', login)
app.get(
  '/me',
  (event) => {
    const { userId, claims } = sessionOf(event, sessions)
    return { userId, role: claims.role }
  },
  { middleware: [requireSession()] },
)
app.get('/forgotten', (event) => sessionOf(event, sessions).userId)
app.get('/response', async (event) => {
  await login(event)
  return Response.json({ code: 'own' }, { status: 418 })
})
app.get('/error', async (event) => {
  await login(event)
  throw new HTTPError({ status: 409, message: 'taken' })
})
app.get('/crash', async (event) => {
  await login(event)
  throw new Error('a crash')
})
await visit(await served(toNodeHandler(app)), ['GET /response', 'GET /error', 'GET /crash'])
