/** Checked by the compiler, never run. Each `@ts-expect-error` is a mistake that must not compile. */

import type { ExecutionContext } from '@nestjs/common'
import {
  Public,
  type RequestSession,
  RequireSession,
  Session,
  type SessionGuard,
  type SessionOf,
  SessionsModule,
  sessionOf,
} from '../../src/adapters/nest/index.ts'
import type { Json, Sessions } from '../../src/index.ts'

interface Claims {
  role: 'admin' | 'user'
}
interface Data {
  cart: number[]
}
interface Config {
  readonly secret: string
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_equal: Equal<A, B>): void => {}

declare const sessions: Sessions<Claims, Data>
declare const untyped: Sessions
declare const request: object
declare function create(secret: string): Promise<Sessions<Claims, Data>>

export function moduleAcceptsTypedSessions(): void {
  SessionsModule.forRoot(sessions)
  SessionsModule.forRoot(untyped, { path: '/auth/session' })
  SessionsModule.forRootAsync({ useFactory: () => create('') })
  SessionsModule.forRootAsync({
    inject: ['CONFIG'],
    useFactory: ({ secret }: Config) => create(secret),
    options: { refresh: 'inline' },
  })
  SessionsModule.forRootAsync({
    inject: ['CONFIG'],
    useFactory: async (config: Config) => create(config.secret),
    options: ({ secret }) => ({ path: `/${secret}` }),
  })
  SessionsModule.forRoot(create(''))
  // @ts-expect-error an unknown option
  SessionsModule.forRoot(sessions, { paths: '/session' })
  // @ts-expect-error an option of another type
  SessionsModule.forRootAsync({ useFactory: () => create(''), options: () => ({ refresh: 'always' }) })
  // @ts-expect-error the sessions are required
  SessionsModule.forRootAsync({ useFactory: () => ({}) })
  // @ts-expect-error `useFactory` and `options` get the same injected values
  SessionsModule.forRootAsync({ useFactory: (c: Config) => create(c.secret), options: (_: number) => ({}) })
}

export async function sessionsAreTyped(context: ExecutionContext): Promise<void> {
  const session = sessionOf(context.switchToHttp().getRequest(), sessions)
  same<typeof session, RequestSession<Claims, Data>>(true)
  same<typeof session, SessionOf<typeof sessions>>(true)
  same<typeof session.claims.role, 'admin' | 'user'>(true)
  await session.create({ userId: 'u', claims: { role: 'user' }, data: { cart: [1] } })
  // @ts-expect-error an unknown role
  await session.create({ userId: 'u', claims: { role: 'owner' } })
  // @ts-expect-error data of another shape
  await session.setData({ cart: ['one'] })
  // @ts-expect-error claims are read-only
  session.claims = { role: 'admin' }
  const plain = sessionOf(request, untyped)
  same<(typeof plain)['claims']['anything'], Json | undefined>(true)
  // @ts-expect-error a request must be an object
  sessionOf('request', sessions)
}

export function decoratorsAreAccepted(): void {
  class Account {
    me(): void {}
  }
  const descriptor = Object.getOwnPropertyDescriptor(Account.prototype, 'me')!
  RequireSession()(Account)
  Public()(Account)
  RequireSession({ optional: true, maxAuthAge: 60, lookup: true })(Account.prototype, 'me', descriptor)
  Session()(Account.prototype, 'me', 0)
  same<ReturnType<SessionGuard['canActivate']>, Promise<boolean>>(true)
  // @ts-expect-error an unknown option
  RequireSession({ required: true })
  // @ts-expect-error seconds must be a number
  RequireSession({ maxAuthAge: '5m' })
  // @ts-expect-error the decorator has no argument
  Session('userId')
}
