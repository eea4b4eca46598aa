import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BrowserContext as PlaywrightContext, Page as PlaywrightPage } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { sessionsConsole } from '../../src/console/index.ts'
import { createSessions, type SessionEvents, type Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { listen as serve, relayTo } from '../support/http-server.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { expectAccessible } from './support/axe.ts'
import { browserTest, engineName, openContext } from './support/browser-test.ts'

/** docs/images/console.png is a copy of the picture `console`. */
const SCREENSHOTS = join(
  process.env['PAWL_SCREENSHOTS'] ?? join(import.meta.dirname, '.artifacts'),
  engineName,
)
const VIEW = { viewport: { width: 1280, height: 900 } }
const ONE_ENGINE = 'The pages are the same in every engine, and axe needs one.'
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000]

const DEVICES = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0',
  'Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Mobile Safari/537.36',
  'Shop/3.1 (com.example.shop; build:412; iOS 19.1) CFNetwork/3826 Darwin/25.1.0',
  'okhttp/5.1.0',
]
/** A user id may be any text. */
const HOSTILE = [
  '<img src=x onerror="document.title=1">',
  '"><script>document.title=1</script>',
  '../..?a=b#c&d=%2e%2e/%00',
  '\u202egnp.exe\u0007 \u0000'.replace('\u0000', ''),
  `${'wide'.repeat(63)}`,
]

interface Seeded {
  readonly url: string
  /** One whose session was stolen. */
  readonly thefts: readonly string[]
}

let seeded: Promise<Seeded> | undefined

/** A database with two weeks of sessions and an audit. The same each time. */
function seed(): Promise<Seeded> {
  seeded ??= seedOnce()
  return seeded
}

async function seedOnce(): Promise<Seeded> {
  const url = await createDatabase()
  const present = Date.now()
  let now = present - 14 * DAY
  const sessions = await createSessions({
    store: postgres({ connectionString: url, audit: true, maxConnections: 4 }),
    secret: SECRET,
    logger: silentLogger,
    now: () => now,
    privacy: { pruneInterval: null, keepEnded: 30 * 86_400 },
  })
  const thefts: string[] = []
  const open: string[] = []
  let count = 0
  const login = async () => {
    const number = ++count
    const created = await sessions.create({
      userId: number % 9 === 0 ? 'anna' : `user-${1000 + (number % 120)}`,
      ip: `203.0.113.${number % 250}`,
      userAgent: DEVICES[number % DEVICES.length],
      claims: { role: number % 50 === 0 ? 'administrator' : 'member' },
    })
    open.push(created.session.sessionId)
    return created
  }
  for (let day = 0; day < 14; day++) {
    const logins = 14 + ((day * 7) % 11) + (day % 7 < 5 ? 8 : 0)
    for (let hour = 0; hour < 23; hour++) {
      now = Math.min(present - 14 * DAY + day * DAY + hour * HOUR, present)
      for (let each = 0; each < logins; each += 23) await login()
    }
    for (let end = 0; end < 6 + (day % 4); end++) {
      const id = open.splice((end * 5) % open.length, 1)[0]!
      await sessions.revoke(id, end % 3 === 0 ? 'revoked' : 'logout')
    }
    if (day % 5 === 3) thefts.push(await steal())
  }
  now = present
  await login()
  for (const userId of HOSTILE) await sessions.create({ userId, ip: '2001:db8::1', userAgent: userId })
  await sessions.close()
  return { url, thefts }

  /** An old refresh token comes back after two turns. */
  async function steal(): Promise<string> {
    const { session, refreshToken: stolen } = await login()
    const owner = { ip: '198.51.100.23', userAgent: DEVICES[0]! }
    let token = stolen.value
    for (let turn = 0; turn < 2; turn++) {
      now += 20 * MINUTE
      const turned = await sessions.refresh(token, owner)
      sessions.verify(turned.accessToken.value)
      await sessions.flush()
      token = turned.refreshToken?.value ?? token
    }
    now += 20 * MINUTE
    const thief = { ip: '192.0.2.66', userAgent: DEVICES[3]! }
    await expect(sessions.refresh(stolen.value, thief)).rejects.toMatchObject({
      code: 'ERR_REFRESH_TOKEN_REUSED',
    })
    return session.sessionId
  }
}

