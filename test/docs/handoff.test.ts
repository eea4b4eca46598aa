import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import type { Express } from 'express'
import express from 'express'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createAccount } from '../../examples/handoff/account.ts'
import { createShop } from '../../examples/handoff/shop.ts'
import { createVerifier } from '../../examples/handoff/verifier.ts'
import { expressSessions, sessionErrors, sessionOf } from '../../src/adapters/express/index.ts'
import type { ClaimsObject, Sessions } from '../../src/index.ts'
import type { BearerAnswer } from '../../src/wire/names.ts'
import { type Client, createClient, type Received } from '../support/http-client.ts'
import { sha256 } from '../support/proofs.ts'
import { openSessions } from '../support/sessions.ts'

vi.mock('pawl/express', () => import('../../src/adapters/express/index.ts'))

const ROOT = join(import.meta.dirname, '../..')
const FILES = ['verifier.ts', 'shop.ts', 'enter.js', 'account.ts']
const page = readFileSync(join(ROOT, 'docs/guides/handoff.md'), 'utf8')
const code = (file: string): string => readFileSync(join(ROOT, 'examples/handoff', file), 'utf8')

it.each(FILES)('the page shows examples/handoff/%s, which the type check reads', (file) => {
  const blocks = [...page.matchAll(/^```\w+\n(.*?)^```$/gms)].map(([, block]) => block!.trim())
  expect(blocks).toContain(code(file).trim())
})

async function serve(app: Express): Promise<number> {
  const server: Server = createServer(app).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  return (server.address() as { port: number }).port
}

interface Open {
  readonly sessions: Sessions<ClaimsObject, unknown>
  readonly port: number
  readonly accountPort: number
}

async function open(): Promise<Open> {
  const sessions = await openSessions()
  return {
    sessions,
    port: await serve(createShop(sessions)),
    accountPort: await serve(withLogin(createAccount(sessions), sessions)),
  }
}

/** The account, with a login in front of it. */
function withLogin(account: Express, sessions: Sessions): Express {
  const login = express()
  login.post('/login', expressSessions(sessions), async (req, res) => {
    res.json(await sessionOf(req, sessions).create({ userId: 'anna' }))
  })
  return login.use(account, sessionErrors())
}

const JSON_TYPE = { 'content-type': 'application/json' }
const OWN = { host: 'shop.example.com', 'sec-fetch-site': 'same-origin', origin: 'https://shop.example.com' }

/** Runs the script of the page at a URL, in a browser that sends its requests by `client`. @returns where it goes next */
async function enter(
  client: Client,
  url: string,
  { handoffVerifier, stored }: { readonly handoffVerifier?: string; readonly stored?: string },
): Promise<{ readonly to: string; readonly left: string; readonly hasVerifier: boolean }> {
  const { hash, pathname } = new URL(url)
  const storage = new Map(stored === undefined ? [] : [['handoff-verifier', stored]])
  let to = ''
  let left = ''
  const browser = {
    location: { hash, pathname, replace: (target: string) => (to = target) },
    history: { replaceState: (_: null, __: string, target: string) => (left = target) },
    localStorage: {
      getItem: (name: string) => storage.get(name) ?? null,
      removeItem: (name: string) => storage.delete(name),
    },
    globalThis: { handoffVerifier },
    fetch: async (path: string, init: { method: string; headers: Record<string, string>; body: string }) => {
      const { status } = await client.send(init.method, path, {
        ...init,
        headers: { ...OWN, ...init.headers },
      })
      return { ok: status === 200 }
    },
  }
  const run = new Function(...Object.keys(browser), `return (async () => {${code('enter.js')}})()`)
  await run(...Object.values(browser))
  return { to, left, hasVerifier: storage.size > 0 }
}

const bodyOf = ({ body }: Received): unknown => body

it('makes verifiers as RFC 7636 wants them', async () => {
  const { verifier, challenge } = await createVerifier()
  expect(verifier).toMatch(/^[\w-]{43}$/)
  expect(challenge).toBe(sha256(verifier))
})

