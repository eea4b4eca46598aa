import { Hono } from 'hono'
import { honoSessions, requireSession } from 'pawl/hono'
import { openSessions, visit } from './visit.js'

const app = new Hono()
app.use(honoSessions(await openSessions()))
app.post('/login', async (c) =>
  c.json(await c.get('session').create({ userId: 'anna', claims: { role: 'admin' } })),
)
app.get('/me', requireSession(), (c) => {
  const { userId, claims } = c.get('session')
  return c.json({ userId, role: claims.role })
})
await visit((request) => app.fetch(request))