interface Opened {
  readonly page: PlaywrightPage
  readonly origin: string
  readonly sessions: Sessions
  readonly actions: SessionEvents['consoleAction'][]
  /** Cuts and restores the connections to the database. */
  readonly cut: () => void
}

interface Given {
  readonly readOnly?: boolean
  readonly javaScriptEnabled?: boolean
}

/** The console on the seeded database, in a browser. */
async function openConsole({ readOnly = false, javaScriptEnabled = true }: Given = {}): Promise<Opened> {
  await mkdir(SCREENSHOTS, { recursive: true })
  const target = new URL((await seed()).url)
  const relay = await relayTo(target.hostname, Number(target.port || 5432))
  target.port = String(relay.port)
  target.hostname = '127.0.0.1'
  const sessions: Sessions = await createSessions({
    store: postgres({ connectionString: target.href, audit: true }),
    secret: SECRET,
    logger: silentLogger,
    privacy: { pruneInterval: null },
  })
  onTestFinished(() => sessions.close())
  const actions: SessionEvents['consoleAction'][] = []
  sessions.on('consoleAction', (event) => actions.push(event))
  const show = sessionsConsole(sessions, {
    authorize: () => ({ actor: 'ada@example.com', readOnly }),
  })
  const port = await serve((req, res) => show(req, res))
  const context = (await openContext({ ...VIEW, javaScriptEnabled } as object)) as PlaywrightContext
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', ({ message }) => complaints.push(message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  onTestFinished(() => expect(complaints.filter((text) => !text.includes('503'))).toStrictEqual([]))
  return { page, origin: `http://127.0.0.1:${port}/admin/sessions`, sessions, actions, cut: relay.cut }
}

async function picture(page: PlaywrightPage, name: string, fullPage = true): Promise<void> {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage, animations: 'disabled' })
}

browserTest('the console shows every page, to everybody, in light and dark, on a phone too', async ({ skip }) => {
  skip(engineName !== 'chromium', ONE_ENGINE)
  const { page, origin } = await openConsole()
  const { thefts } = await seed()
  await page.goto(origin)
  await page.getByRole('heading', { name: 'Signing keys' }).waitFor()
  await picture(page, 'console', false)
  await expectAccessible(page)
  await picture(page, 'console-overview')
  await page.emulateMedia({ colorScheme: 'dark' })
  await picture(page, 'console-overview-dark')
  await page.setViewportSize({ width: 390, height: 800 })
  await picture(page, 'console-overview-phone')
  await page.setViewportSize(VIEW.viewport)
  await page.emulateMedia({ colorScheme: 'light' })

  await page.getByPlaceholder('User id or session id').fill('user-10')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/users?q=user-10')
  await expectAccessible(page)
  await picture(page, 'console-users')

  await page.getByPlaceholder('User id or session id').fill('anna')
  await page.keyboard.press('Enter')
  // The whole id leads to the user.
  await page.waitForURL('**/user?id=anna')
  await expectAccessible(page)
  await picture(page, 'console-user')
  await page.getByRole('link', { name: 'Active only' }).click()
  await page.waitForURL('**show=active**')
  await expectAccessible(page)

  await page.goto(`${origin}/reuse`)
  expect(await page.locator('tbody tr').count()).toBe(thefts.length)
  await expectAccessible(page)
  await picture(page, 'console-reuse')

  await page.goto(`${origin}/sessions/${thefts[0]}`)
  await page.getByText('an old refresh token was used again').first().waitFor()
  await expectAccessible(page)
  await picture(page, 'console-session')

  await page.goto(`${origin}/history?user=anna`)
  await page.locator('tbody tr').first().waitFor()
  await expectAccessible(page)
  await picture(page, 'console-history')

  await page.goto(`${origin}/nothing`)
  await expectAccessible(page)
})
