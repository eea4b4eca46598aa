/**
 * Checked by the compiler, never run: a request's session has the claims and data of its sessions. Each
 * `@ts-expect-error` is a mistake that must not compile.
 */
import fastify from 'fastify'
import {
  fastifySessions,
  type RequestSession,
  requireSession,
  type SessionOf,
  sessionOf,
} from '../../src/adapters/fastify/index.ts'
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
declare const others: Sessions<{ plan: string }, Data>

export function sessionsAreTyped(): void {
  const app = fastify()
  app.register(fastifySessions(sessions))
  app.register(fastifySessions(sessions, { path: '/auth' }))
  app.post('/login', async (request) => {
    const session = sessionOf(request, sessions)
    same<typeof session, RequestSession<Claims, Data>>(true)
    same<typeof session, SessionOf<typeof sessions>>(true)
    same<typeof session.claims.role, 'admin' | 'user'>(true)
    await session.create({ userId: 'u', claims: { role: 'admin' }, data: { cart: [1] } })
    // @ts-expect-error an unknown role
    await session.create({ userId: 'u', claims: { role: 'owner' } })
    // @ts-expect-error the address comes from the request
    await session.create({ userId: 'u', ip: '192.0.2.1' })
    // @ts-expect-error data of another shape
    await session.setData({ cart: ['one'] })
    // @ts-expect-error a claim of other sessions
    session.claims.plan
    same<(typeof session)['claims'], ReturnType<typeof sessionOf<{ plan: string }, Data>>['claims']>(false)
    same<ReturnType<typeof sessionOf<{ plan: string }, Data>>, SessionOf<typeof others>>(true)
  })
}

export function guardsAreHooks(): void {
  const app = fastify()
  app.get('/a', { onRequest: requireSession() }, () => ({}))
  app.get('/b', { preHandler: [requireSession({ maxAuthAge: 60 })] }, () => ({}))
  app.get<{ Params: { id: string }; Querystring: { q: string } }>(
    '/c/:id',
    { onRequest: requireSession({ lookup: true }), preHandler: requireSession() },
    (request) => [request.params.id, sessionOf(request, sessions).claims.role],
  )
  app.addHook('onRequest', requireSession({ optional: true }))
  app.addHook('preHandler', requireSession())
  // @ts-expect-error an unknown requirement
  requireSession({ maxAge: 60 })
  // @ts-expect-error seconds must be a number
  requireSession({ maxAuthAge: '60' })
}

export function otherServersAreAccepted(): void {
  const secure = fastify({ http2: true, https: { key: '', cert: '' } })
  secure.register(fastifySessions(sessions))
  secure.get('/me', { onRequest: requireSession() }, (request) => sessionOf(request, sessions).claims.role)
  const https = fastify({ https: { key: '', cert: '' } })
  https.register(fastifySessions(sessions))
  https.get('/me', { onRequest: requireSession() }, (request) => sessionOf(request, sessions).userId)
}

export function mistakesDoNotCompile(): void {
  // @ts-expect-error an unknown option
  fastifySessions(sessions, { prefix: '/api' })
  // @ts-expect-error the sessions are required
  fastifySessions()
  fastify().get('/', (_request, reply) => {
    // @ts-expect-error a reply is not a request
    sessionOf(reply, sessions)
  })
}
