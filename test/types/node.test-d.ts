/** Checked by the compiler, never run: a handler's session has the types of the sessions it was made with. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  type NodeHandler,
  nodeSessions,
  type RequestSession,
  type SessionOf,
  type UpgradeHandler,
  type UpgradeListener,
  type WithSession,
} from '../../src/adapters/node/index.ts'
import type { Sessions, VerifiedSession } from '../../src/index.ts'

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

export function handlersAreTyped(): void {
  const withSession = nodeSessions(sessions)
  same<typeof withSession, WithSession<Claims, Data>>(true)

  const handler = withSession(
    async (req, res, session) => {
      same<typeof req, IncomingMessage>(true)
      same<typeof res, ServerResponse>(true)
      same<typeof session, RequestSession<Claims, Data>>(true)
      same<typeof session, SessionOf<typeof sessions>>(true)
      same<typeof session.claims.role, 'admin' | 'user'>(true)
      same<typeof session.current, VerifiedSession<Claims> | null>(true)
      same<NonNullable<Awaited<ReturnType<typeof session.get>>>['data'], Data>(true)
      await session.create({ userId: 'u', claims: { role: 'user' }, data: { cart: [] } })
      await session.patchData({ cart: [1] })

      // @ts-expect-error an unknown role
      await session.create({ userId: 'u', claims: { role: 'owner' } })
      // @ts-expect-error data of another shape
      await session.setData({ cart: ['one'] })
      // @ts-expect-error a verified session is read-only
      session.userId = 'other'
      // @ts-expect-error it is null for visitors
      session.current.userId
    },
    { optional: true, maxAuthAge: 60, lookup: true },
  )
  same<typeof handler, (req: IncomingMessage, res: ServerResponse) => Promise<void>>(true)
  createServer(handler)

  // @ts-expect-error an unknown requirement
  withSession(() => {}, { role: 'admin' })
}

export function handlersCanBeDeclaredSeparately(): void {
  const me: NodeHandler<Claims, Data> = (_req, res, { claims }) => res.end(claims.role)
  nodeSessions(sessions)(me)
  // @ts-expect-error the claims of other sessions
  nodeSessions(untyped)(me)

  const anySession = (_req: IncomingMessage, res: ServerResponse, session: RequestSession): void => {
    res.end(session.userId)
  }
  nodeSessions(untyped)(anySession)
}

export function socketsAreTyped(): void {
  const withSession = nodeSessions(sessions)
  const listener = withSession.upgrade((req, socket, head, session) => {
    same<typeof req, IncomingMessage>(true)
    same<typeof socket, Duplex>(true)
    same<typeof session, RequestSession<Claims, Data>>(true)
    same<typeof head, Buffer>(true)
    // @ts-expect-error an unknown claim
    session.claims.plan
  })
  same<typeof listener, UpgradeListener>(true)
  createServer().on('upgrade', listener)

  const apart: UpgradeHandler<Claims, Data> = (_req, socket) => socket.end()
  withSession.upgrade(apart, { maxAuthAge: 60 })
  // @ts-expect-error an upgrade listener is not a request listener
  createServer(listener)
  // @ts-expect-error seconds must be a number
  withSession.upgrade(apart, { maxAuthAge: '60' })
}

export function optionsAreChecked(): void {
  nodeSessions(sessions, { ip: (req) => req.headers['x-real-ip']?.toString() })
  nodeSessions(sessions, {
    onError(error, req, res) {
      same<typeof error, unknown>(true)
      same<typeof req, IncomingMessage>(true)
      same<typeof res, ServerResponse | null>(true)
    },
  })
  // @ts-expect-error an unknown option
  nodeSessions(sessions, { trustProxy: true })
  // @ts-expect-error an unknown mode
  nodeSessions(sessions, { refresh: 'always' })
}
