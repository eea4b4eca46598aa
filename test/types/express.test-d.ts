/** Checked by the compiler, never run: `sessionOf` has the types of the sessions it is given, in Express 4 and 5. */
import express, { type Request } from 'express'
import express4 from 'express4'
import {
  type ErrorMiddleware,
  expressSessions,
  type Middleware,
  type RequestSession,
  requireSession,
  type SessionOf,
  sessionErrors,
  sessionOf,
} from '../../src/adapters/express/index.ts'
import type { Actor, Json, Sessions, VerifiedSession } from '../../src/index.ts'

interface Claims {
  role: 'admin' | 'user'
}
interface Data {
  cart: number[]
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_equal: Equal<A, B>): void => {}

declare const sessions: Sessions<Claims, Data>
declare const untyped: Sessions

export function middlewareIsAcceptedByBothVersions(): void {
  for (const app of [express(), express4()]) {
    app.use(expressSessions(sessions, { trustedOrigins: ['https://app.example.com'], cors: true }))
    app.get('/me', requireSession(), (req, res) => void res.json(sessionOf(req, sessions).userId))
    app.get(
      '/export',
      requireSession({ csrf: true }),
      (req, res) => void res.json(sessionOf(req, sessions).requireCsrfToken().userId),
    )
    app.post('/pay', requireSession({ maxAuthAge: 60, lookup: true }), (_req, res) => void res.end())
    app.use('/admin', requireSession(), express.Router())
    app.use(sessionErrors())
  }
  same<ReturnType<typeof expressSessions>, Middleware>(true)
  same<ReturnType<typeof requireSession>, Middleware>(true)
  same<ReturnType<typeof sessionErrors>, ErrorMiddleware>(true)
}

export function everySourceIsTyped(req: Request): void {
  const make = () => Promise.resolve(sessions)
  for (const source of [sessions, make(), make, () => sessions] as const) {
    expressSessions(source)
    same<SessionOf<typeof source>, RequestSession<Claims, Data>>(true)
  }
  same<ReturnType<typeof sessionOf<Claims, Data>>, RequestSession<Claims, Data>>(true)
  const ofPromise = sessionOf(req, make())
  same<typeof ofPromise, RequestSession<Claims, Data>>(true)
  const ofFunction = sessionOf(req, make)
  same<typeof ofFunction, RequestSession<Claims, Data>>(true)
  // @ts-expect-error the function is called without arguments
  expressSessions((url: string) => Promise.resolve(url && sessions))
  // @ts-expect-error a function that makes something else
  expressSessions(() => req)
  // @ts-expect-error no sessions
  expressSessions(undefined)
}

export async function sessionsAreTyped(req: Request): Promise<void> {
  const session = sessionOf(req, sessions)
  same<typeof session, RequestSession<Claims, Data>>(true)
  same<typeof session, SessionOf<typeof sessions>>(true)
  same<typeof session.claims.role, 'admin' | 'user'>(true)
  same<typeof session.current, VerifiedSession<Claims> | null>(true)
  same<NonNullable<Awaited<ReturnType<typeof session.get>>>['data'], Data>(true)
  await session.create({ userId: 'u', claims: { role: 'user' }, data: { cart: [] } })
  await session.setClaims({ role: 'admin' })
  await session.actAs({ userId: 'u', claims: { role: 'user' }, lifetime: 600 })
  // @ts-expect-error: no such role
  await session.actAs({ userId: 'u', claims: { role: 'owner' } })
  same<typeof session.actor, Actor | null>(true)
  await session.setData({ cart: [] }, { ifVersion: 1 })

  // @ts-expect-error `userId` is required
  await session.create({ claims: { role: 'user' } })
  // @ts-expect-error an unknown role
  await session.create({ userId: 'u', claims: { role: 'owner' } })
  // @ts-expect-error the address comes from the request
  await session.create({ userId: 'u', ip: '192.0.2.1' })
  // @ts-expect-error data of another shape
  await session.patchData({ cart: 'none' })
  // @ts-expect-error an unknown claim
  session.claims.plan
  // @ts-expect-error it is null for visitors
  session.current.userId
  const { claims } = sessionOf(req, untyped)
  same<(typeof claims)['anything'], Json | undefined>(true)
}

export function mistakesDoNotCompile(req: Request): void {
  // @ts-expect-error the sessions are required, because they determine the type
  sessionOf(req)
  // @ts-expect-error a web Request is not an Express request
  sessionOf(new Request('https://app.example.com'), sessions)
  // @ts-expect-error an unknown requirement
  requireSession({ role: 'admin' })
  // @ts-expect-error seconds must be a number
  requireSession({ maxAuthAge: '60' })
  // @ts-expect-error an option of pawl/node
  expressSessions(sessions, { ip: () => '' })
}
