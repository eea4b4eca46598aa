import type { Sessions } from '../../src/index.ts'
import { createClient, HOST, type Received, type SendOptions } from '../support/http-client.ts'
import { createDevice, type Device } from '../support/proofs.ts'

/** What a step was answered: the status, the words of the body or the code of the error, and which cookies it set (+) or cleared (-). */
export type Step = readonly [what: string, status: number, words: string, cookies: string]

const SET = '+access +refresh'
const CLEARED = '-access -refresh'
/** Longer than an access token lives, in milliseconds. */
const LATER = 16 * 60_000
const PAGE = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' }
const BEARER = { 'pawl-transport': 'bearer' }
const JSON_TYPE = { 'content-type': 'application/json' }

/** The answers that every server gives in every runtime. */
export const FLOW: readonly Step[] = [
  ['1 a visitor', 401, 'not_signed_in', ''],
  ['2 a login by a page of another site', 403, 'csrf_rejected', ''],
  ['3 the login', 200, '', SET],
  ['4 a login on plain localhost', 200, 'pawl-access pawl-refresh', SET],
  ['5 a body that is left to the application', 200, 'anna 70000', ''],
  ['6 data in the row', 200, '1', ''],
  ['7 a forged access token', 401, 'access_token_invalid', ''],
  ['8 another service verifies the access token', 200, 'anna', ''],
  ['9 the access token after its claims have changed', 401, 'access_token_expired', ''],
  ['10 the refresh', 200, '', SET],
  ['11 the new claims', 200, 'anna admin', ''],
  ['12 an app signs in, bound to its key', 200, 'berta user', ''],
  ['13 a refresh of the app without a proof', 401, 'device_proof_required', ''],
  ['14 a refresh of the app with a proof', 200, 'berta user', ''],
  ['15 the app after another process has revoked its session', 401, 'session_ended', ''],
  ['16 the other service after that', 200, 'ERR_SESSION_ENDED', ''],
  ['17 the access token has expired', 401, 'access_token_expired', ''],
  ['18 a page load with it comes back', 200, 'anna', SET],
  ['19 ten tabs refresh at once', 200, '10 of 10, 1 session', ''],
  ['20 the refresh of a thief, two generations behind', 401, 'refresh_token_reused', CLEARED],
  ['21 the owner after that', 401, 'session_ended', ''],
  ['22 the logout of a new session', 204, '', CLEARED],
]

/** Runs the flow against a server. @param other another process with the same database */
export async function runFlow(port: number, other: Pick<Sessions, 'list' | 'revoke'>): Promise<Step[]> {
  const steps: Step[] = []
  const browser = createClient(port)
  const record = (what: string, answer: Received, words = wordsOf(answer)): void => {
    steps.push([`${steps.length + 1} ${what}`, answer.status, words, cookiesOf(answer)])
  }
  const later = (ms: number): Promise<Received> => browser.send('POST', `/clock?ms=${ms}`)
  const login = (): Promise<Received> => browser.send('POST', '/login?user=anna')
  const me = (options: SendOptions = {}): Promise<Received> => browser.send('GET', '/me', options)

  record('a visitor', await me())
  const elsewhere = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  record('a login by a page of another site', await browser.send('POST', '/login', { headers: elsewhere }))
  record('the login', await login())
  const headers = { host: 'localhost:3000' }
  const local = await createClient(port).send('POST', '/login?user=local', { headers })
  record('a login on plain localhost', local, namesOf(local).join(' '))
  record(
    'a body that is left to the application',
    await browser.send('POST', '/echo', { body: 'x'.repeat(70_000) }),
  )
  record('data in the row', await browser.send('POST', '/visits'))
  const access = browser.jar.get('__Host-pawl-access')!
  const forged = `${access.slice(0, -8)}${[...access.slice(-8)].reverse().join('')}`
  record('a forged access token', await me({ headers: { authorization: `Bearer ${forged}` } }))
  record('another service verifies the access token', await browser.send('GET', '/elsewhere'))
  await browser.send('POST', '/promote')
  record('the access token after its claims have changed', await me())
  record('the refresh', await browser.send('POST', '/session/refresh'))
  record('the new claims', await me())

  const app = createApp(port)
  await app.login()
  record('an app signs in, bound to its key', await app.me())
  record('a refresh of the app without a proof', await app.refresh(false))
  await app.refresh(true)
  record('a refresh of the app with a proof', await app.me())
  const [bound] = await other.list('berta', { active: true })
  await other.revoke(bound!.sessionId)
  record('the app after another process has revoked its session', await soon(401, () => app.me()))
  record('the other service after that', await soon('ERR_SESSION_ENDED', () => app.send('GET', '/elsewhere')))

  await later(LATER)
  record('the access token has expired', await me())
  record('a page load with it comes back', ...(await loadPage(browser)))

  await later(LATER)
  const tabs = await Promise.all(
    Array.from({ length: 10 }, () => createClient(port, browser.jar.copy())).map(async (tab) => {
      const { status } = await tab.send('POST', '/session/refresh')
      const { body } = await tab.send('GET', '/devices')
      return { tab, answered: `${status} ${(body as { words?: string }).words}` }
    }),
  )
  const good = tabs.filter(({ answered }) => answered === '200 1').length
  const owner = tabs[0]!.tab
  record(
    'ten tabs refresh at once',
    { ...(await owner.send('GET', '/me')), cookies: [] },
    `${good} of 10, 1 session`,
  )

  const thief = createClient(port, owner.jar.copy())
  for (let refreshes = 0; refreshes < 4; refreshes++) {
    await later(LATER)
    await owner.send('POST', '/session/refresh')
    await owner.send('GET', '/me')
  }
  record('the refresh of a thief, two generations behind', await thief.send('POST', '/session/refresh'))
  record('the owner after that', await owner.send('GET', '/me'))
  await login()
  record('the logout of a new session', await browser.send('POST', '/session/logout'))
  return steps
}

