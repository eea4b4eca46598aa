import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BrowserContext as PlaywrightContext, Page as PlaywrightPage } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { sessionsConsole } from '../../src/console/index.ts'
import { ENGINE } from '../../src/core/engine.ts'
import { createSessions, type SessionEvents, type Sessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase } from '../support/database.ts'
import { relayTo, listen as serve } from '../support/http-server.ts'
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
  '\u202egnp.exe\u0007',
  'wide'.repeat(63),
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
      sessions.verify(turned.accessToken.value, owner)
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
  onTestFinished(() => expect(complaints.filter((text) => !/\b(?:401|503)\b/.test(text))).toStrictEqual([]))
  return { page, origin: `http://127.0.0.1:${port}/admin/sessions`, sessions, actions, cut: relay.cut }
}

async function picture(page: PlaywrightPage, name: string, fullPage = true): Promise<void> {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage, animations: 'disabled' })
}

browserTest(
  'the console shows every page, to everybody, in light and dark, on a phone too',
  async ({ skip }) => {
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

    const other = await page.context().newPage()
    await other.setViewportSize(VIEW.viewport)
    await other.goto(`${origin}/nothing`)
    await other.getByRole('heading', { name: 'No such page' }).waitFor()
    await expectAccessible(other)
  },
)

browserTest('the console marks the page and the severity of events in forced colors', async ({ skip }) => {
  skip(engineName !== 'chromium', ONE_ENGINE)
  const { page, origin, sessions } = await openConsole()
  await page.emulateMedia({ forcedColors: 'active', colorScheme: 'dark' })
  await page.goto(origin)
  const { session } = await sessions.create({ userId: 'of forced colors' })
  sessions[ENGINE].events.emit('reused', {
    sessionId: session.sessionId,
    userId: session.userId,
    ip: null,
    userAgent: null,
  })
  await page.reload()
  await page.locator('.events li.warn').first().waitFor()
  const lines = await page
    .locator('.top nav a')
    .evaluateAll((links) => links.map((link) => getComputedStyle(link).textDecorationLine))
  expect(lines).toStrictEqual(['underline', 'none', 'none', 'none'])
  const stripe = await page
    .locator('.events li.warn')
    .first()
    .evaluate((item) => getComputedStyle(item, '::before').backgroundColor)
  // `--warn` of the dark colors.
  expect(stripe).toBe('rgb(232, 183, 101)')
  await picture(page, 'console-forced-colors')
})