it('takes the user of an app into a web view, and refuses a link that an attacker sends', async () => {
  const { sessions, port } = await open()
  const { accessToken } = await sessions.create({ userId: 'anna' })
  const app = createClient(port)
  const ask = async (challenge?: string): Promise<Received> =>
    app.send('POST', '/checkout-link', {
      headers: { ...JSON_TYPE, host: 'api.example.com', authorization: `Bearer ${accessToken.value}` },
      body: JSON.stringify({ challenge }),
    })
  expect((await ask()).status).toBe(403)
  const { verifier, challenge } = await createVerifier()
  const { url } = bodyOf(await ask(challenge)) as { url: string }
  expect(url).toMatch(/^https:\/\/shop\.example\.com\/enter#pawl_h1_/)
  const webView = createClient(port)
  // Without the verifier of the app the link signs nobody in.
  expect((await enter(webView, url, {})).to).toBe('/sign-in')
  expect(await enter(webView, url, { handoffVerifier: verifier })).toStrictEqual({
    to: '/checkout',
    left: '/enter',
    hasVerifier: false,
  })
  expect(await sessions.list('anna', { active: true })).toHaveLength(2)
  const own = await sessions.create({ userId: 'mallory' })
  const free = await sessions.handoff(own.session.sessionId, { origin: 'https://shop.example.com' })
  const sent = `https://shop.example.com/enter#${free.code}`
  expect((await enter(createClient(port), sent, {})).to).toBe('/sign-in')
  expect(await sessions.list('mallory')).toHaveLength(1)
})

it('takes a user of a page back to the app', async () => {
  const { sessions, port } = await open()
  const { accessToken } = await sessions.create({ userId: 'anna' })
  const { verifier, challenge } = await createVerifier()
  const client = createClient(port)
  const answer = await client.send('POST', '/app-link', {
    headers: { ...JSON_TYPE, ...OWN, cookie: `__Host-pawl-access=${accessToken.value}` },
    body: JSON.stringify({ challenge }),
  })
  const { url } = bodyOf(answer) as { url: string }
  const handed = url.replace('https://shop.example.com/app/enter#', '')
  const redeem = (secret: string): Promise<Received> =>
    createClient(port).send('POST', '/enter', {
      headers: { ...JSON_TYPE, host: 'api.example.com', 'pawl-transport': 'bearer' },
      body: JSON.stringify({ code: handed, verifier: secret }),
    })
  expect((await redeem('x'.repeat(43))).status).toBe(403)
  const { accessToken: own } = bodyOf(await redeem(verifier)) as BearerAnswer
  expect(sessions.verify(own)).toMatchObject({ userId: 'anna', parentId: null })
})

it('takes a visitor to the account of another domain and back', async () => {
  const { sessions, port, accountPort } = await open()
  const { verifier, challenge } = await createVerifier()
  const account = createClient(accountPort)
  const host = 'account.example.org'
  const go = (query: string): Promise<Received> =>
    account.send('GET', `/continue?${query}`, { headers: { host } })
  const query = `site=shop&challenge=${challenge}`
  expect((await go('site=evil')).status).toBe(404)
  const visitor = await go(query)
  expect([visitor.status, visitor.headers.location]).toStrictEqual([
    303,
    `/sign-in?next=${encodeURIComponent(`/continue?${query}`)}`,
  ])
  await account.send('POST', '/login', { headers: { host } })
  expect((await go('site=shop')).status).toBe(403)
  const back = await go(query)
  const url = back.headers.location!
  expect(back.headers['referrer-policy']).toBe('no-referrer')
  const browser = createClient(port)
  expect((await enter(browser, url, { stored: 'another tab'.padEnd(43, '-') })).to).toBe('/sign-in')
  expect((await enter(browser, url, { stored: verifier })).to).toBe('/checkout')
  expect(await sessions.list('anna')).toHaveLength(2)
})

it('serves the page of the code without a script of others, and to no cache', async () => {
  const { port } = await open()
  const { status, headers } = await createClient(port).send('GET', '/enter', {
    headers: { host: 'shop.example.com' },
  })
  expect(status).toBe(200)
  expect(headers).toMatchObject({
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; script-src 'self'; connect-src 'self'",
  })
})
