import type express4 from 'express4'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { browserTest } from '../browser/support/browser-test.ts'
import { API, APP } from '../browser/support/hosts.ts'
import { loseAnswer } from '../browser/support/network.ts'
import { oldPackages } from '../support/old-packages.ts'
import { openRelease, type ReleaseOptions, supertokensNode } from '../support/supertokens-app.ts'
import { type SupertokensCore, startCore } from '../support/supertokens-core.ts'
import { KINDS } from './support/devices.ts'
import { requests } from './support/sign-in.ts'
import { type ClientSite, openClientSite, REFRESH } from './support/site.ts'

const old = supertokensNode(oldPackages('supertokens-node@24.0.3'))
let core: SupertokensCore
beforeAll(async () => {
  core = await startCore()
  old.start(core, 'https://api.example.com')
})
afterAll(() => core.close())

/** What an application with `supertokens-node` has for its pages on another subdomain. */
function corsFor(origin: string): express4.RequestHandler {
  return (req, res, next) => {
    res.set({ 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' })
    const allowed = ['content-type', ...old.load('supertokens-node').default.getAllCORSHeaders()]
    if (req.method === 'OPTIONS') res.set('access-control-allow-headers', allowed.join()).status(204).end()
    else next()
  }
}

/** Deploys a release of the application. */
async function deploy(site: ClientSite, section?: ReleaseOptions['section']) {
  const isPawl = section === 'Clients that stay'
  const release = await openRelease(old, {
    sessions: site.sessions,
    now: site.clock.now,
    ...(section && { section }),
    ...(isPawl ? { http: { trustedOrigins: [site.at(APP)], cors: true } } : { first: corsFor(site.at(APP)) }),
  })
  site.network.lead([APP, API], release.port)
  return release
}

describe.each(KINDS)('$name', (kind) => {
  browserTest('moves from SuperTokens to Pawl and back without a new login', async () => {
    core.sessions.clear()
    const site = await openClientSite()
    const device = await kind.open(site)
    const client = await device.start()
    const { loginAs } = await deploy(site)
    loginAs({ payload: { role: 'admin' } })
    expect((await client.login()).status).toBe(200)
    expect(await client.ask()).toStrictEqual({ status: 200, id: 'anna' })
    await client.events()
    const exchanged = ['GET /me 401', `${REFRESH} 200`, 'GET /me 200']

    await deploy(site, 'Clients that stay')
    site.network.log.splice(0)
    expect(await client.ask()).toStrictEqual({ status: 200, id: 'anna' })
    expect(requests(site)).toStrictEqual(exchanged)
    expect(await client.payload()).toMatchObject({ sub: 'anna', role: 'admin' })
    expect(await client.refresh()).toBe(true)
    expect(await client.ask()).toStrictEqual({ status: 200, id: 'anna' })
    expect(await site.sessions.list('anna', { active: true })).toHaveLength(1)

    await deploy(site, 'Going back to SuperTokens')
    site.network.log.splice(0)
    expect(await client.ask()).toStrictEqual({ status: 200, id: 'anna' })
    expect(requests(site)).toStrictEqual(exchanged)
    expect(await client.refresh()).toBe(true)
    expect(await client.exists()).toBe(true)
    expect(await client.actions()).not.toContain('UNAUTHORISED')
  })

  browserTest('keeps its session if the answer to the exchange is lost, or the core is down', async () => {
    core.sessions.clear()
    const site = await openClientSite()
    const client = await (await kind.open(site)).start()
    await deploy(site)
    expect((await client.login()).status).toBe(200)
    await deploy(site, 'Clients that stay')
    core.down = true
    expect(await client.ask()).not.toMatchObject({ status: 200 })
    core.down = false
    // A browser repeats a request at once whose connection breaks.
    site.network.always(REFRESH, loseAnswer)
    expect(await client.ask()).not.toMatchObject({ status: 200 })
    site.network.always(REFRESH, null)
    expect(await site.sessions.list('anna')).not.toStrictEqual([])
    site.clock.advance(3600)
    expect(await client.ask()).toStrictEqual({ status: 200, id: 'anna' })
    expect(await client.actions()).not.toContain('UNAUTHORISED')
    expect(core.sessions.size).toBe(1)
  })
})
