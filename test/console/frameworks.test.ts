import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import express, { type Request as ExpressRequest } from 'express'
import express4 from 'express4'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { expressSessions, sessionOf } from '../../src/adapters/express/index.ts'
import { sessionsConsole } from '../../src/console/index.ts'
import { createSessions, lazySessions, StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { listen } from '../support/http-server.ts'
import { silentLogger } from '../support/logger.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'
import { browse, formOf, linksOf, locationOf, MARIA, OWN_FORM, wordsOf } from './support/console.ts'

const authorize = () => MARIA

/** A walk that needs links, a form and a redirect to fit where the console is mounted. */
async function walk(port: number, path: string): Promise<void> {
  const at = `http://127.0.0.1:${port}`
  const get = async (address: string) => {
    const response = await fetch(at + address)
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  const overview = await get(path)
  expect(overview.status).toBe(200)
  expect(overview.text).toContain(`href="${path}/console.css"`)
  const users = await get(linksOf(overview).get('Users')!)
  const user = await get(linksOf(users).get('anna')!)
  const question = await get(linksOf(user).get('End all sessions')!)
  const done = await fetch(at + formOf(question), { method: 'POST', headers: OWN_FORM, redirect: 'manual' })
  expect([done.status, done.headers.get('location')?.split('&')[0]]).toEqual([303, `${path}/user?id=anna`])
  const after = await get(done.headers.get('location')!)
  expect(wordsOf(after.text)).toContain('1 session of this user ended.')
  for (const asset of ['/console.css', '/console.js', '/live.json'])
    expect((await get(path + asset)).status).toBe(200)
  const head = await fetch(at + path, { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
}

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('%s', (_, framework) => {
  it.each(['/admin/sessions', '/a/b%20c', '/x'])(
    'below app.use(%j), whatever the option `path` says',
    async (path) => {
      const sessions = await openSessions()
      await sessions.create({ userId: 'anna' })
      const app = framework()
      app.use(path, sessionsConsole(sessions, { authorize }))
      await walk(await listen(app), path)
    },
  )

  it('below nested routers, after body parsers', async () => {
    const sessions = await openSessions()
    await sessions.create({ userId: 'anna' })
    const app = framework()
    app.use(framework.json(), framework.urlencoded({ extended: false }))
    const router = framework.Router()
    router.use('/sessions', sessionsConsole(sessions, { authorize }))
    app.use('/back/office', router)
    await walk(await listen(app), '/back/office/sessions')
  })

  it('with the roles of a session', async () => {
    const sessions = await openSessions<{ role: string }>()
    const app = framework()
    app.use(expressSessions(sessions))
    app.use(
      '/admin/sessions',
      sessionsConsole(sessions, {
        authorize: (request: ExpressRequest) => {
          const session = sessionOf(request, sessions)
          return session.claims?.role === 'admin' ? { actor: session.userId! } : null
        },
      }),
    )
    const port = await listen(app)
    const ask = async (role: string) => {
      const { accessToken } = await sessions.create({ userId: `a ${role}`, claims: { role } })
      const headers = { cookie: `__Host-pawl-access=${accessToken.value}` }
      const answer = await browse(port).get('/', headers)
      return [answer.status, wordsOf(answer.text).includes('You are a admin')]
    }
    expect(await ask('admin')).toEqual([200, true])
    expect(await ask('member')).toEqual([403, false])
    expect((await browse(port).get('/')).status).toBe(403)
  })
})

it('`node:http`, at the root', async () => {
  const sessions = await openSessions()
  await sessions.create({ userId: 'anna' })
  await walk(await listen(sessionsConsole(sessions, { authorize, path: '/' })), '')
})

describe('Hono', () => {
  it('by a route', async () => {
    const sessions = await openSessions()
    await sessions.create({ userId: 'anna' })
    const console = sessionsConsole(sessions, {
      authorize: (request: Request) => (request.headers ? MARIA : null),
    })
    const app = new Hono().all('/admin/sessions/*', ({ req }) => console(req.raw))
    await walk(await listen(getRequestListener(app.fetch)), '/admin/sessions')
  })

  it('by app.mount that keeps the path', async () => {
    const sessions = await openSessions()
    await sessions.create({ userId: 'anna' })
    const console = sessionsConsole(sessions, { authorize })
    const app = new Hono().mount('/admin/sessions', console, { replaceRequest: false })
    await walk(await listen(getRequestListener(app.fetch)), '/admin/sessions')
  })
})

describe('sessions that are made by the first request', () => {
  it('serves them', async () => {
    const sessions = lazySessions(async () => {
      const made = await openSessions()
      await made.create({ userId: 'anna' })
      return made
    })
    await walk(await listen(sessionsConsole(sessions, { authorize })), '/admin/sessions')
  })

  it('answers 503 while the database is away, and only to those who may know', async () => {
    const warnings = collectWarnings()
    let isAway = true
    const make = () => {
      if (isAway) throw new StoreUnavailableError('away')
      return createSessions({ store: memory(), secret: SECRET, logger: silentLogger })
    }
    const refused = sessionsConsole(make, { authorize: () => null })
    const allowed = sessionsConsole(make, { authorize })
    const ask = async (console: typeof allowed) =>
      (await console(new Request('http://localhost/admin/sessions'))).status
    expect([await ask(refused), await ask(allowed)]).toEqual([403, 503])
    isAway = false
    expect(await ask(allowed)).toBe(200)
    expect(warnings).toMatchObject([{ code: 'PAWL_START_FAILED' }])
  })
})

it('refuses a source that is none, and a request that is none', async () => {
  expect(() => sessionsConsole({} as never, { authorize })).toThrow(TypeError)
  const console = sessionsConsole(await openSessions(), { authorize })
  expect(() => console({} as never)).toThrow(/^sessionsConsole\(\) works with requests of `node:http`/)
})

it('shows and does nothing at a path that is not below its own, however that is written', async () => {
  const sessions = await openSessions()
  await sessions.create({ userId: 'anna' })
  const show = sessionsConsole(sessions, { authorize })
  const ports = [await listen(show), await listen(express().use('/admin/sessions', show))]
  const paths = [
    '/',
    '/users',
    '/console.css',
    '/admin/sessionsx/users',
    '/admin/sessions/../../users',
    '/admin/sessions/%2e%2e/%2e%2e/users',
    '/actions/end-user?user=anna',
    '/admin/sessions/../../actions/end-user?user=anna',
  ]
  for (const port of ports)
    for (const path of paths)
      for (const method of ['GET', 'POST'])
        expect([method, path, await statusOf(port, method, path)]).toEqual([method, path, 404])
  for (const path of paths) {
    const { status } = await show(
      new Request(`http://localhost${path}`, { method: 'POST', headers: OWN_FORM }),
    )
    expect([path, status]).toEqual([path, 404])
  }
  expect(await sessions.list('anna', { active: true })).toHaveLength(1)
})

/** Sends the path as it is: `fetch` would resolve its dots. */
async function statusOf(port: number, method: string, path: string): Promise<number | undefined> {
  const sent = request({ host: '127.0.0.1', port, method, path, headers: OWN_FORM }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

it('links to no other host, whatever the path of the request', async () => {
  const sessions = await openSessions()
  const app = express()
  app.use('/:tenant', sessionsConsole(sessions, { authorize }))
  const port = await listen(app)
  for (const path of ['/%2f%2fevil.example.com/', '//evil.example.com/', '/\\evil.example.com/']) {
    const { status, text } = await browse(port)
      .get('')
      .then(async () => {
        const response = await fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual' })
        return { status: response.status, text: await response.text() }
      })
    expect([200, 404]).toContain(status)
    expect(text).not.toMatch(/(?:href|action|src)="(?:\/\/|\/\\|https?:)/)
  }
  expect(locationOf(await browse(port).get('/users?q=anna'))).not.toMatch(/^\/\//)
})
