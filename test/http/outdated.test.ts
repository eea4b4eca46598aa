import { describe, expect, it } from 'vitest'
import type { StandardSchemaV1 } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { type Handler, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { schema } from '../support/schema.ts'

interface Claims {
  role: string
  tenant: string
}

/** Requires `tenant`, which the earlier release did not write. */
const strict = schema((value): Claims => {
  const { role, tenant } = value as Partial<Claims>
  if (typeof tenant !== 'string') throw ['tenant']
  return { role: role!, tenant }
})
const filling = schema((value): Claims => ({ tenant: 'main', ...(value as { role: string }) }))

const OUTDATED = { code: 'session_outdated', refresh: false }
const claimsOf: Handler = (session) =>
  Response.json({ claims: session.claims, stale: session.stale, current: session.current?.claims ?? null })

interface Deployment {
  /** The site of the earlier release, and a visitor who signed in there. */
  readonly before: { readonly site: Site; readonly anna: Visitor }
  /** The same browser on the next release. */
  readonly after: { readonly site: Site; readonly anna: Visitor }
}

async function deploy(
  claims: StandardSchemaV1<unknown, Claims>,
  {
    http = {},
    ...options
  }: { http?: Parameters<typeof openSite>[0]; onSchemaMismatch?: 'reject' | 'stale' } = {},
): Promise<Deployment> {
  const store = memory()
  const { now } = createFakeClock()
  const old = await openSite(http, { store, now })
  const anna = old.visitor()
  await anna.login({ userId: 'anna', claims: { role: 'user' } })
  const next = await openSite(http, { store, now, claims: claims as never, ...options })
  return { before: { site: old, anna }, after: { site: next, anna: next.visitor(anna.jar) } }
}

describe('a session whose claims the schema refuses', () => {
  it('must refresh, and the refresh answers 401 and keeps the cookies, so that a rollback brings it back', async () => {
    const { before, after } = await deploy(strict)
    expect(await after.anna.me()).toMatchObject({
      status: 401,
      body: { code: 'access_token_expired', refresh: true },
      cookies: [],
    })
    expect(await after.anna.refresh()).toMatchObject({ status: 401, body: OUTDATED, cookies: [] })
    expect((await before.anna.me()).status).toBe(200)
    expect((await before.anna.refresh()).status).toBe(200)
    expect((await before.anna.me()).status).toBe(200)
  })

  it('sees the page that asks for a sign-in, without a redirect loop', async () => {
    const { after } = await deploy(strict)
    const first = await after.anna.navigate('/page')
    expect(first.status).toBe(303)
    const second = await after.anna.navigate(first.headers.get('location')!)
    expect([second.status, second.cookies]).toStrictEqual([303, []])
    const third = await after.anna.navigate(second.headers.get('location')!)
    expect(third).toMatchObject({
      status: 401,
      text: expect.stringContaining('sign in again'),
      cookies: [],
    })
  })

  it('is replaced by the next login', async () => {
    const { after } = await deploy(strict)
    const answer = await after.anna.login({ userId: 'anna', claims: { role: 'user', tenant: 'a' } })
    expect(answer.status).toBe(200)
    expect((await after.anna.me()).status).toBe(200)
    const list = await after.site.sessions.list('anna')
    expect(list.map(({ endReason, stale }) => [endReason, stale]).sort()).toStrictEqual([
      [null, false],
      ['replaced', true],
    ])
  })

  it('can sign out', async () => {
    const { before, after } = await deploy(strict)
    expect((await after.anna.logout()).status).toBe(204)
    expect(await before.site.sessions.list('anna')).toMatchObject([{ endReason: 'logout' }])
  })

  it('is a visitor on optional pages with inline refresh, and 401 elsewhere', async () => {
    const { after } = await deploy(strict, { http: { refresh: 'inline' } })
    expect(await after.anna.me()).toMatchObject({ status: 401, body: OUTDATED, cookies: [] })
    const visitor: Handler = ({ current }) => Response.json(current)
    const page = await after.anna.visit('GET', '/', { handler: visitor })
    expect(page).toMatchObject({ status: 200, body: null, cookies: [] })
  })

  it('gets the same answer in bearer mode', async () => {
    const { before, after } = await deploy(strict)
    const { refreshToken } = await before.site.sessions.create({ userId: 'bert', claims: { role: 'user' } })
    const headers = { 'pawl-transport': 'bearer', 'content-type': 'application/json' }
    const body = JSON.stringify({ refreshToken: refreshToken.value })
    const answer = await after.site.visitor().visit('POST', '/session/refresh', { headers, body })
    expect(answer).toMatchObject({ status: 401, body: OUTDATED })
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
  })

  it("goes on as stale with `onSchemaMismatch: 'stale'`, also after an inline refresh", async () => {
    const { after } = await deploy(strict, { http: { refresh: 'inline' }, onSchemaMismatch: 'stale' })
    const stale = { claims: { role: 'user' }, stale: true, current: { role: 'user' } }
    expect((await after.anna.me({ handler: claimsOf })).body).toStrictEqual(stale)
    after.anna.jar.delete('__Host-pawl-access')
    const refreshed = await after.anna.me({ handler: claimsOf })
    expect([refreshed.body, refreshed.cookies.length]).toStrictEqual([stale, 2])
  })
})

it('the schema fills in defaults before and after an inline refresh', async () => {
  const { after } = await deploy(filling, { http: { refresh: 'inline' } })
  const claims = { role: 'user', tenant: 'main' }
  const filled = { claims, stale: false, current: claims }
  expect((await after.anna.me({ handler: claimsOf })).body).toStrictEqual(filled)
  after.anna.jar.delete('__Host-pawl-access')
  const token: Handler = async (session) => Response.json([session.claims, await session.accessToken()])
  const { body } = await after.anna.me({ handler: token })
  const [seen, forwarded] = body as [Claims, string]
  expect(seen).toStrictEqual(claims)
  expect(after.site.sessions.verify(forwarded).claims).toStrictEqual(claims)
  expect((await after.anna.me({ handler: claimsOf })).body).toStrictEqual(filled)
})

it('a login that `refreshClaims` refuses answers 401, also in place of another session', async () => {
  let disabled = false
  const site = await openSite({}, { refreshClaims: ({ claims }) => (disabled ? null : claims) })
  const anna = site.visitor()
  await anna.login()
  disabled = true
  for (const visitor of [anna, site.visitor()])
    expect(await visitor.login()).toMatchObject({
      status: 401,
      body: { code: 'session_ended', refresh: false },
      cookies: [],
    })
})

it('`refreshClaims` ends a session at its refresh, which clears the cookies', async () => {
  let disabled = false
  const site = await openSite({}, { refreshClaims: ({ claims }) => (disabled ? null : claims) })
  const anna = site.visitor()
  await anna.login()
  disabled = true
  const { status, body, cookies } = await anna.refresh()
  expect([status, body]).toStrictEqual([401, { code: 'session_ended', refresh: false }])
  expect(cookies).toHaveLength(2)
})

it('a reauthentication leaves the row its claims, without the defaults of a schema', async () => {
  const { after } = await deploy(filling)
  const { site, anna } = after
  await anna.refresh()
  const reauthenticate: Handler = async (session) => Response.json(await session.reauthenticate())
  expect((await anna.visit('POST', '/password', { handler: reauthenticate })).status).toBe(200)
  const [session] = await site.sessions.list('anna')
  expect(await site.store.read(session!.sessionId)).toMatchObject({
    claims: { role: 'user' },
    renewals: [{ claims: null }],
  })
  expect((await anna.me({ handler: claimsOf })).body).toMatchObject({ claims: { tenant: 'main' } })
})
