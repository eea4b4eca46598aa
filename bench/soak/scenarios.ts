import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, pick, unexpected } from './browser.ts'

/** The events that the soak counts, with their names in its figures. */
export const EVENTS = {
  logins: 'logins',
  refreshes: 'refreshes',
  together: 'times that several tabs refreshed at once',
  again: 'refreshes that had to be retried',
  logouts: 'logouts',
  revocations: 'revocations on one server that another one learned',
  visits: 'visits without a session',
  refusals: 'refusals of forged tokens',
} as const
export type Event = keyof typeof EVENTS

export interface Site {
  readonly ports: readonly number[]
  readonly count: (event: Event) => void
}

/** What one client does, from a fresh browser on. @throws if a response is wrong */
export type Scenario = (browser: Browser, user: string, site: Site) => Promise<void>

const REFRESH_ATTEMPTS = 5
/** The longest delay of a revocation, in ms. LISTEN takes milliseconds, a poll five seconds. */
const REVOCATION_TIMEOUT = 10_000

/** Signs in, sends requests for 10 to 70 seconds, refreshes when needed, signs out or is signed out. */
export const member: Scenario = async (browser, user, { ports, count }) => {
  await browser.expect(200, '', 'POST', '/login')
  count('logins')
  for (let left = between(20, 140); left > 0; left--) {
    await sleep(between(200, 800))
    const answer = await browser.send('GET', '/me')
    if (answer.status === 401 && answer.body.includes('access_token_expired')) await refresh(browser, count)
    else if (answer.status !== 200 || answer.body !== user) throw unexpected('GET', '/me', answer)
  }
  if (Math.random() < 0.3) return revokeElsewhere(browser, { ports, count })
  await browser.expect(204, '', 'POST', '/session/logout')
  count('logouts')
}

/** Sends a request to public pages, and one to a protected page. */
export const visitor: Scenario = async (browser, _user, { count }) => {
  await sleep(between(200, 800))
  await browser.expect(200, 'Hello', 'GET', '/')
  await browser.expect(401, 'not_signed_in', 'GET', '/me')
  count('visits')
}

/** Presents forged tokens. */
export const intruder: Scenario = async (browser, _user, { count }) => {
  await sleep(between(200, 800))
  browser.setCookie('__Host-pawl-access', pick(FORGERIES)())
  await browser.expect(401, 'access_token_invalid', 'GET', '/me')
  browser.setCookie('__Secure-pawl-refresh', `pawl_r1_${pick(FORGERIES)()}`)
  await browser.expect(401, 'refresh_token_invalid', 'POST', '/session/refresh')
  count('refusals')
}

/** A quarter of the refreshes come from three tabs. A fast tab may use the new token before a slow one refreshes. */
async function refresh(browser: Browser, count: Site['count']): Promise<void> {
  const tabs = Math.random() < 0.25 ? 3 : 1
  await Promise.all(
    Array.from({ length: tabs }, async () => {
      if (tabs > 1) await sleep(between(0, 60))
      await refreshOneTab(browser, count)
      await browser.expect(200, '', 'GET', '/me')
    }),
  )
  if (tabs > 1) count('together')
}

async function refreshOneTab(browser: Browser, count: Site['count']): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const answer = await browser.send('POST', '/session/refresh')
    if (answer.status === 200) return count('refreshes')
    // Pawl may answer 503 to a race. The client retries.
    if (answer.status !== 503 || attempt === REFRESH_ATTEMPTS)
      throw unexpected('POST', '/session/refresh', answer)
    count('again')
    await sleep(between(1000, 1500))
  }
}

/** One server revokes the session, and another one must learn of it. */
async function revokeElsewhere(browser: Browser, { ports, count }: Site): Promise<void> {
  const index = Math.floor(Math.random() * ports.length)
  const otherPort = ports[(index + 1) % ports.length]!
  const revoked = await browser.send('POST', '/revoke', ports[index])
  if (revoked.status !== 200 || revoked.body !== '1') throw unexpected('POST', '/revoke', revoked)
  const until = performance.now() + REVOCATION_TIMEOUT
  for (;;) {
    const answer = await browser.send('GET', '/me', otherPort)
    if (answer.status === 401) break
    if (performance.now() > until) throw unexpected('GET', '/me', answer)
    await sleep(50)
  }
  await browser.expect(401, 'session_ended', 'POST', '/session/refresh')
  count('revocations')
}

const encode = (text: string | Buffer): string => Buffer.from(text).toString('base64url')
const FORGERIES: readonly (() => string)[] = [
  () => encode(randomBytes(120)),
  () => 'x'.repeat(2000),
  () => '..',
  // The right form with a wrong signature.
  () => {
    const header = JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: encode(randomBytes(6)) })
    return [encode(header), encode('{"sub":"user-1"}'), encode(randomBytes(32))].join('.')
  },
]

const between = (from: number, to: number): number => from + Math.random() * (to - from)
