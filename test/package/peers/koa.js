import Koa from 'koa'
import { koaSessions, requireSession } from 'pawl/koa'
import { openSessions, served, visit } from './visit.js'

const app = new Koa()
app.use(koaSessions(await openSessions()))
app.use(async (ctx, next) => {
  if (ctx.path !== '/login') return next()
  ctx.body = await ctx.state.session.create({ userId: 'anna', claims: { role: 'admin' } })
})
app.use(requireSession())
app.use((ctx) => {
  const { userId, claims } = ctx.state.session
  ctx.body = { userId, role: claims.role }
})
await visit(await served(app.callback()))
