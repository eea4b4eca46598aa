import { describe, expect } from 'vitest'
import { type HttpOptions, nodeSessions } from '../../src/adapters/node/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { listen } from '../support/http-server.ts'
import { openSessions } from '../support/sessions.ts'
import { pageApplication } from './support/applications.ts'
import { browserTest, engineName, openContext } from './support/browser-test.ts'
import { pageScript } from './support/site.ts'
import { openTab } from './support/tab.ts'

/** WebKit drops `Secure` cookies on plain http, also on localhost, so Pawl has other names and attributes there. */
const KEEPS_SECURE = engineName !== 'webkit'
const ANNA = { status: 200, id: 'anna' }
const NOBODY = { status: 401, code: 'not_signed_in' }

/** Cookies that a server may try to set. */
const ATTRIBUTES = {
  plain: 'Path=/',
  secure: 'Path=/; Secure',
  '__Secure-prefix': 'Path=/; Secure',
  '__Host-prefix': 'Path=/; Secure',
  'same-site-none': 'Path=/; Secure; SameSite=None',
}

describe('on plain http at localhost', () => {
  browserTest('every engine but WebKit keeps Secure cookies', async () => {
    const { origin, received } = await openLocalhost()
    const page = await (await openContext()).newPage()
    await page.goto(`${origin}/set-cookies`)
    await page.goto(origin)
    expect([...received].toSorted()).toStrictEqual(
      KEEPS_SECURE ? Object.keys(ATTRIBUTES).toSorted() : ['plain'],
    )
  })

  browserTest('a session works', async () => {
    const { origin, received, expire } = await openLocalhost()
    const tab = await openTab(await openContext(), { origin })
    expect(await tab.login()).toBe(true)
    expect(await tab.ask()).toStrictEqual(ANNA)
    expire()
    expect(await tab.ask()).toStrictEqual(ANNA)
    expect([...received].toSorted()).toStrictEqual(['pawl-access', 'pawl-refresh'])
    expire()
    await tab.page.goto(`${origin}/doc`)
    expect(await tab.page.title()).toBe('doc of anna')
    expect(tab.page.url()).toMatch(/\/doc\?pawl-resumed=\w+$/)
    await tab.page.goto(origin)
    expect(await tab.ask()).toStrictEqual(ANNA)
    await tab.signOut()
    await tab.shows(null)
    expect(await tab.ask()).toMatchObject(NOBODY)
    expect(await tab.problems()).toStrictEqual([])
  })

  browserTest('a session with Secure cookies works, or the client reports why not', async () => {
    const { origin } = await openLocalhost({ insecureLocalhost: false })
    const tab = await openTab(await openContext(), { origin })
    expect(await tab.login()).toBe(KEEPS_SECURE)
    expect(await tab.ask()).toMatchObject(KEEPS_SECURE ? ANNA : NOBODY)
    expect(await tab.problems()).toStrictEqual(KEEPS_SECURE ? [] : ['cookies-blocked'])
  })
})

/** Serves the application over plain http. `received` collects the names of cookies. */
async function openLocalhost(
  http?: HttpOptions,
): Promise<{ origin: string; received: Set<string>; expire: () => void }> {
  const clock = createFakeClock()
  const sessions = await openSessions({ now: clock.now })
  const application = pageApplication({
    withSession: nodeSessions(sessions, http),
    notes: [],
    script: await pageScript(),
  })
  const received = new Set<string>()
  const port = await listen((req, res) => {
    for (const [name] of (req.headers.cookie ?? '').matchAll(/[^=; ]+(?==)/g)) received.add(name)
    if (req.url !== '/set-cookies') return application(req, res)
    const cookies = Object.entries(ATTRIBUTES).map(([name, attributes]) => `${name}=x; ${attributes}`)
    res.writeHead(200, { 'set-cookie': cookies, 'content-type': 'text/html' }).end()
  })
  return { origin: `http://localhost:${port}`, received, expire: () => clock.advance(3600) }
}
