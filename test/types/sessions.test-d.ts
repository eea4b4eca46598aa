/**
 * Checked by the compiler, never run: the types of claims and data go from `createSessions` to every
 * call. Each `@ts-expect-error` is a mistake that must not compile.
 */

import type { SessionOf } from '../../src/adapters/express/index.ts'
import type {
  AnySessionsError,
  ClaimsRefresh,
  CreateSession,
  EndReason,
  Json,
  Session,
  SessionOperations,
  Sessions,
  SessionsOptions,
  StandardSchemaV1,
  VerifiedSession,
} from '../../src/index.ts'
import { createSessions, isSessionsError, lazySessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { postgres } from '../../src/postgres/index.ts'

interface Claims {
  role: 'admin' | 'user'
}
interface Data {
  cart: number[]
  note?: string
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_equal: Equal<A, B>): void => {}

declare const secret: string
declare const claimsSchema: StandardSchemaV1<unknown, Claims>
declare const dataSchema: StandardSchemaV1<{ cart: string }, Data>
declare const token: string

export async function claimsAndDataFlowThroughEveryCall(): Promise<void> {
  const sessions = await createSessions<Claims, Data>({ store: memory(), secret })
  same<typeof sessions, Sessions<Claims, Data>>(true)

  const created = await sessions.create({ userId: 'u', claims: { role: 'admin' }, data: { cart: [1] } })
  same<typeof created.session, Session<Claims, Data>>(true)
  same<typeof created.session.claims.role, 'admin' | 'user'>(true)
  same<typeof created.refreshToken.value, string>(true)

  const verified = sessions.verify(token)
  same<typeof verified, VerifiedSession<Claims>>(true)
  same<Awaited<ReturnType<typeof sessions.check>>, VerifiedSession<Claims>>(true)

  const refreshed = await sessions.refresh(token)
  same<typeof refreshed.session, Session<Claims, Data>>(true)
  // @ts-expect-error it is null if the client keeps its refresh token
  refreshed.refreshToken.value

  const got = await sessions.get('id')
  same<typeof got, Session<Claims, Data> | null>(true)
  same<Awaited<ReturnType<typeof sessions.list>>, Session<Claims, Data>[]>(true)

  const version = await sessions.setData('id', { cart: [] }, { ifVersion: 1 })
  same<typeof version, number | null>(true)
  await sessions.patchData('id', { note: 'only this' })
  same<Awaited<ReturnType<typeof sessions.setClaims>>, number>(true)
  await sessions.setClaims({ userId: 'u' }, { role: 'user' })
  same<typeof verified.stale, boolean>(true)
  same<typeof created.session.stale, boolean>(true)
  await createSessions<Claims, Data>({
    store: memory(),
    secret,
    onSchemaMismatch: 'stale',
    async refreshClaims(session) {
      same<typeof session, ClaimsRefresh<Claims, Data>>(true)
      return session.stale ? null : { role: 'user' }
    },
  })
  // The schema alone types the claims, and the function must return such claims.
  const inferred = await createSessions({
    store: memory(),
    secret,
    claims: claimsSchema,
    refreshClaims: ({ claims }) => claims,
  })
  same<typeof inferred, Sessions<Claims, unknown>>(true)
  await createSessions({
    store: memory(),
    secret,
    claims: claimsSchema,
    // @ts-expect-error an unknown role
    refreshClaims: () => ({ role: 'x' }),
  })

  const inTransaction = sessions.using({})
  same<typeof inTransaction, SessionOperations<Claims, Data>>(true)
  // @ts-expect-error a refresh cannot run in a transaction of the application
  inTransaction.refresh(token)
}

export async function mistakesDoNotCompile(sessions: Sessions<Claims, Data>): Promise<void> {
  // @ts-expect-error `userId` is required
  await sessions.create({ claims: { role: 'admin' } })
  // @ts-expect-error user ids are strings
  await sessions.create({ userId: 42 })
  // @ts-expect-error an unknown role
  await sessions.create({ userId: 'u', claims: { role: 'owner' } })
  // @ts-expect-error an unknown claim
  await sessions.create({ userId: 'u', claims: { role: 'admin', extra: 1 } })
  // @ts-expect-error data of another shape
  await sessions.create({ userId: 'u', data: { cart: ['one'] } })
  // @ts-expect-error an option of another call
  await sessions.create({ userId: 'u', lifetime: 60 })
  // @ts-expect-error `setData` requires the complete data
  await sessions.setData('id', { note: 'x' })
  // @ts-expect-error a key of another shape
  await sessions.patchData('id', { cart: 'none' })
  // @ts-expect-error an unknown role
  await sessions.setClaims('id', { role: 'owner' })
  // @ts-expect-error an unknown reason
  await sessions.revoke('id', 'because')
  // @ts-expect-error a verified session is read-only
  sessions.verify(token).userId = 'other'
  // @ts-expect-error `verify` returns no promise
  sessions.verify(token).then
  // @ts-expect-error an unknown event
  sessions.on('login', () => {})
}

export function eventsAreTyped(sessions: Sessions): void {
  sessions.on('ended', (event) =>
    same<typeof event, { sessionId: string; userId: string; reason: EndReason }>(true),
  )
  sessions.on('reused', ({ ip }) => same<typeof ip, string | null>(true))
  const remove = sessions.on('rotated', ({ reason }) => same<typeof reason, 'refresh' | 'use'>(true))
  same<typeof remove, () => void>(true)
}

export async function schemasDetermineTheTypes(): Promise<void> {
  const sessions = await createSessions({ store: memory(), secret, claims: claimsSchema })
  same<typeof sessions, Sessions<Claims, unknown>>(true)
  const both: SessionsOptions<Claims, Data> = { store: memory(), secret, claims: claimsSchema }
  same<ReturnType<typeof createSessions<Claims, Data>>, Promise<Sessions<Claims, Data>>>(true)
  // @ts-expect-error a schema of other claims
  await createSessions<{ plan: string }>({ store: memory(), secret, claims: claimsSchema })
  // @ts-expect-error data is unknown without a type
  ;(await sessions.get('id'))!.data.cart
  void both
  void dataSchema
}

interface Profile {
  role: string
  tags?: readonly string[]
  home: { city: string; floor: number | null }[]
}
declare const profile: Profile

export async function claimsAndDataAreJson(): Promise<void> {
  const typed = await createSessions<Profile, Profile>({ store: memory(), secret })
  await typed.create({ userId: 'u', claims: profile, data: profile })
  await typed.setData('id', profile)
  await typed.setClaims('id', { ...profile, role: 'x' })
  await typed.renew('id', { claims: profile })

  const plain = await createSessions({ store: memory(), secret })
  const { session } = await plain.create({ userId: 'u', data: { a: [1, null, { b: undefined }] } })
  await plain.setClaims('id', { ...session.claims, role: 'x' })
  // @ts-expect-error a Date
  await plain.create({ userId: 'u', claims: { at: new Date() } })
  // @ts-expect-error a Map
  await plain.create({ userId: 'u', data: { cart: new Map() } })
  // @ts-expect-error a Set
  await plain.setData('id', new Set())
  // @ts-expect-error a bigint
  await plain.patchData('id', { id: 1n })
  // @ts-expect-error undefined in an array
  await plain.setData('id', [undefined])
  // @ts-expect-error a function
  await plain.setClaims('id', { f: () => 1 })

  const lossy = await createSessions<{ at: Date }, { tags: Set<string>; save(): void }>({
    store: memory(),
    secret,
  })
  // @ts-expect-error 'a Date is not JSON: use toISOString()'
  await lossy.setClaims('id', { at: new Date() })
  // @ts-expect-error 'this object is not JSON: use a plain object or an array'
  await lossy.setData('id', { tags: new Set<string>(), save() {} })
}

export async function requiredMembersAreRequiredAtALogin(
  request: SessionOf<Sessions<Claims, Data>>,
): Promise<void> {
  const sessions = await createSessions<Claims, Data>({ store: memory(), secret })
  // @ts-expect-error `claims` is required
  await sessions.create({ userId: 'u', data: { cart: [] } })
  // @ts-expect-error `data` is required
  await sessions.create({ userId: 'u', claims: { role: 'user' } })
  // @ts-expect-error `claims` is required
  await request.create({ userId: 'u', data: { cart: [] } })
  // @ts-expect-error `claims` is required
  await request.actAs({ userId: 'u' })
  // @ts-expect-error `data` is required
  await sessions.using({}).create({ userId: 'u', claims: { role: 'user' } })
  const optional = await createSessions<{ role?: string }, Data | null>({ store: memory(), secret })
  await optional.create({ userId: 'u' })
}

export async function patchesRemoveOptionalKeys(sessions: Sessions<Claims, Data>): Promise<void> {
  await sessions.patchData('id', { note: null, cart: [1] })
  // @ts-expect-error a required key
  await sessions.patchData('id', { cart: null })
  // @ts-expect-error undefined removes nothing
  await sessions.patchData('id', { note: undefined })
}

export async function withoutTypesClaimsAreAnyJsonObject(): Promise<void> {
  const sessions = await createSessions({ store: postgres({ connectionString: '' }), secret })
  await sessions.create({ userId: 'u', claims: { anything: 1 }, data: [1, 2] })
  const { claims } = sessions.verify(token)
  same<(typeof claims)['anything'], Json | undefined>(true)
  // @ts-expect-error claims are an object
  await sessions.create({ userId: 'u', claims: 'admin' })
}

export async function optionsAreChecked(): Promise<void> {
  // @ts-expect-error a store is required
  await createSessions({ secret })
  // @ts-expect-error a secret is required
  await createSessions({ store: memory() })
  // @ts-expect-error an unknown option
  await createSessions({ store: memory(), secret, lifetime: 60 })
  // @ts-expect-error an unknown algorithm
  await createSessions({ store: memory(), secret, keys: { algorithm: 'RS256' } })
  // @ts-expect-error seconds must be a number
  await createSessions({ store: memory(), secret, idleTimeout: '30d' })
  // @ts-expect-error only the absolute timeout can be null
  await createSessions({ store: memory(), secret, idleTimeout: null })
  await createSessions({ store: memory(), secret: [secret, new Uint8Array(32)], absoluteTimeout: null })
  // @ts-expect-error an unknown option of the store
  postgres({ connectionString: '', url: '' })
}

export async function misspelledOptionsDoNotCompile(): Promise<void> {
  const sessions = await createSessions({ store: memory(), secret })
  const [first] = await sessions.list('u', { active: true, limit: 10 })
  await sessions.list('u', { after: first })
  // @ts-expect-error the session that should stay would end
  await sessions.revokeUser('u', { excpet: 'id' })
  // @ts-expect-error
  await sessions.list('u', { offset: 100 })
  // @ts-expect-error
  await sessions.setData('id', {}, { ifversion: 1 })
  // @ts-expect-error
  await sessions.renew('id', { reauthenticate: true })
  // @ts-expect-error
  await sessions.revokeAll({ before: new Date() })
  // @ts-expect-error
  await sessions.expireAccessTokens({ user: 'u' })
  // @ts-expect-error
  await sessions.refresh(token, { useragent: 'x' })
}

export function codesDiscriminate(error: unknown): string {
  if (!isSessionsError(error)) return ''
  same<typeof error, AnySessionsError>(true)
  switch (error.code) {
    case 'ERR_SESSION_ENDED':
      same<typeof error.reason, EndReason | 'unknown'>(true)
      return error.sessionId
    case 'ERR_REFRESH_TOKEN_REUSED':
      return error.userId
    case 'ERR_ACCESS_TOKEN_EXPIRED':
      same<typeof error.reason, 'expired' | 'superseded' | 'context'>(true)
      return error.reason
    case 'ERR_TRY_AGAIN':
    case 'ERR_STORE_UNAVAILABLE':
    case 'ERR_SECRET_UNKNOWN':
      return String(error.retryAfter)
    case 'ERR_INVALID_OPTIONS':
      return error.option
    default:
      // @ts-expect-error the other errors have no such field
      return error.sessionId
  }
}

export function inputsCanBeNamed(input: CreateSession<Claims, Data>): string {
  return input.userId
}

export async function lazySessionsAreTyped(
  made: Sessions<{ role: 'admin' }, { cart: number[] }>,
): Promise<void> {
  const lazy = lazySessions(async () => made)
  const sessions = await lazy()
  const { claims, data } = (await sessions.get('id'))!
  const role: 'admin' = claims.role
  const cart: number[] = data.cart
  void [role, cart]
  // @ts-expect-error an unknown option
  lazySessions(() => made, { name: 'users' })
  // @ts-expect-error sessions that are made already
  lazySessions(made)
}

/** A variable of the environment may be undefined, also with `exactOptionalPropertyTypes`. */
export function optionsTakeVariablesOfTheEnvironment(variable: string | undefined): void {
  postgres({ connectionString: variable, listen: variable })
}
