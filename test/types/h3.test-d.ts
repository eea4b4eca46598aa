/**
 * Checked by the compiler, never run: the session of an event has the claims and data of its sessions. Each
 * `@ts-expect-error` is a mistake that must not compile.
 */
import { defineHandler, H3, type H3Event } from 'h3'
import {
  h3Sessions,
  type RequestSession,
  requireSession,
  type SessionOf,
  sessionOf,
} from '../../src/adapters/h3/index.ts'
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

export function sessionsAreTyped(): void {
  const app = new H3()
  app.use(h3Sessions(sessions))
  app.post('/login', async (event) => {
    const session = sessionOf(event, sessions)
    same<typeof session, RequestSession<Claims, Data>>(true)
    same<typeof session, SessionOf<typeof sessions>>(true)
    await session.create({ userId: 'u', claims: { role: 'admin' }, data: { cart: [1] } })
    // @ts-expect-error an unknown role
    await session.create({ userId: 'u', claims: { role: 'owner' } })
    // @ts-expect-error data of another shape
    await session.setData({ cart: ['one'] })
    // @ts-expect-error an unknown claim
    session.claims.plan
  })
}

export function middlewareIsAcceptedEverywhere(): void {
  const app = new H3()
  app.use('/app/**', h3Sessions(sessions, { path: '/app/session', ip: ({ req }) => req.ip }))
  app.use('/admin/**', requireSession({ maxAuthAge: 60 }), { method: 'POST' })
  app.get('/me', ({ context }) => context['session'], { middleware: [requireSession()] })
  app.get(
    '/me',
    defineHandler({
      middleware: [requireSession({ optional: true })],
      handler: (event) => sessionOf(event, sessions).current?.claims.role,
    }),
  )
}

export function mistakesDoNotCompile(event: H3Event): void {
  // @ts-expect-error an unknown option
  h3Sessions(sessions, { prefix: '/api' })
  // @ts-expect-error the sessions are required
  h3Sessions()
  // @ts-expect-error an unknown requirement
  requireSession({ maxAge: 60 })
  // @ts-expect-error the context is not typed
  event.context['session'].userId
  // @ts-expect-error a Request is not an event
  sessionOf(new Request('https://app.example.com'), sessions)
}
