import { json } from 'node:stream/consumers'
import Router from '@koa/router'
import Koa from 'koa'
import { createSessions } from 'pawl'
import { koaSessions, requireSession, type SessionOf } from 'pawl/koa'
import { postgres } from 'pawl/postgres'
import { page, userNamed } from '../page.ts'

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env

const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
})

const router = new Router<{ session: SessionOf<typeof sessions> }>()

router.get('/', requireSession({ optional: true }), (ctx) => {
  ctx.body = page(ctx.state.session.current?.claims.name ?? null)
})

router.post('/login', async (ctx) => {
  // An application uses a body parser with a size limit.
  const user = userNamed(await json(ctx.req).catch(() => null))
  if (user === null) {
    ctx.status = 400
    ctx.body = { code: 'no_such_user' }
    return
  }
  ctx.body = await ctx.state.session.create({ userId: user.id, claims: { name: user.name } })
})

router.get('/me', requireSession(), (ctx) => {
  const { userId, claims } = ctx.state.session
  ctx.body = { userId, name: claims.name }
})

const app = new Koa()
app.use(koaSessions(sessions)) // also serves /session/refresh and /session/logout
app.use(router.routes())

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`Listening on http://localhost:${PORT}`)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(() => sessions.close())
    // Browsers keep idle connections open.
    setTimeout(() => server.closeAllConnections(), 1000).unref()
  })
}
