import { Hono } from 'hono'
import { getConnInfo } from 'hono/bun'
import { upgradeWebSocket } from '@hono/node-server'
import { H3, onResponse, serve, defineHandler } from 'h3'
import type { Sessions } from '../../src/index.ts'
import { honoSessions, requireSession, type SessionEnv, sessionErrors, sessionOf } from '../../src/adapters/hono.ts'
import * as h from '../../src/adapters/h3.ts'
import { fetchSessions } from '../../src/adapters/fetch.ts'
declare const sessions: Sessions<{ role: string }>
const app = new Hono<SessionEnv<typeof sessions>>()
app.use(honoSessions(sessions))
app.get('/me', requireSession(), (c) => c.json({ id: c.var.session.userId, role: c.var.session.claims.role }))
app.get('/', requireSession({ optional: true }), (c) => c.text(`Hello ${c.var.session.current?.userId ?? 'you'}`))
app.post('/leave', async (c) => c.json({ ended: await c.var.session.revoke() }))
app.post('/login', async (c) => c.json(await c.var.session.create({ userId: '', claims: { role: '' } })))
app.onError(sessionErrors((_error, c) => c.text('Sorry', 500)))
app.use(async (c, next) => {
  await next()
  if (c.res.status === 401 && c.req.header('accept')?.includes('text/html')) c.res = c.redirect('/login')
})
app.use('/shop/*', honoSessions(sessions, { path: '/shop/session' }))
app.use(honoSessions(sessions, { ip: (c) => getConnInfo(c).remote.address }))
app.use(honoSessions(sessions, { ip: (c) => c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() }))
export const app2 = new Hono()
  .use(honoSessions(sessions))
  .get('/me', requireSession(), (c) => c.text(c.var.session.claims.role))
app.get(
  '/socket',
  requireSession(),
  upgradeWebSocket((c) => {
    const { userId, sessionId } = sessionOf(c, sessions)
    let stop = () => {}
    return {
      onOpen(_event, socket) {
        stop = sessions.onEnded(sessionId, (reason) => socket.close(4001, reason))
        socket.send(`Hello ${userId}`)
      },
      onClose: () => stop(),
    }
  }),
)
const h3 = new H3()
h3.use(onResponse((response, event) => {
  if (response.status === 401 && event.req.headers.get('accept')?.includes('text/html'))
    return Response.redirect(new URL('/login', event.url))
}))
h3.post('/leave', async (event) => ({ ended: await h.sessionOf(event, sessions).revoke() }))
export default defineHandler({ middleware: [h.requireSession({ lookup: true })], handler: () => 1 })
serve(h3, { trustProxy: 'loopback' })
h3.use(h.h3Sessions(sessions, { ip: ({ req }) => req.headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() }))
const withSession = fetchSessions(sessions, { refresh: 'inline' })
export const answer = (request: Request, ip?: string) => withSession(request, (s) => Response.json(s.userId), { ip })
