/**
 * Checked by the compiler, never run: `c.var.session` has the claims and data of its sessions. Each
 * `@ts-expect-error` is a mistake that must not compile.
 */
import { type Context, Hono } from 'hono'
import { createFactory } from 'hono/factory'
import {
  honoSessions,
  type RequestSession,
  requireSession,
  type SessionEnv,
  type SessionOf,
  sessionErrors,
  sessionOf,
} from '../../src/adapters/hono/index.ts'
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
type AppEnv = SessionEnv<typeof sessions>

export function environmentTypesTheSession(): void {
  const app = new Hono<AppEnv>()
  app.use(honoSessions(sessions))
  app.post('/login', async (c) => {
    same<typeof c.var.session, RequestSession<Claims, Data>>(true)
    await c.var.session.create({ userId: 'u', claims: { role: 'admin' }, data: { cart: [1] } })
    // @ts-expect-error an unknown role
    await c.var.session.create({ userId: 'u', claims: { role: 'owner' } })
    // @ts-expect-error data of another shape
    await c.var.session.setData({ cart: ['one'] })
    // @ts-expect-error an unknown variable
    c.var.user
    return c.json({ role: c.get('session').claims.role })
  })
  app.get('/users/:id', requireSession({ maxAuthAge: 60 }), (c) => {
    same<typeof c.var.session, SessionOf<typeof sessions>>(true)
    return c.text(c.req.param('id') + c.var.session.claims.role)
  })
  app.use('/admin/*', requireSession())
  app.onError(
    sessionErrors((error, c) => {
      same<typeof c, Context<AppEnv>>(true)
      return c.text(`${error.message} ${c.var.session.transport}`, 500)
    }),
  )
}

export function chainedMiddlewareTypesTheSession(): void {
  const app = new Hono().use(honoSessions(sessions)).get('/', requireSession(), (c) => {
    same<typeof c.var.session.claims, Claims>(true)
    return c.json({ role: c.var.session.claims.role })
  })
  new Hono().route('/app', app)
  new Hono().get('/', honoSessions(sessions), requireSession(), (c) => c.text(c.var.session.claims.role))
}

export function otherVariablesAndBindingsAreKept(): void {
  const factory = createFactory<AppEnv & { Bindings: { DB: string }; Variables: { requestId: string } }>()
  factory
    .createApp()
    .use('/app/*', honoSessions(sessions, { path: '/app/session', ip: (c) => c.req.header('x-real-ip') }))
    .get('/app', (c) => c.text(c.env.DB + c.var.requestId + c.var.session.userId))
}

export function sessionOfAcceptsAnyContext(c: Context): void {
  const session = sessionOf(c, sessions)
  same<typeof session, RequestSession<Claims, Data>>(true)
}

export function mistakesDoNotCompile(): void {
  // @ts-expect-error an unknown option
  honoSessions(sessions, { prefix: '/api' })
  // @ts-expect-error the sessions are required
  honoSessions()
  // @ts-expect-error an unknown requirement
  requireSession({ maxAge: 60 })
  // @ts-expect-error the application has no `honoSessions`
  new Hono().get('/', (c) => c.text(c.var.session.userId))
  // @ts-expect-error a Request is not a context
  sessionOf(new Request('https://app.example.com'), sessions)
  // @ts-expect-error the application's own error handler is needed
  sessionErrors()
}
