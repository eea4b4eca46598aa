import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, pick, unexpected } from './browser.ts'

/** What can happen to somebody; counted. */
export const EVENTS = [
  'logins',
  'refreshes',
  'together',
  'again',
  'logouts',
  'revocations',
  'visits',
  'refusals',
] as const
export type Event = (typeof EVENTS)[number]

export interface Place {
  readonly ports: readonly number[]
  readonly count: (event: Event) => void
}

const ATTEMPTS = 5
/** How late a revocation may reach another server; by LISTEN it takes milliseconds, by polling five seconds. */
const REVOKED_WITHIN = 10_000

/** Signs in, looks around for 10 to 70 seconds, refreshes when told to, signs out or is signed out. */
export async function member(browser: Browser, user: string, { ports, count }: Place): Promise<void> {
  await browser.expect(200, '', 'POST', '/login')
  count('logins')
  for (let left = between(20, 140); left > 0; left--) {
    await sleep(between(200, 800))
    const answer = await browser.send('GET', '/me')
    if (answer.status === 401 && answer.body.includes('access_token_expired')) await refresh(browser, count)
    else if (answer.status !== 200 || answer.body !== user) throw unexpected('GET', '/me', answer)
  }
  if (Math.random() < 0.3) return beRevoked(browser, { ports, count })
  await browser.expect(204, '', 'POST', '/session/logout')
  count('logouts')
}

/** Every fourth time from several tabs, some of which use what they have got before others have asked. */
async function refresh(browser: Browser, count: Place['count']): Promise<void> {
  const tabs = Math.random() < 0.25 ? 3 : 1
  await Promise.all(
    Array.from({ length: tabs }, async () => {
      if (tabs > 1) await sleep(between(0, 60))
      await refreshOnce(browser, count)
      await browser.expect(200, '', 'GET', '/me')
    }),
  )
  if (tabs > 1) count('together')
}

async function refreshOnce(browser: Browser, count: Place['count']): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const answer = await browser.send('POST', '/session/refresh')
    if (answer.status === 200) return count('refreshes')
    // Pawl may say so of races; who is told so asks again.
    if (answer.status !== 503 || attempt === ATTEMPTS) throw unexpected('POST', '/session/refresh', answer)
    count('again')
    await sleep(between(1000, 1500))
  }
}

/** One server ends the session, and another one has to know of it. */
async function beRevoked(browser: Browser, { ports, count }: Place): Promise<void> {
  const at = Math.floor(Math.random() * ports.length)
  const elsewhere = ports[(at + 1) % ports.length]!
  const ended = await browser.send('POST', '/revoke', ports[at])
  if (ended.status !== 200 || ended.body !== '1') throw unexpected('POST', '/revoke', ended)
  const until = performance.now() + REVOKED_WITHIN
  for (;;) {
    const answer = await browser.send('GET', '/me', elsewhere)
    if (answer.status === 401) break
    if (performance.now() > until) throw unexpected('GET', '/me, revoked elsewhere', answer)
    await sleep(50)
  }
  await browser.expect(401, 'session_ended', 'POST', '/session/refresh')
  count('revocations')
}

/** Has no session, and needs none for most of what there is. */
export async function visitor(browser: Browser, _user: string, { count }: Place): Promise<void> {
  await sleep(between(200, 800))
  await browser.expect(200, 'Hello', 'GET', '/')
  await browser.expect(401, 'not_signed_in', 'GET', '/me')
  count('visits')
}

/** Comes with tokens that nobody has issued. */
export async function intruder(browser: Browser, _user: string, { count }: Place): Promise<void> {
  await sleep(between(200, 800))
  browser.plant('__Host-pawl-access', pick(GARBAGE)())
  await browser.expect(401, 'access_token_invalid', 'GET', '/me')
  browser.plant('__Secure-pawl-refresh', `pawl_r1_${pick(GARBAGE)()}`)
  await browser.expect(401, 'refresh_token_invalid', 'POST', '/session/refresh')
  count('refusals')
}

const encoded = (text: string | Buffer): string => Buffer.from(text).toString('base64url')
const GARBAGE: readonly (() => string)[] = [
  () => encoded(randomBytes(120)),
  () => 'x'.repeat(2000),
  () => '..',
  // As real ones look, and signed with nothing.
  () => {
    const header = JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: encoded(randomBytes(6)) })
    return [encoded(header), encoded('{"sub":"user-1"}'), encoded(randomBytes(32))].join('.')
  },
]

const between = (from: number, to: number): number => from + Math.random() * (to - from)
