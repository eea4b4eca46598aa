import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { startDemo } from '../demo/process.ts'
import { createDatabase } from '../support/database.ts'
import { createClient, type Received } from '../support/http-client.ts'
import { type CookieJar, createJar } from '../support/http-jar.ts'
import { SECRET } from '../support/secrets.ts'
import { startExample } from './process.ts'

const JSON_BODY = { 'content-type': 'application/json' }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const PAGE = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' }

/** A browser at a port of localhost. Cookies do not know ports, so all ports share the jar. */
function browse(port: number, jar: CookieJar) {
  const client = createClient(port, jar)
  const host = `localhost:${port}`
  /** Loads a page and follows redirects. */
  async function load(path: string): Promise<Received> {
    const received = await client.send('GET', path, { headers: { host, ...PAGE } })
    return received.headers.location === undefined ? received : load(received.headers.location)
  }
  return {
    load,
    signIn: (body: string, type: Record<string, string>) =>
      client.send('POST', '/login', { headers: { host, ...type }, body }),
  }
}

/** Expects a page that offers to sign in, signs in there, and reads the user's name. */
async function signInTo(application: { port: number; isDemo?: boolean }, jar: CookieJar): Promise<void> {
  const browser = browse(application.port, jar)
  const visited = await browser.load('/')
  expect([visited.status, visited.text], visited.text).toStrictEqual([
    200,
    expect.stringContaining('Sign in'),
  ])
  const signedIn = application.isDemo
    ? await browser.signIn('name=Anna&remember=on', FORM)
    : await browser.signIn('{"name":"Anna"}', JSON_BODY)
  expect([200, 303]).toContain(signedIn.status)
  expect((await browser.load('/')).text).toContain('<b>Anna</b>')
}

const createSecret = (): string => randomBytes(32).toString('base64url')

async function startDemoAt(settings: Record<string, string> = {}) {
  const demo = startDemo({ PORT: '0', ...settings })
  const { port } = new URL(await demo.address())
  return { port: Number(port), isDemo: true, stop: () => demo.stop('SIGTERM') }
}

it.each([
  ['', {}],
  [', with a secret of its own', { PAWL_SECRET: SECRET }],
])('the demo signs in after it was started again%s', async (_name, settings) => {
  const jar = createJar()
  for (let run = 0; run < 2; run++) {
    const demo = await startDemoAt(settings)
    await signInTo(demo, jar)
    expect(await demo.stop()).toBe(0)
  }
})

it('an example keeps its database and sessions between runs with one secret, and refuses to run without', async () => {
  const given = { DATABASE_URL: await createDatabase() }
  await expect(startExample('express', given)).rejects.toThrow('Set PAWL_SECRET too.')
  const jar = createJar()
  for (const run of [1, 2]) {
    const example = await startExample('express', { ...given, PAWL_SECRET: SECRET })
    if (run === 1) await signInTo(example, jar)
    else expect((await browse(example.port, jar).load('/')).text).toContain('<b>Anna</b>')
    await example.stop()
  }
})

it('examples sign in one after the other, and the demo stays signed in beside them', async () => {
  const jar = createJar()
  const demo = await startDemoAt()
  await signInTo(demo, jar)
  for (const name of ['express', 'fastify', 'express']) {
    const given = { DATABASE_URL: await createDatabase(), PAWL_SECRET: createSecret() }
    const example = await startExample(name, given)
    await signInTo(example, jar)
    await example.stop()
  }
  expect((await browse(demo.port, jar).load('/')).text).toContain('<b>Anna</b>')
  expect(await demo.stop()).toBe(0)
})
