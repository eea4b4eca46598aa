import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { sessionsConsole } from '../../src/console/index.ts'
import { ENGINE } from '../../src/core/engine.ts'
import { listen as serve } from '../support/http-server.ts'
import { openSessions } from '../support/sessions.ts'
import { browse, MARIA, openConsole } from './support/console.ts'

const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

it('no answer may be cached, framed, indexed or run code of others', async () => {
  const console = await openConsole()
  const { session } = await console.sessions.create({ userId: 'anna' })
  const action = `/actions/end-session?session=${session.sessionId}`
  const answers = [
    ...(await Promise.all(
      [
        '/',
        '/users',
        '/user?id=anna',
        `/sessions/${session.sessionId}`,
        '/reuse',
        '/reuse.csv',
        '/reuse.json',
        '/live.json',
        '/console.css',
        '/console.js',
        '/nothing',
        action,
      ].map((path) => console.get(path)),
    )),
    await console.post(action, {}),
    await console.answer(action),
    await console.post('/users'),
  ]
  expect(answers.map(({ status }) => status)).toEqual([
    200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 404, 200, 403, 303, 405,
  ])
  for (const { headers } of answers) {
    const { 'content-type': type, ...expected } = Object.fromEntries(headers)
    expect(type).toMatch(/^(?:text\/(?:html|css|javascript|plain|csv); charset=utf-8|application\/json$)/)
    expect(expected).toMatchObject({
      'content-security-policy': POLICY,
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'x-robots-tag': 'noindex, nofollow',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': expect.stringContaining('camera=()'),
    })
  }
})

it('replaces what the application or a proxy rule has said about caching', async () => {
  const sessions = await openSessions()
  const console = sessionsConsole(sessions, { authorize: () => MARIA })
  const port = await serve((req, res) => {
    res.setHeader('cache-control', 'public, max-age=60')
    res.setHeader('cdn-cache-control', 'max-age=60')
    console(req, res)
  })
  const { headers } = await browse(port).get('/')
  expect([headers.get('cache-control'), headers.get('cdn-cache-control')]).toEqual(['no-store', null])
})

it('has no inline script, style or handler, and every page a title, a language and one heading', async () => {
  const console = await openConsole()
  const { session } = await console.sessions.create({ userId: 'anna' })
  for (const path of [
    '/',
    '/users',
    '/user?id=anna',
    `/sessions/${session.sessionId}`,
    '/reuse',
    '/actions/rotate-keys',
    '/user?id=x',
  ]) {
    const { text } = await console.get(path)
    expect(text).not.toMatch(/<style|\sstyle=|<script(?! type="module" src=)|\son[a-z]+=/)
    expect(text).toMatch(/<html lang="en">/)
    expect(text.match(/<title>[^<]+ · Pawl<\/title>/)).toHaveLength(1)
    expect(text.match(/<h1\b/g)).toHaveLength(1)
  }
})

it('is smaller than 60 kB compressed: any page with styles and script', async () => {
  const console = await openConsole()
  for (let n = 0; n < 60; n++)
    await console.sessions.create({ userId: 'anna', ip: `192.0.2.${n}`, userAgent: `Agent ${n} `.repeat(25) })
  const size = async (path: string) => gzipSync((await console.get(path)).text).length
  const common = (await size('/console.css')) + (await size('/console.js'))
  // The overview lists every event that this process remembers.
  const { events } = console.sessions[ENGINE]
  for (let n = 0; n < 500; n++) {
    const named = { sessionId: randomUUID(), userId: `user-${randomUUID()}` }
    events.emit('reused', { ...named, ip: null, userAgent: null })
    events.emit('consoleAction', { ...named, action: 'end-session', actor: 'maria@example.com', sessions: 1 })
  }
  for (const path of ['/', '/users', '/user?id=anna', '/reuse'])
    expect((await size(path)) + common).toBeLessThan(60_000)
  expect(common).toBeLessThan(8000)
})

it('shows neither tokens nor their hashes', async () => {
  const console = await openConsole()
  const { session, accessToken, refreshToken } = await console.sessions.create({ userId: 'anna' })
  const pages = await Promise.all(
    ['/', '/user?id=anna', `/sessions/${session.sessionId}`].map((path) => console.get(path)),
  )
  const secrets = [accessToken.value, refreshToken.value]
    .flatMap((token) => token.split('.'))
    .filter((part) => part.length > 8)
  expect(secrets.length).toBeGreaterThan(1)
  for (const { text } of pages) for (const secret of secrets) expect(text).not.toContain(secret)
})
