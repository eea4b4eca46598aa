import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import Router from '@koa/router'
import { Module, type Type } from '@nestjs/common'
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { H3, toNodeHandler } from 'h3'
import { Hono } from 'hono'
import Koa from 'koa'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import * as onExpress from '../../examples/console/mounts/express.ts'
import * as onFastify from '../../examples/console/mounts/fastify.ts'
import * as onFetch from '../../examples/console/mounts/fetch.ts'
import * as onH3 from '../../examples/console/mounts/h3.ts'
import * as onHono from '../../examples/console/mounts/hono.ts'
import * as onKoa from '../../examples/console/mounts/koa.ts'
import { consoleRoute } from '../../examples/console/mounts/next.ts'
import * as onNode from '../../examples/console/mounts/node.ts'
import { expressSessions, sessionErrors } from '../../src/adapters/express/index.ts'
import { fastifySessions } from '../../src/adapters/fastify/index.ts'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { h3Sessions } from '../../src/adapters/h3/index.ts'
import { honoSessions } from '../../src/adapters/hono/index.ts'
import { koaSessions } from '../../src/adapters/koa/index.ts'
import { SessionsModule } from '../../src/adapters/nest/index.ts'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import type { Sessions } from '../../src/index.ts'
import { formOf } from '../console/support/console.ts'
import { sendResponse, toRequest } from '../support/adapters/web.ts'
import { type Client, createClient } from '../support/http-client.ts'
import { listen } from '../support/http-server.ts'
import { serve, startNext } from '../support/next-app/applications.ts'
import { openSessions } from '../support/sessions.ts'

vi.mock('pawl/console', () => import('../../src/console/index.ts'))
vi.mock('pawl/express', () => import('../../src/adapters/express/index.ts'))
vi.mock('pawl/fastify', () => import('../../src/adapters/fastify/index.ts'))
vi.mock('pawl/h3', () => import('../../src/adapters/h3/index.ts'))
vi.mock('pawl/hono', () => import('../../src/adapters/hono/index.ts'))
vi.mock('pawl/koa', () => import('../../src/adapters/koa/index.ts'))
vi.mock('pawl/nest', () => import('../../src/adapters/nest/index.ts'))

type AppSessions = Sessions<{ name: string; role: string }>

const ROOT = join(import.meta.dirname, '../..')
const PATH = '/admin/sessions'

interface Mount {
  readonly name: string
  /** @returns the port */
  serve(sessions: AppSessions): Promise<number>
}

const MOUNTS: readonly Mount[] = [
  ...[
    { name: 'Express 5', create: express },
    { name: 'Express 4', create: express4 as unknown as typeof express },
  ].map(
    ({ name, create }): Mount => ({
      name,
      serve(sessions) {
        const app = create()
        // Reads the form of an action before the console does.
        app.use(create.urlencoded({ extended: false }), expressSessions(sessions))
        onExpress.addConsole(app, sessions)
        return listen(app.use(sessionErrors()))
      },
    }),
  ),
  {
    name: 'Fastify',
    async serve(sessions) {
      const app = fastify()
      app.register(fastifySessions(sessions))
      onFastify.addConsole(app, sessions)
      onTestFinished(() => app.close())
      return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
    },
  },
  {
    name: 'Koa',
    serve(sessions) {
      const [app, router] = [new Koa(), new Router()]
      onKoa.addConsole(router, sessions)
      return listen(app.use(koaSessions(sessions)).use(router.routes()).callback())
    },
  },
  {
    name: 'Hono',
    serve(sessions) {
      const app = new Hono()
      app.use(honoSessions(sessions))
      onHono.addConsole(app, sessions)
      return listen(getRequestListener(app.fetch))
    },
  },
  {
    name: 'h3',
    serve(sessions) {
      const app = new H3()
      app.use(h3Sessions(sessions))
      onH3.addConsole(app, sessions)
      return listen(toNodeHandler(app))
    },
  },
  { name: 'Nest on Express', serve: (sessions) => serveNest(sessions, new ExpressAdapter(), 'console.ts') },
  {
    name: 'Nest on Fastify',
    serve: (sessions) => serveNest(sessions, new FastifyAdapter(), 'console-fastify.ts'),
  },
  {
    name: 'Next',
    async serve(sessions) {
      await startNext()
      const { nextSessions } = await import('../../src/adapters/next/index.ts')
      const next = nextSessions(() => Promise.resolve(sessions), { name: randomUUID() })
      const answer = consoleRoute(next)
      return serve({
        ...(next as never as Parameters<typeof serve>[0]),
        answer,
        runProxy: next.proxy(),
        errors: [],
      })
    },
  },
  {
    name: 'node:http',
    serve: (sessions) => listen(onNode.consoleListener(nodeSessions(sessions), sessions)),
  },
  {
    name: 'fetch',
    serve(sessions) {
      const answer = onFetch.consoleHandler(fetchSessions(sessions), sessions)
      return listen(async (req, res) => sendResponse(res, await answer(toRequest(req))))
    },
  },
]

