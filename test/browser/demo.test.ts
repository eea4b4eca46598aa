import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { BrowserContext as PlaywrightContext, Page as PlaywrightPage } from 'playwright-core'
import { expect, onTestFinished, vi } from 'vitest'
import { createDemo, type Demo } from '../../demo/app.ts'
import type { Claims } from '../../demo/claims.ts'
import { LIFETIMES } from '../../demo/lifetimes.ts'
import { createSessions, type Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { listen } from '../support/sessions.ts'
import type { Page } from './support/browser.ts'
import { browserTest, engineName, openContext } from './support/browser-test.ts'

const SCREENSHOTS = join(
  process.env['PAWL_SCREENSHOTS'] ?? join(import.meta.dirname, '.artifacts'),
  engineName,
)
/** Longer than an access token is valid, and than siblings are accepted after a rotation. Seconds. */
const TURN = 16
const VIEW = { viewport: { width: 1280, height: 900 } }
/** For docs/images/ten-tabs.png, which is a copy of the screenshot `ten-tabs`. */
const README_VIEW = { viewport: { width: 1200, height: 640 } }

browserTest(
  'the demo refuses the thief of a bound session, and its owner stays signed in',
  async ({ skip }) => {
    skip(engineName === 'webkit', 'Under automation, WebKitGTK opens no tab for a form.')
    const { origin, sessions, advance } = await openDemo()
    const ended = listen(sessions, 'ended')
    const context = (await openContext(VIEW)) as PlaywrightContext
    const owner = await context.newPage()
    await signIn(owner, origin)
    await owner.getByText('A key of this browser, made by').waitFor()
    await picture(owner, 'bound')

    const opened = context.waitForEvent('page')
    await owner.getByRole('button', { name: 'Steal this session' }).click()
    const thief = await opened
    await thief.getByRole('button', { name: 'refresh', exact: true }).click()
    await thief.getByRole('heading', { name: 'REFUSED.' }).waitFor()
    await picture(thief, 'refused-thief')
    for (const _turn of [1, 2]) {
      advance(TURN)
      const refreshed = owner.waitForResponse('**/session/refresh')
      await owner.getByRole('button', { name: 'Refresh now' }).click()
      expect((await refreshed).status()).toBe(200)
    }
    await owner.getByText('A refresh without the key').waitFor()
    await picture(owner, 'refused-owner')
    expect(ended).toStrictEqual([])
  },
)

browserTest('the demo ends a stolen session for owner and thief', async ({ skip }) => {
  skip(engineName === 'webkit', 'Under automation, WebKitGTK opens no tab for a form.')
  const { origin, sessions, advance } = await openDemo()
  const reused = listen(sessions, 'reused')
  const context = (await openContext(VIEW)) as PlaywrightContext
  const owner = await context.newPage()
  await signIn(owner, origin, { name: 'sign-in', bound: false })
  await owner.getByRole('button', { name: 'Refresh now' }).click()
  await owner.getByText('Refreshed.').waitFor()
  await picture(owner, 'session')

  const opened = context.waitForEvent('page')
  await owner.getByRole('button', { name: 'Steal this session' }).click()
  const thief = await opened
  const refresh = thief.getByRole('button', { name: 'refresh', exact: true })
  const caught = thief.getByRole('heading', { name: 'CAUGHT.' })
  const signedOut = owner.getByRole('heading', { name: 'Caught: two parties used this session.' })
  let thiefRefused = false
  for (let turn = 0; turn < 4 && !thiefRefused && !(await signedOut.isVisible()); turn++) {
    const refreshed = thief.waitForResponse('**/session/refresh')
    await refresh.click()
    thiefRefused = (await refreshed).status() !== 200
    if (thiefRefused) break
    const used = thief.waitForResponse('**/api/me')
    await thief.getByRole('button', { name: 'call the API', exact: true }).click()
    thiefRefused = (await used).status() !== 200
    if (thiefRefused) break
    if (turn === 0) await picture(thief, 'thief')
    await sessions.flush()
    advance(TURN)
    const again = owner.waitForResponse('**/session/refresh')
    await owner.getByRole('button', { name: 'Refresh now' }).click()
    if ((await again).status() !== 200) break
    await sessions.flush()
    advance(TURN)
  }
  // After a refused request the thief's page has the verdict. Otherwise its next request brings it.
  if (!thiefRefused) await refresh.click()
  await caught.waitFor()
  await signedOut.waitFor()
  expect(reused).toHaveLength(1)
  await picture(thief, 'caught-thief')
  await picture(owner, 'caught')
})

browserTest('ten tabs of the demo stay signed in when the access token expires', async () => {
  const { origin } = await openDemo()
  const page = await openTabs(origin, VIEW)
  await page.getByRole('button', { name: 'Expire the access token' }).click()
  await page
    .getByText(/All ten tabs are still signed in, after [12] refresh/)
    .first()
    .waitFor()
  await picture(page, 'tabs')
})

browserTest('ten tabs of the demo stay signed in when the response to their refresh is lost', async () => {
  const { origin } = await openDemo()
  const page = await openTabs(origin, README_VIEW)
  await page.getByRole('button', { name: 'Expire it and lose the refresh response' }).click()
  await page
    .getByText(/All ten tabs are still signed in, after [23] refreshes/)
    .first()
    .waitFor()
  await picture(page, 'ten-tabs')
})

browserTest('the pages of the demo say that the server is gone, and continue when it is back', async () => {
  const { origin, stop, start } = await openDemo()
  const tabs = await openTabs(origin, VIEW)
  const session = await tabs.context().newPage()
  await session.goto(origin)
  await session.getByRole('img', { name: 'connected' }).waitFor()
  await stop()
  await tabs.getByRole('button', { name: 'Expire the access token' }).click()
  for (const page of [session, tabs]) await page.getByText('The demo does not respond.').first().waitFor()
  await session.getByRole('button', { name: 'Sign out', exact: true }).click()
  await session.getByText('You are still signed in, because the server did not answer.').waitFor()
  await picture(session, 'server-gone')
  await start()
  // The session page may refresh before the tabs do.
  await tabs.getByText('All ten tabs are still signed in, after').first().waitFor()
  await session.getByRole('img', { name: 'connected' }).waitFor()
  for (const page of [session, tabs]) await page.locator('[data-banner]').waitFor({ state: 'hidden' })
})

browserTest('an open page of the demo offers to sign in after the demo was started again', async () => {
  const { origin, stop, start } = await openDemo()
  const page = await (await openContext(VIEW)).newPage()
  await signIn(page, origin)
  await page.getByRole('img', { name: 'connected' }).waitFor()
  await stop()
  await page.getByText('The demo does not respond.').first().waitFor()
  await start(await createDemoSessions())
  await page.getByText('Your last session no longer exists.').waitFor()
  await signIn(page, origin)
})

async function openTabs(origin: string, view: typeof VIEW): Promise<Page> {
  const page = await (await openContext(view)).newPage()
  // A page registers its key a second after it has loaded: that would renew the tokens while the tabs refresh.
  await signIn(page, origin, { bound: false })
  await page.goto(`${origin}/tabs`)
  await page.waitForFunction(() => {
    const states = [...document.querySelectorAll('iframe')].map(
      ({ contentDocument }) => contentDocument?.querySelector('[data-state]')?.textContent,
    )
    return states.length === 10 && states.every((state) => state === 'ready')
  })
  return page
}

/** @param name of a picture */
async function signIn(
  page: Page,
  origin: string,
  { name, bound = true }: { readonly name?: string; readonly bound?: boolean } = {},
): Promise<void> {
  await page.goto(origin)
  await page.getByLabel('Your name').fill('Ada')
  if (name !== undefined) await picture(page, name)
  if (!bound) await page.getByLabel('Bind to this device').click()
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Signed in as').waitFor()
  // The server renders this text. The buttons work once the page's modules have run. The driver of Firefox may still hold
  // the load state of the page before, and then the next navigation is aborted. So the page itself is asked.
  await page.waitForFunction(() => document.readyState === 'complete')
}

async function picture(page: Page, name: string): Promise<void> {
  // WebDriver can show only the visible part of a page.
  if (engineName === 'webkit') return
  const path = join(SCREENSHOTS, `${name}.png`)
  // Chromium may draw no frame of a page behind another one.
  await (page as PlaywrightPage).bringToFront()
  await (page as PlaywrightPage).screenshot({ path, fullPage: true, animations: 'disabled' })
}

/** The demo with a clock that the test moves. */
async function openDemo(): Promise<{
  origin: string
  sessions: Sessions<Claims>
  advance: (seconds: number) => void
  stop: () => Promise<void>
  /** Starts it again at the same port. @param next the sessions of another run */
  start: (next?: Sessions<Claims>) => Promise<void>
}> {
  await mkdir(SCREENSHOTS, { recursive: true })
  const { now } = Date
  let ahead = 0
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + ahead)
  const sessions = await createDemoSessions()
  let demo: Demo = createDemo(sessions)
  let server: Server
  let port = 0
  async function start(next?: Sessions<Claims>): Promise<void> {
    if (next !== undefined) demo = createDemo(next)
    server = createServer(demo.app).listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  async function stop(): Promise<void> {
    demo.close()
    const closed = once(server.close(), 'close')
    server.closeAllConnections()
    await closed
  }
  await start()
  onTestFinished(async () => {
    clock.mockRestore()
    await stop()
  })
  return {
    origin: `http://127.0.0.1:${port}`,
    sessions,
    advance(seconds) {
      ahead += seconds * 1000
    },
    stop,
    start,
  }
}

async function createDemoSessions(): Promise<Sessions<Claims>> {
  const sessions = await createSessions<Claims>({
    store: memory(),
    secret: SECRET,
    now: Date.now,
    logger: silentLogger,
    deviceBinding: 'offer',
    ...LIFETIMES,
  })
  onTestFinished(() => sessions.close())
  return sessions
}
