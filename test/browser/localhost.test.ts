import { expect } from 'vitest'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { listen } from '../support/http-server.ts'
import { openSessions } from '../support/sessions.ts'
import { pageApplication } from './support/applications.ts'
import { browserTest, openContext } from './support/browser-test.ts'
import { pageScript } from './support/site.ts'
import { openTab } from './support/tab.ts'

// WebKit drops `Secure` cookies on plain http, also on localhost, so Pawl has other names and attributes there.
browserTest('a session works on plain http at localhost', async () => {
  const clock = createFakeClock()
  const sessions = await openSessions({ now: clock.now })
  const application = pageApplication({
    withSession: nodeSessions(sessions),
    notes: [],
    script: await pageScript(),
  })
  const received = new Set<string>()
  const port = await listen((req, res) => {
    for (const [name] of (req.headers.cookie ?? '').matchAll(/[^=; ]+(?==)/g)) received.add(name)
    application(req, res)
  })
  const tab = await openTab(await openContext(), { origin: `http://localhost:${port}` })
  expect(await tab.login()).toBe(true)
  expect(await tab.ask()).toStrictEqual({ status: 200, id: 'anna' })
  clock.advance(3600)
  expect(await tab.ask()).toStrictEqual({ status: 200, id: 'anna' })
  expect([...received].toSorted()).toStrictEqual(['pawl-access', 'pawl-refresh'])
  await tab.signOut()
  await tab.shows(null)
  expect(await tab.ask()).toMatchObject({ status: 401, code: 'not_signed_in' })
  expect(await tab.problems()).toStrictEqual([])
})