async function serveNest(
  sessions: AppSessions,
  platform: AbstractHttpAdapter,
  controller: string,
): Promise<number> {
  // Its decorators need the options of its own folder, which the compiler of this file does not have.
  const file = join(ROOT, 'examples/nest', controller)
  const { ConsoleController } = (await import(file)) as { ConsoleController: Type }
  class ApplicationModule {}
  Module({ imports: [SessionsModule.forRoot(sessions)], controllers: [ConsoleController] })(ApplicationModule)
  const app = await NestFactory.create(ApplicationModule, platform, {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  })
  onTestFinished(() => app.close())
  await app.listen(0, '127.0.0.1')
  return Number(new URL(await app.getUrl()).port)
}

/** Signs in at a server of its own, which shares sessions and cookies with the mount. */
async function signIn(sessions: AppSessions, port: number, role: string): Promise<Client> {
  const login = await listen(
    nodeSessions(sessions)(async (_req, res, session) => {
      await session.create({ userId: role, claims: { name: 'Ada', role } })
      res.end()
    }),
  )
  const visitor = createClient(login)
  expect((await visitor.send('POST', '/login')).status).toBe(200)
  return createClient(port, visitor.jar)
}

describe.each(MOUNTS)('the console on $name', ({ name, serve }) => {
  if (name === 'Next') beforeAll(async () => void (await startNext()), 180_000)

  it('shows pages to an administrator, and does what a form asks for', async () => {
    const sessions = await openSessions<{ name: string; role: string }>()
    const {
      session: { sessionId },
    } = await sessions.create({ userId: 'anna', claims: { name: 'Anna', role: 'member' } })
    const port = await serve(sessions)
    const browser = await signIn(sessions, port, 'administrator')

    const overview = await browser.send('GET', PATH)
    expect([overview.status, overview.headers['content-type']]).toStrictEqual([
      200,
      'text/html; charset=utf-8',
    ])
    expect(overview.headers['content-security-policy']).toMatch(/^default-src 'none'; /)
    expect(overview.headers['cache-control']).toBe('no-store')
    const [, css] = /<link rel="stylesheet" href="([^"]+)"/.exec(overview.text)!
    expect(css).toMatch(/^\/admin\/sessions\//)
    expect(await browser.send('GET', css!)).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/css; charset=utf-8' },
    })
    const user = await browser.send('GET', `${PATH}/user?id=anna`)
    expect([user.status, user.text.includes(sessionId)]).toStrictEqual([200, true])
    expect((await browser.send('GET', `${PATH}/nothing/here`)).status).toBe(404)

    const events: unknown[] = []
    sessions.on('consoleAction', (event) => events.push(event))
    const question = await browser.send('GET', `${PATH}/actions/end-session?session=${sessionId}`)
    expect(question.status).toBe(200)
    const action = formOf(question)!
    expect((await sessions.get(sessionId))?.active).toBe(true)
    const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'sent=form' }
    const foreign = { ...form, headers: { ...form.headers, 'sec-fetch-site': 'same-site' } }
    expect((await browser.send('POST', action, foreign)).status).toBe(403)
    expect((await sessions.get(sessionId))?.active).toBe(true)
    const done = await browser.send('POST', action, form)
    expect([done.status, done.headers.location]).toStrictEqual([
      303,
      expect.stringMatching(new RegExp(`^${PATH}/sessions/${sessionId}\\?done=`)),
    ])
    expect((await sessions.get(sessionId))?.active).toBe(false)
    expect(events).toMatchObject([
      { action: 'end-session', actor: 'administrator', sessionId, userId: 'anna', sessions: 1 },
    ])
    expect((await browser.send('GET', done.headers.location!)).text).toContain('The session has ended.')
  })

  it('shows nothing to visitors and to other users', async () => {
    const sessions = await openSessions<{ name: string; role: string }>()
    await sessions.create({ userId: 'anna', claims: { name: 'Anna', role: 'member' } })
    const port = await serve(sessions)
    const member = await signIn(sessions, port, 'member')
    for (const path of ['', '/user?id=anna', '/console.css', '/live.json']) {
      expect((await createClient(port).send('GET', PATH + path)).status, path).toBe(401)
      const refused = await member.send('GET', PATH + path)
      expect(refused.status, path).toBe(403)
      expect(refused.text).not.toContain('anna')
    }
  })
})

const FILES = [
  ...readdirSync(join(ROOT, 'examples/console/mounts')).map((file) => `console/mounts/${file}`),
  'nest/console.ts',
  'nest/console-fastify.ts',
]

it.each(FILES)('the page of the console shows examples/%s', (file) => {
  const page = readFileSync(join(ROOT, 'docs/operate/console.md'), 'utf8')
  const blocks = [...page.matchAll(/^```\w+\n(.*?)^```$/gms)].map(([, block]) => block!.trim())
  expect(blocks).toContain(readFileSync(join(ROOT, 'examples', file), 'utf8').trim())
})
