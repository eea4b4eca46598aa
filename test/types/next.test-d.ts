/** Checked by the compiler, never run. Each `@ts-expect-error` is a mistake that must not compile. */
import type { NextRequest } from 'next/server.js'
import { nextSessions, type RequestSession, type SessionOf } from '../../src/adapters/next/index.ts'
import type { Sessions, VerifiedSession } from '../../src/index.ts'

interface Claims {
  role: 'admin' | 'user'
}
interface Data {
  cart: number[]
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_equal: Equal<A, B>): void => {}

declare const made: Sessions<Claims, Data>
declare const request: NextRequest

const { sessions, route, action, read, proxy, handlers } = nextSessions(async () => made)

export async function routesAreTyped(): Promise<void> {
  const GET = route(
    async (session, given, { params }: { params: Promise<{ id: string }> }) => {
      same<typeof session, RequestSession<Claims, Data>>(true)
      same<typeof session, SessionOf<typeof made>>(true)
      same<typeof given, NextRequest>(true)
      same<typeof session.claims.role, 'admin' | 'user'>(true)
      await session.create({ userId: 'u', claims: { role: 'admin' }, data: { cart: [1] } })
      // @ts-expect-error an unknown role
      await session.create({ userId: 'u', claims: { role: 'owner' } })
      // @ts-expect-error data of another shape
      await session.setData({ cart: ['one'] })
      return Response.json((await params).id)
    },
    { maxAuthAge: 60, lookup: true },
  )
  same<typeof GET, (request: NextRequest, context: { params: Promise<{ id: string }> }) => Promise<Response>>(
    true,
  )
  const plain = route((session) => Response.json(session.userId), {})
  await plain(request, { params: Promise.resolve({}) })
  // @ts-expect-error a handler must return a response
  route((session) => session.userId)
  // @ts-expect-error an unknown requirement
  route(() => new Response(), { required: true })
}

export async function actionsOmitTheSessionParameter(): Promise<void> {
  const rename = action(async (session, previous: number, form: FormData) => {
    same<typeof session, RequestSession<Claims, Data>>(true)
    return previous + [...form.keys()].length
  })
  same<typeof rename, (previous: number, form: FormData) => Promise<number>>(true)
  const signOut = action((session) => session.revoke(), {})
  same<typeof signOut, () => Promise<boolean>>(true)
  // @ts-expect-error a parameter of another type
  await rename('1', new FormData())
}

export async function readSessionsAreReadOnly(): Promise<void> {
  const session = await read()
  same<typeof session, VerifiedSession<Claims> | null>(true)
  // @ts-expect-error it may be null
  session.userId
  if (session === null) return
  // @ts-expect-error it cannot set cookies
  session.create({ userId: 'u' })
  // @ts-expect-error it cannot clear cookies
  session.revoke()
  // @ts-expect-error it cannot use the refresh token
  session.refresh()
  // @ts-expect-error a verified session is read-only
  session.claims = { role: 'admin' }
}

export async function proxyAndOptionsAreTyped(): Promise<void> {
  same<Awaited<ReturnType<typeof sessions>>, Sessions<Claims, Data>>(true)
  const { GET, POST, OPTIONS } = handlers
  await Promise.all([GET(request, {}), POST(request, {}), OPTIONS(request, {})])
  proxy()
  proxy((session, given) => (session.current === null ? Response.redirect(given.nextUrl, 303) : undefined))
  // @ts-expect-error a handler must return a response or nothing
  proxy((session) => session.userId)
  nextSessions(made)
  nextSessions(Promise.resolve(made))
  nextSessions(() => made, {
    refresh: 'inline',
    name: 'users',
    ip: (headers) => headers.get('x-real-ip') ?? undefined,
  })
  // @ts-expect-error an unknown option
  nextSessions(() => made, { refreshes: 'inline' })
}
