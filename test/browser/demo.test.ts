import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, onTestFinished, vi } from 'vitest'
import { type Claims, createDemo } from '../../demo/app.ts'
import { LIFETIMES } from '../../demo/lifetimes.ts'
import { createSessions, type Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { listen } from '../support/sessions.ts'
import { browserTest, openContext } from './support/chromium.ts'

const SCREENSHOTS = process.env['PAWL_SCREENSHOTS'] ?? join(import.meta.dirname, '.artifacts')
/** Longer than an access token lives, and than the calm after a turn. Seconds. */
const TURN = 16
const VIEW = { viewport: { width: 1280, height: 900 } }

browserTest('in the demo, owner and thief are both found out', async () => {
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
  const takes = thief.getByRole('button', { name: 'refresh', exact: true })
  const caught = thief.getByRole('heading', { name: 'CAUGHT.' })
  const told = owner.getByRole('heading', { name: 'Caught: this session was in two hands.' })
  for (let turn = 0; turn < 4 && !(await caught.isVisible()) && !(await told.isVisible()); turn++) {
    const refreshed = thief.waitForResponse('**/session/refresh')
    await takes.click()
    if ((await refreshed).status() !== 200) break
    const used = thief.waitForResponse('**/api/me')
    await thief.getByRole('button', { name: 'use', exact: true }).click()
    if ((await used).status() !== 200) break
    if (turn === 0) await picture(thief, 'thief')
    await sessions.flush()
    advance(TURN)
    const again = owner.waitForResponse('**/session/refresh')
    await owner.getByRole('button', { name: 'Refresh now' }).click()
    if ((await again).status() !== 200) break
    await sessions.flush()
    advance(TURN)
  }
  // Whoever was not the one to trip the alarm hears of it with the next request.
  if (!(await caught.isVisible())) await takes.click()
  await caught.waitFor()
  await told.waitFor()
  expect(reused).toHaveLength(1)
  await picture(thief, 'caught-thief')
  await picture(owner, 'caught')
})

browserTest('in the demo, ten tabs side by side stay signed in', async () => {
  const { origin } = await openDemo()
  const page = await (await openContext(VIEW)).newPage()
  await signIn(page, origin)
  await page.goto(`${origin}/tabs`)
  await page.waitForFunction(() => document.querySelectorAll('iframe').length === 10)
  for (const frame of page.frames()) await frame.getByText(/^(ready|Ten tabs, one moment)$/).waitFor()
  await page.getByRole('button', { name: 'Expire the token, ask with all ten' }).click()
  await page.getByText('All ten tabs are signed in, after 1 refresh.').first().waitFor()
  await picture(page, 'tabs')
})

async function signIn(page: Page, origin: string, name?: string): Promise<void> {
  await page.goto(origin)
  await page.getByLabel('Your name').fill('Ada')
  if (name !== undefined) await picture(page, name)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Signed in as').waitFor()
}

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true, animations: 'disabled' })
}

/** The demo on a clock that the test moves on, for the pages as well. */
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
