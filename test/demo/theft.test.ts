import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createDemo } from '../../demo/app.ts'
import type { Claims } from '../../demo/claims.ts'
import { LIFETIMES } from '../../demo/lifetimes.ts'
import { createSessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/logger.ts'
import { SECRET } from '../support/secrets.ts'
import { listen } from '../support/sessions.ts'
import { codeOf, createBrowser, stealFrom, type Thief } from './browser.ts'

/** The page refreshes two seconds before its access token expires. Seconds. */
const OWNER_EVERY = 13
const MINUTE = 60
const ENDED = ['refresh_token_reused', 'session_ended']

/** Sends the thief's requests of one second. @returns the codes of the responses */
const THIEVES: Record<string, (thief: Thief, second: number) => Promise<string[]>> = {
  'refreshes and uses at once, then every 4 s': every(4, 0, true),
  'refreshes without ever using': every(4, 0, false),
  'refreshes and uses every second': every(1, 0, true),
  'refreshes together with the owner': every(OWNER_EVERY, 0, true),
  'refreshes just before the owner': every(OWNER_EVERY, 12, true),
  'refreshes just after the owner': every(OWNER_EVERY, 1, true),
  'waits until the owner has refreshed': every(15, 14, true),
  'waits until the owner has refreshed twice': every(30, 29, true),
  'refreshes twice, half a minute apart': every(30, 0, true),
}

test.each(Object.entries(THIEVES))('the demo detects within a minute a thief who %s', async (_name, act) => {
  const { origin, clock, flush, reused } = await openDemo()
  const owner = createBrowser(origin)
  await owner.post('/login', { name: 'Ada' })
  const thief = await stealFrom(owner, origin)

  const ownerCodes: string[] = []
  const thiefCodes: string[] = []
  for (let second = 0; second < MINUTE && !(hasEnded(ownerCodes) && hasEnded(thiefCodes)); second++) {
    thiefCodes.push(...(await act(thief, second)))
    await flush()
    if (second % OWNER_EVERY === OWNER_EVERY - 1) {
      ownerCodes.push(await codeOf(await owner.post('/session/refresh')))
      ownerCodes.push(await codeOf(await owner.get('/api/me')))
      await flush()
    }
    clock.advance(1)
  }

  expect(hasEnded(thiefCodes), thiefCodes.join()).toBe(true)
  expect(hasEnded(ownerCodes), ownerCodes.join()).toBe(true)
  expect(reused).toHaveLength(1)
})

test('the demo keeps a session whose thief stops after one refresh, and refuses the stolen token later', async () => {
  const { origin, clock, flush, reused } = await openDemo()
  const owner = createBrowser(origin)
  await owner.post('/login', { name: 'Ada' })
  const thief = await stealFrom(owner, origin)
  expect(await thief.refresh()).toBe('ok')
  for (let second = 0; second < MINUTE; second += OWNER_EVERY) {
    clock.advance(OWNER_EVERY)
    expect(await codeOf(await owner.post('/session/refresh'))).toBe('ok')
    expect(await codeOf(await owner.get('/api/me'))).toBe('ok')
    await flush()
  }
  expect(reused).toHaveLength(0)
  expect(await thief.use()).toBe('access_token_expired')
  expect(await thief.refresh()).toBe('refresh_token_reused')
})

test('the demo keeps a session that was not stolen', async () => {
  const { origin, clock, flush } = await openDemo()
  const owner = createBrowser(origin)
  await owner.post('/login', { name: 'Ada' })
  for (let second = 0; second < 3 * MINUTE; second += OWNER_EVERY) {
    expect(await codeOf(await owner.post('/session/refresh'))).toBe('ok')
    expect(await codeOf(await owner.get('/api/me'))).toBe('ok')
    await flush()
    clock.advance(OWNER_EVERY)
  }
})

test('the demo escapes the name of a user in its page', async () => {
  const { origin } = await openDemo()
  const owner = createBrowser(origin)
  await owner.post('/login', { name: '<script>alert("1")</script>' })
  const page = await (await owner.get('/')).text()
  expect(page).not.toContain('<script>alert')
  expect(page).toContain('&#60;script&#62;')
})

test('the demo lets a user sign out only their own devices', async () => {
  const { origin } = await openDemo()
  const ada = createBrowser(origin)
  const eve = createBrowser(origin)
  await ada.post('/login', { name: 'Ada' })
  await eve.post('/login', { name: 'Eve' })
  const { sessionId } = (await (await ada.post('/api/devices')).json()) as { sessionId: string }
  expect((await eve.post(`/api/devices/${sessionId}/end`)).status).toBe(404)
  expect(await (await ada.post(`/api/devices/${sessionId}/end`)).json()).toEqual({ ended: true })
})

async function openDemo() {
  const clock = createFakeClock()
  const sessions = await createSessions<Claims>({
    store: memory(),
    secret: SECRET,
    now: clock.now,
    logger: silentLogger,
    ...LIFETIMES,
  })
  const reused = listen(sessions, 'reused')
  const demo = createDemo(sessions)
  const server = createServer(demo.app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    demo.close()
    server.close()
    server.closeAllConnections()
    await sessions.close()
  })
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, clock, reused, flush: () => sessions.flush() }
}

function every(seconds: number, from: number, uses: boolean) {
  return async (thief: Thief, second: number): Promise<string[]> => {
    if (second < from || (second - from) % seconds !== 0) return []
    const refreshed = await thief.refresh()
    return refreshed === 'ok' && uses ? [refreshed, await thief.use()] : [refreshed]
  }
}

function hasEnded(codes: readonly string[]): boolean {
  return codes.some((code) => ENDED.includes(code))
}
