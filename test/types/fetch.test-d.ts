/**
 * Checked by the compiler, never run: a handler's session has the claims and data of its sessions. Each
 * `@ts-expect-error` is a mistake that must not compile.
 */
import {
  type FetchSessions,
  fetchSessions,
  type RequestSession,
  type SessionOf,
} from '../../src/adapters/fetch/index.ts'
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
declare const request: Request

export async function handlersAreTyped(): Promise<void> {
  const withSession = fetchSessions(sessions)
  same<typeof withSession, FetchSessions<Claims, Data>>(true)
  const response = await withSession(request, async (session) => {
    same<typeof session, RequestSession<Claims, Data>>(true)
    same<typeof session, SessionOf<typeof sessions>>(true)
    await session.create({ userId: 'u', claims: { role: 'admin' }, data: { cart: [1] } })
    // @ts-expect-error an unknown role
    await session.create({ userId: 'u', claims: { role: 'owner' } })
    // @ts-expect-error data of another shape
    await session.setData({ cart: ['one'] })
    // @ts-expect-error an unknown claim
    session.claims.plan
    return new Response(session.current?.claims.role ?? 'nobody')
  })
  same<typeof response, Response>(true)
  await withSession(request, () => new Response(), { ip: undefined, required: true, maxAuthAge: 60 })
}

export function readingNeedsOnlyHeaders(headers: Headers): void {
  const verified = fetchSessions(sessions).read({ headers })
  same<typeof verified, VerifiedSession<Claims> | null>(true)
  // @ts-expect-error a verified session cannot create a session
  verified?.create
}

export async function mistakesDoNotCompile(): Promise<void> {
  // @ts-expect-error an unknown option
  const withSession = fetchSessions(sessions, { prefix: '/api' })
  // @ts-expect-error the sessions are required
  fetchSessions()
  // @ts-expect-error a handler must return a Response
  await withSession(request, ({ userId }) => userId)
  // @ts-expect-error an unknown requirement
  await withSession(request, () => new Response(), { maxAge: 60 })
  // @ts-expect-error `ip` must not be null
  await withSession(request, () => new Response(), { ip: request.headers.get('x-real-ip') })
}
