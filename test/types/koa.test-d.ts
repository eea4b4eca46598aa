/**
 * Checked by the compiler, never run: a context's session has the claims and data of its sessions. Each
 * `@ts-expect-error` is a mistake that must not compile.
 */
import Router from '@koa/router'
import Koa from 'koa'
import {
  koaSessions,
  type RequestSession,
  requireSession,
  type SessionOf,
  sessionOf,
} from '../../src/adapters/koa/index.ts'
import type { Sessions } from '../../src/index.ts'

interface Claims {
  role: 'admin' | 'user'
}
interface Data {
  cart: number[]
}
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_equal: Equal<A, B>): void => {}

declare const sessions: Sessions<Claims, Data>
interface State {
  session: SessionOf<typeof sessions>
}

export function stateTypesTheSession(): void {
  const app = new Koa<object>()
  app.use(koaSessions(sessions)).use(async (ctx) => {
    same<typeof ctx.state.session, RequestSession<Claims, Data>>(true)
    await ctx.state.session.create({ userId: 'u', claims: { role: 'admin' }, data: { cart: [1] } })
    // @ts-expect-error an unknown role
    await ctx.state.session.create({ userId: 'u', claims: { role: 'owner' } })
    // @ts-expect-error data of another shape
    await ctx.state.session.setData({ cart: ['one'] })
    // @ts-expect-error an unknown claim
    ctx.state.session.claims.plan
    // @ts-expect-error an unknown property of the state
    ctx.state.user
  })
}

export function routersTypeTheSession(): void {
  const router = new Router<State>()
  router.get('/me', requireSession(), (ctx) => {
    same<typeof ctx.state.session.claims, Claims>(true)
    ctx.body = ctx.state.session.claims.role
    ctx.body = ctx.params['id']
  })
  router.use(requireSession({ optional: true }))
  new Koa<State>().use(koaSessions(sessions)).use(router.routes()).use(router.allowedMethods())
  new Koa().use(koaSessions(sessions)).use(requireSession()).use(router.routes())
}

export function sessionOfAcceptsAnyContext(): void {
  new Koa().use(koaSessions(sessions, { path: '/auth' })).use((ctx) => {
    const session = sessionOf(ctx, sessions)
    same<typeof session, SessionOf<typeof sessions>>(true)
  })
  new Router<{ user: string }, { db: object }>().get('/', requireSession({ maxAuthAge: 60 }), (ctx) => {
    same<ReturnType<typeof sessionOf<Claims, Data>>, RequestSession<Claims, Data>>(true)
    ctx.body = [sessionOf(ctx, sessions).claims.role, ctx.state.user, ctx.db]
  })
}

export function mistakesDoNotCompile(): void {
  // @ts-expect-error an unknown option
  koaSessions(sessions, { prefix: '/api' })
  // @ts-expect-error the sessions are required
  koaSessions()
  // @ts-expect-error an unknown requirement
  requireSession({ maxAge: 60 })
  new Koa().use((ctx) => {
    // @ts-expect-error a Node.js request is not a context
    sessionOf(ctx.req, sessions)
  })
}