browserTest.for([true, false])(
  'every action of the console asks once and says what it did (JavaScript: %s)',
  async (javaScriptEnabled, { skip }) => {
    skip(engineName !== 'chromium', ONE_ENGINE)
    const { page, origin, sessions, actions } = await openConsole({ javaScriptEnabled })
    const userId = `of the actions, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`
    // The sessions of a first attempt that failed.
    await sessions.revokeUser(userId)
    const [first, second, third] = await Promise.all(
      ['203.0.113.1', '203.0.113.2', '203.0.113.3'].map((ip) =>
        sessions.create({ userId, ip, userAgent: DEVICES[0]! }),
      ),
    )
    const active = async (): Promise<string[]> =>
      (await sessions.list(userId, { active: true })).map(({ sessionId }) => sessionId)
    const sessionPage = `${origin}/sessions/${first!.session.sessionId}`
    /** Follows a link that asks, and answers. @returns what the console says that it has done */
    const act = async (link: string, question: string, button: string): Promise<string | null> => {
      const before = actions.length
      await page.getByRole('link', { name: link, exact: true }).click()
      await page.getByRole('heading', { name: question }).waitFor()
      if (javaScriptEnabled) {
        await expectAccessible(page)
        await picture(page, `console-${question.replace(/\W+/g, '-').toLowerCase()}`)
      }
      expect(actions).toHaveLength(before)
      await page.getByRole('button', { name: button, exact: true }).click()
      return page.getByRole('status').textContent()
    }

    await page.goto(sessionPage)
    await page.getByRole('link', { name: 'End session' }).click()
    await page.getByRole('link', { name: 'Cancel' }).click()
    await page.waitForURL(sessionPage)
    expect([actions, await active()]).toMatchObject([[], { length: 3 }])

    expect(
      await act('Expire access tokens', 'Expire the access tokens of this session?', 'Expire access tokens'),
    ).toBe('Older access tokens of this session are refused from now on.')
    expect(() => sessions.verify(first!.accessToken.value)).toThrow(/superseded/)
    sessions.verify(second!.accessToken.value)

    // Another administrator ends it after the question.
    await page.goto(`${origin}/sessions/${third!.session.sessionId}`)
    await page.getByRole('link', { name: 'End session' }).click()
    await sessions.revoke(third!.session.sessionId)
    await page.getByRole('button', { name: 'End session' }).click()
    expect(await page.getByRole('status').textContent()).toMatch(
      /^Nothing was changed: the session had ended before\./,
    )

    const fourth = await sessions.create({ userId })
    await page.goto(sessionPage)
    expect(await act('End all others', 'End all other sessions of this user?', 'End all others')).toBe(
      '2 other sessions ended. This action left this one alone.',
    )
    expect(await active()).toStrictEqual([first!.session.sessionId])
    expect(() => sessions.verify(fourth.accessToken.value)).toThrow(/ended/)

    await page.goto(sessionPage)
    expect(await act('End session', 'End this session?', 'End session')).toBe(
      'The session has ended. Every process refuses its tokens.',
    )
    expect(await page.getByRole('link', { name: 'End session' }).count()).toBe(0)
    // The result is said once.
    await page.reload()
    if (javaScriptEnabled) expect(await page.getByRole('status').count()).toBe(0)

    await sessions.create({ userId })
    await page.goto(`${origin}/user?id=${encodeURIComponent(userId)}`)
    expect(
      await act('Expire access tokens', 'Expire the access tokens of this user?', 'Expire access tokens'),
    ).toBe('Older access tokens of 1 session are refused from now on.')
    expect(await act('End all sessions', 'End all sessions of this user?', 'End all sessions')).toBe(
      '1 session of this user ended.',
    )
    expect(await active()).toStrictEqual([])

    const keys = sessions.keys.list().length
    await page.goto(origin)
    expect(await act('Rotate key', 'Rotate the signing key?', 'Rotate key')).toMatch(
      /^Key \d+ is published\./,
    )
    expect(sessions.keys.list()).toHaveLength(keys + 1)

    const by = { actor: 'ada@example.com', userId }
    expect(actions).toMatchObject([
      { ...by, action: 'expire-session', sessionId: first!.session.sessionId, sessions: 1 },
      { ...by, action: 'end-session', sessionId: third!.session.sessionId, sessions: 0 },
      { ...by, action: 'end-others', sessionId: first!.session.sessionId, sessions: 2 },
      { ...by, action: 'end-session', sessionId: first!.session.sessionId, sessions: 1 },
      { ...by, action: 'expire-user', sessionId: null, sessions: 1 },
      { ...by, action: 'end-user', sessionId: null, sessions: 1 },
      { actor: by.actor, action: 'rotate-keys', sessionId: null, userId: null, sessions: 0 },
    ])
  },
)

browserTest('the console takes every text for a text', async ({ skip }) => {
  skip(engineName !== 'chromium', ONE_ENGINE)
  const { page, origin } = await openConsole()
  for (const userId of HOSTILE) {
    await page.goto(origin)
    await page.getByPlaceholder('User id or session id').fill(userId)
    await page.keyboard.press('Enter')
    await page.waitForURL((url) => url.pathname.endsWith('/user') && url.searchParams.get('id') === userId)
    await page.locator('tbody a').first().click()
    await page.getByRole('heading', { name: 'Facts' }).waitFor()
    expect(await page.title()).toContain('Session of')
    expect(await page.locator('main img, main script').count()).toBe(0)
    await expectAccessible(page)
  }
})

browserTest('the figures of the console are live', async ({ skip }) => {
  skip(engineName !== 'chromium', ONE_ENGINE)
  const { page, origin, sessions } = await openConsole()
  await page.clock.install()
  await page.goto(origin)
  const signIns = page.locator('[data-rate="created"]')
  expect(await signIns.textContent()).toBe('0')
  await sessions.create({ userId: 'anna' })
  await page.clock.runFor(20_000)
  await page.waitForFunction(() => document.querySelector('[data-rate="created"]')?.textContent === '1')
  // A time that the page tells grows old.
  await page.clock.runFor(3 * MINUTE)
  await page.getByText('Counting began 3 min ago').waitFor()
})

