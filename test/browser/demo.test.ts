import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, onTestFinished, vi } from 'vitest'
import { createDemo } from '../../demo/app.ts'
import type { Claims } from '../../demo/claims.ts'
import { LIFETIMES } from '../../demo/lifetimes.ts'
import { createSessions, type Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { listen } from '../support/sessions.ts'
import { browserTest, openContext } from './support/chromium.ts'

const SCREENSHOTS = process.env['PAWL_SCREENSHOTS'] ?? join(import.meta.dirname, '.artifacts')
/** Longer than an access token is valid, and than siblings are accepted after a rotation. Seconds. */
const TURN = 16
const VIEW = { viewport: { width: 1280, height: 900 } }
/** For docs/images/ten-tabs.png, which is a copy of the screenshot `ten-tabs`. */
const README_VIEW = { viewport: { width: 1200, height: 640 } }

browserTest('the demo ends a stolen session for owner and thief', async () => {
  const { origin, sessions, advance } = await openDemo()
  const reused = listen(sessions, 'reused')
  const context = await openContext(VIEW)
  const owner = await context.newPage()
  await signIn(owner, origin, 'sign-in')
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
  await page.getByText('All ten tabs are still signed in, after 1 refresh.').first().waitFor()
  await picture(page, 'tabs')
})

browserTest('ten tabs of the demo stay signed in when the response to their refresh is lost', async () => {
  const { origin } = await openDemo()
  const page = await openTabs(origin, README_VIEW)
  await page.getByRole('button', { name: 'Expire it and lose the refresh response' }).click()
  await page.getByText('All ten tabs are still signed in, after 2 refreshes.').first().waitFor()
  await picture(page, 'ten-tabs')
})

async function openTabs(origin: string, view: typeof VIEW): Promise<Page> {
  const page = await (await openContext(view)).newPage()
  await signIn(page, origin)
  await page.goto(`${origin}/tabs`)
  await page.waitForFunction(() => document.querySelectorAll('iframe').length === 10)
  for (const frame of page.frames()) await frame.getByText(/^(ready|Ten tabs at once)$/).waitFor()
  return page
}

async function signIn(page: Page, origin: string, name?: string): Promise<void> {
  await page.goto(origin)
  await page.getByLabel('Your name').fill('Ada')
  if (name !== undefined) await picture(page, name)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Signed in as').waitFor()
  // The server renders this text. The buttons work once the page's modules have run.
  await page.waitForLoadState('load')
}

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true, animations: 'disabled' })
}

/** The demo with a clock that the test moves. */
async function openDemo(): Promise<{
  origin: string
  sessions: Sessions<Claims>
  advance: (seconds: number) => void
}> {
  await mkdir(SCREENSHOTS, { recursive: true })
  const { now } = Date
  let ahead = 0
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + ahead)
  const sessions = await createSessions<Claims>({
    store: memory(),
    secret: SECRET,
    now: Date.now,
    logger: silentLogger,
    ...LIFETIMES,
  })
  const demo = createDemo(sessions)
  const server = createServer(demo.app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    clock.mockRestore()
    demo.close()
    server.close()
    server.closeAllConnections()
    await sessions.close()
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions,
    advance(seconds) {
      ahead += seconds * 1000
    },
  }
}
