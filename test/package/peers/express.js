import express from 'express'
import { expressSessions, requireSession, sessionErrors } from 'pawl/express'
import { openSessions, served, visit } from './visit.js'

const app = express()
app.use(expressSessions(await openSessions()))
app.post('/login', async (req, res) => {
  res.json(await req.session.create({ userId: 'anna', claims: { role: 'admin' } }))
})
app.get('/me', requireSession(), (req, res) => {
  res.json({ userId: req.session.userId, role: req.session.claims.role })
})
app.get('/forgotten', (req, res) => {
  res.json({ userId: req.session.userId })
})
app.use(sessionErrors())
await visit(await served(app))