browserTest('a page of the console renews the session by a reload', async ({ skip }) => {
  skip(engineName !== 'chromium', ONE_ENGINE)
  const { page, origin } = await openConsole()
  await page.clock.install()
  await page.goto(origin)
  await page.route('**/live.json', (route) => route.fulfill({ status: 401 }))
  const renewed = page.waitForRequest((request) => request.isNavigationRequest())
  await page.clock.runFor(MINUTE + 10_000)
  expect((await renewed).url()).toBe(origin)

  await page.goto(`${origin}/actions/end-user?user=anna`)
  const asked = page.waitForRequest((request) => request.isNavigationRequest())
  await page.clock.runFor(5 * MINUTE)
  expect((await asked).url()).toBe(`${origin}/actions/end-user?user=anna`)
})

browserTest('a page of the console that nobody uses stops renewing the session', async ({ skip }) => {
  skip(engineName !== 'chromium', ONE_ENGINE)
  const { page, origin } = await openConsole()
  await page.clock.install()
  let loads = 0
  page.on('request', (request) => {
    if (request.isNavigationRequest()) loads++
  })
  await page.goto(origin)
  await page.route('**/live.json', (route) => route.fulfill({ status: 401 }))
  /** Each reload renews the time that a page waits for the next one. */
  const waitMinutes = async (minutes: number): Promise<number> => {
    const before = loads
    for (let minute = 0; minute < minutes; minute++) {
      await page.clock.runFor(MINUTE)
      await page.waitForLoadState()
    }
    return loads - before
  }
  expect(await waitMinutes(15)).toBeGreaterThan(3)
  await waitMinutes(2)
  expect(await waitMinutes(20)).toBe(0)
  await page.keyboard.press('Shift')
  expect(await waitMinutes(5)).toBeGreaterThan(0)

  await page.goto(`${origin}/actions/end-user?user=anna`)
  expect(await waitMinutes(15)).toBeGreaterThan(0)
  await waitMinutes(2)
  expect(await waitMinutes(20)).toBe(0)
})

browserTest('the console says that the database is away, and what the process knows', async ({ skip }) => {
  skip(engineName !== 'chromium', ONE_ENGINE)
  const { page, origin, cut } = await openConsole()
  await page.goto(origin)
  cut()
  await page.reload()
  await page.getByText('Database away').waitFor()
  await page.getByRole('heading', { name: 'This process, in the last minute' }).waitFor()
  await expectAccessible(page)
  await picture(page, 'console-database-away')
  await page.getByRole('link', { name: 'Users' }).click()
  await page.getByRole('heading', { name: 'The database does not answer' }).waitFor()
  await expectAccessible(page)
})

browserTest('the console works by the keyboard alone', async ({ skip }) => {
  skip(engineName !== 'chromium', ONE_ENGINE)
  const { page, origin } = await openConsole({ readOnly: true })
  const focused = (): Promise<string> =>
    page.evaluate(() => {
      const element = document.activeElement as HTMLElement
      const { outlineStyle, outlineWidth } = getComputedStyle(element)
      const isVisible = outlineStyle !== 'none' && outlineWidth !== '0px'
      return `${element.textContent || element.getAttribute('aria-label') || element.id}${isVisible ? '' : ' (no outline)'}`
    })
  const order: string[] = []
  await page.goto(origin)
  for (let step = 0; step < 8; step++) {
    await page.keyboard.press('Tab')
    order.push(await focused())
  }
  expect(order).toStrictEqual([
    'Skip to the content',
    'Pawl',
    'Overview',
    'Users',
    'Reuse',
    'History',
    'q',
    'Search',
  ])
  await page.goto(origin)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('main')
  // Who may only look sees no action.
  expect(await page.getByText('read-only').first().isVisible()).toBe(true)
  expect(await page.locator('a[href*="/actions/"]').count()).toBe(0)
})

browserTest('the console exports the detections of reuse', async ({ skip }) => {
  skip(engineName !== 'chromium', ONE_ENGINE)
  const { page, origin } = await openConsole()
  const { thefts } = await seed()
  await page.goto(`${origin}/reuse`)
  for (const kind of ['CSV', 'JSON']) {
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: `Export ${kind}` }).click()
    const file = await readFile(await (await download).path(), 'utf8')
    for (const sessionId of thefts) expect(file).toContain(sessionId)
    if (kind === 'JSON') expect(JSON.parse(file)).toBeTruthy()
  }
})
