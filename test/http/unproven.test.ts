import { describe, expect, it } from 'vitest'
import { type Handler, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { createBound, createDevice } from '../support/proofs.ts'
import { listen } from '../support/sessions.ts'

const whoami: Handler = ({ current }) => Response.json({ userId: current?.userId ?? null })
const OPTIONAL = { info: { optional: true }, handler: whoami } as const
const UNPROVEN = { status: 401, body: { code: 'device_proof_required', refresh: true } }

// The cookie of an earlier proof has vouched for another refresh token, or the browser has not waited for a proof.
describe.each(['endpoint', 'inline'] as const)('an expired bound session without a proof (%s)', (refresh) => {
  it('is no visitor to a script', async () => {
    const { anna } = await openBound(refresh)
    const expired = { status: 401, body: { code: 'access_token_expired', refresh: true } }
    expect(await anna.visit('GET', '/me', OPTIONAL)).toMatchObject(refresh === 'inline' ? UNPROVEN : expired)
    expect(await anna.refresh()).toMatchObject(UNPROVEN)
  })

  it('is no alarm at a page load, until the browser has had the chance to prove itself', async () => {
    const { site, anna } = await openBound(refresh)
    const missing = listen(site.sessions, 'deviceProofMissing')
    const page = await anna.navigate('/doc')
    expect(page.headers.get('location')).toBe('/session/refresh?to=%2Fdoc')
    const proving = await anna.navigate(page.headers.get('location')!)
    const next = proving.headers.get('refresh')!.replace('0;url=', '')
    expect(missing).toStrictEqual([])
    const back = await anna.navigate(next)
    expect(missing).toHaveLength(1)
    expect(await anna.navigate(back.headers.get('location')!)).toMatchObject({ status: 401 })
    expect(await anna.navigate(back.headers.get('location')!, OPTIONAL)).toMatchObject({
      status: 200,
      body: { userId: null },
    })
  })
})

async function openBound(refresh: 'endpoint' | 'inline'): Promise<{ site: Site; anna: Visitor }> {
  const site = await openSite({ refresh })
  const anna = site.visitor()
  await anna.login()
  const [session] = await site.sessions.list('anna')
  await site.store.bindDevice(session!.sessionId, { key: createDevice().key, kind: 'dbsc' })
  site.clock.advance(3600)
  return { site, anna }
}

it('ends at a login, and a late answer to its refresh leaves the new session its cookies', async () => {
  const site = await openSite()
  const ended = listen(site.sessions, 'ended')
  const anna = site.visitor()
  const { accessToken, refreshToken } = await createBound(site.sessions, site.store, createDevice())
  anna.jar.put('__Host-pawl-access', accessToken)
  anna.jar.put('__Secure-pawl-refresh', refreshToken, '/session')
  site.clock.advance(3600)
  const cookie = anna.jar.header('/session/refresh')
  await anna.login()
  expect(ended).toMatchObject([{ reason: 'device' }])
  expect(await anna.refresh({ headers: { cookie } })).toMatchObject({
    status: 401,
    body: { code: 'session_ended', refresh: 'once' },
    cookies: [],
  })
  expect(await anna.me()).toMatchObject({ status: 200 })
})