/** Follows the redirects of a page load. @returns its last answer with the cookies of all */
async function loadPage(browser: ReturnType<typeof createClient>): Promise<[Received, string]> {
  let path = '/'
  const cookies: string[] = []
  for (let hops = 0; ; hops++) {
    const answer = await browser.send('GET', path, { headers: PAGE })
    cookies.push(...answer.cookies)
    const { location } = answer.headers
    if (location === undefined || hops === 5) return [{ ...answer, cookies }, wordsOf(answer)]
    path = location
  }
}

/** An app in bearer mode with a key of its own. */
function createApp(port: number): {
  login(): Promise<void>
  refresh(proves: boolean): Promise<Received>
  me(): Promise<Received>
  send(method: string, path: string): Promise<Received>
} {
  const client = createClient(port)
  const device = createDevice()
  let tokens = { accessToken: '', refreshToken: '' }
  let challenge = ''
  const bearer = (): Record<string, string> => ({ authorization: `Bearer ${tokens.accessToken}` })
  const send = (method: string, path: string): Promise<Received> =>
    client.send(method, path, { headers: bearer() })

  async function post(path: string, proof?: string): Promise<Received> {
    const answer = await client.send('POST', path, {
      headers: { ...BEARER, ...JSON_TYPE, ...(proof !== undefined && { dpop: proof }) },
      body: JSON.stringify({ refreshToken: tokens.refreshToken }),
    })
    keep(answer)
    return answer
  }
  function keep({ headers, body }: Received): void {
    const { accessToken, refreshToken, deviceChallenge } = body as Record<string, string | null | undefined>
    tokens = {
      accessToken: accessToken ?? tokens.accessToken,
      refreshToken: refreshToken ?? tokens.refreshToken,
    }
    challenge = (headers['dpop-nonce'] as string | undefined) ?? deviceChallenge ?? challenge
  }

  return {
    async login() {
      keep(await client.send('POST', '/login?user=berta', { headers: BEARER }))
      await post('/session/device', proofFor(device, '/session/device', challenge))
    },
    refresh: (proves) =>
      post('/session/refresh', proves ? proofFor(device, '/session/refresh', challenge) : undefined),
    me: () => send('GET', '/me'),
    send,
  }
}

function proofFor(device: Device, path: string, nonce: string): string {
  const iat = Math.floor(Date.now() / 1000)
  return device.dpop({ htm: 'POST', htu: `http://${HOST}${path}`, iat, nonce })
}

/** Repeats a request until it has this status or these words: news of another process takes some milliseconds. */
async function soon(expected: number | string, send: () => Promise<Received>): Promise<Received> {
  const until = performance.now() + 5000
  for (;;) {
    const answer = await send()
    if ([answer.status, wordsOf(answer)].includes(expected) || performance.now() > until) return answer
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The words of the application, or the code of an error. */
function wordsOf({ body }: Received): string {
  const { words, code } = (body ?? {}) as { words?: string; code?: string }
  return words ?? code ?? ''
}

const namesOf = ({ cookies }: Received): string[] => cookies.map((text) => text.split('=', 1)[0]!)

/** The names of the cookies, without prefixes. */
function cookiesOf({ cookies }: Received): string {
  return [...new Set(cookies.map((text) => `${/=;/.test(text) ? '-' : '+'}${/pawl-(\w+)/.exec(text)?.[1]}`))]
    .toSorted()
    .join(' ')
}
