import { describe, expect } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { browserTest, engineName, openContext } from './support/browser-test.ts'
import { openDevtools } from './support/chromium.ts'
import { defer } from './support/defer.ts'
import { openSite, REFRESH, type Site } from './support/site.ts'
import { openTab, openTabs, type Tab, withoutCoordination } from './support/tab.ts'

const pool = createPool(await createDatabase())

describe('ten tabs whose access token expires at the same time', () => {
  browserTest('share one refresh, and stay signed in', async () => {
    const site = await openSite()
    const tabs = await openTabs(await openContext(), site, 10)
    await expireTogether(site, tabs, () => expect(site.refreshes()).toBe(1))
  })

  browserTest('share one refresh on PostgreSQL, and stay signed in', async () => {
    const site = await openSite({ sessions: { store: postgres({ pool }) } })
    const tabs = await openTabs(await openContext(), site, 10)
    await expireTogether(site, tabs, () => expect(site.refreshes()).toBe(1))
  })

  browserTest('may refresh concurrently in a browser without locks and channels', async () => {
    const site = await openSite()
    const context = await openContext()
    await withoutCoordination(context)
    const tabs = await openTabs(context, site, 10)
    const all = defer()
    site.network.always(REFRESH, async (pass) => {
      const answer = await pass()
      // A browser opens at most six connections to a host, so ten requests cannot wait for each other.
      if (site.refreshes() >= 5) all.resolve()
      await all.promise
      return answer
    })
    await expireTogether(site, tabs, () => expect(site.refreshes()).toBeGreaterThanOrEqual(5))
    expect(site.ended).toStrictEqual([])
  })
})

describe('a tab that stops', () => {
  browserTest('because it is frozen while it holds the lock does not stop the others', async ({ skip }) => {
    skip(engineName !== 'chromium', 'Only Chromium can freeze a tab on request.')
    const site = await openSite()
    const context = await openContext()
    const [one, two] = (await openTabs(context, site, 2)) as [Tab, Tab]
    site.expire()
    const held = site.network.hold(REFRESH)
    const first = one.ask()
    await held.answered
    const devtools = await openDevtools(one.page)
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' })
    expect(await two.ask()).toStrictEqual({ status: 200, id: 'anna' })
    await devtools.send('Page.setWebLifecycleState', { state: 'active' })
    held.release()
    expect((await first).status).toBe(200)
    expect((await two.ask()).status).toBe(200)
  })

  browserTest('because it is closed during a refresh does not stop the others', async () => {
    const site = await openSite()
    const context = await openContext()
    const [one, two] = (await openTabs(context, site, 2)) as [Tab, Tab]
    for (const late of [true, false]) {
      site.expire()
      const held = site.network.hold(REFRESH)
      const dying = await openTab(context, site)
      const gone = dying.ask().catch(() => 'gone')
      await held.answered
      const answer = one.ask()
      await dying.page.close()
      if (late) held.release()
      else held.lose()
      expect(await gone).toBe('gone')
      expect(await answer).toStrictEqual({ status: 200, id: 'anna' })
      expect((await two.ask()).status).toBe(200)
    }
    expect(site.ended).toStrictEqual([])
  })

  browserTest(
    'because it is throttled does not stop the others, and gets its responses late',
    async ({ skip }) => {
      skip(engineName !== 'chromium', 'Only Chromium can throttle a tab on request.')
      const site = await openSite()
      const context = await openContext()
      const tabs = await openTabs(context, site, 3)
      const devtools = await openDevtools(tabs[0]!.page)
      await devtools.send('Emulation.setCPUThrottlingRate', { rate: 20 })
      for (let round = 0; round < 3; round++) await expireTogether(site, tabs)
      expect(site.ended).toStrictEqual([])
    },
  )
})

describe('all tabs see', () => {
  browserTest('a sign-out in one of them', async () => {
    const site = await openSite()
    const context = await openContext()
    const tabs = await openTabs(context, site, 3)
    await tabs[1]!.signOut()
    for (const tab of tabs) await tab.shows(null)
    expect(await context.cookies()).toStrictEqual([])
    for (const tab of tabs) expect(await tab.ask()).toMatchObject({ status: 401, code: 'not_signed_in' })
    expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['logout'])
  })

  browserTest('a sign-in of another user', async () => {
    const site = await openSite()
    const tabs = await openTabs(await openContext(), site, 3)
    await tabs[2]!.login('berta')
    for (const tab of tabs) await tab.shows('berta')
    for (const tab of tabs) expect(await tab.ask()).toStrictEqual({ status: 200, id: 'berta' })
    expect(site.ended.map(({ reason }) => reason)).toStrictEqual(['replaced'])
  })

  browserTest('the new user, even if another tab was refreshing the old session', async () => {
    const site = await openSite()
    const tabs = (await openTabs(await openContext(), site, 2)) as [Tab, Tab]
    site.expire()
    const held = site.network.hold(REFRESH)
    const old = tabs[0].ask()
    await held.answered
    const logins = site.network.count('POST /login')
    const login = tabs[1].login('berta')
    await tabs[1].page.evaluate(() => new Promise((done) => setTimeout(done, 50)))
    // The login waits, so that late cookies of the old session cannot replace its own.
    expect(site.network.count('POST /login')).toBe(logins)
    held.release()
    await Promise.all([old, login])
    for (const tab of tabs) expect(await tab.ask()).toStrictEqual({ status: 200, id: 'berta' })
  })
})

/** Lets the access token expire, and sends a request from every tab at once. */
async function expireTogether(site: Site, tabs: readonly Tab[], check?: () => void): Promise<void> {
  const before = site.network.log.length
  site.expire()
  site.network.log.splice(0, before)
  const answers = await Promise.all(tabs.map((tab) => tab.ask()))
  expect(answers).toStrictEqual(tabs.map(() => ({ status: 200, id: 'anna' })))
  check?.()
  for (const tab of tabs) expect((await tab.ask()).status).toBe(200)
}
