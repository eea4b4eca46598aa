import Router from '@koa/router'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { H3 } from 'h3'
import { Hono } from 'hono'
import Koa from 'koa'
import { describe, expect, it } from 'vitest'
import * as onExpress from '../../src/adapters/express/index.ts'
import * as onFastify from '../../src/adapters/fastify/index.ts'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import * as onH3 from '../../src/adapters/h3/index.ts'
import * as onHono from '../../src/adapters/hono/index.ts'
import * as onKoa from '../../src/adapters/koa/index.ts'
import * as onNest from '../../src/adapters/nest/index.ts'
import { nextSessions } from '../../src/adapters/next/index.ts'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import { memory } from '../../src/memory/index.ts'
import { openTelemetry } from '../../src/otel/index.ts'
import { listen } from '../support/http-server.ts'
import { openSessions } from '../support/sessions.ts'

/** Mounts a function without its call, and sends a request. @returns the error that the framework got */
type Mount = () => Promise<unknown>

async function errorOfExpress(make: typeof express, middleware: unknown): Promise<unknown> {
  const app = make()
  app.use(middleware as express.RequestHandler)
  let caught: unknown
  app.use(((error, _req, res, _next) => {
    caught = error
    res.status(500).end()
  }) satisfies express.ErrorRequestHandler)
  await fetch(`http://127.0.0.1:${await listen(app)}`)
  return caught
}

async function errorOfFastify(hook: 'onRequest' | 'preHandler'): Promise<unknown> {
  const app = fastify()
  let caught: unknown
  app.setErrorHandler((error, _request, reply) => {
    caught = error
    return reply.code(500).send()
  })
  app.get('/', { [hook]: onFastify.requireSession }, () => 'open')
  await app.inject('/')
  return caught
}

async function errorOfHono(): Promise<unknown> {
  let caught: unknown
  const app = new Hono().onError((error, c) => {
    caught = error
    return c.text('', 500)
  })
  app.get('/', onHono.requireSession as never, (c) => c.text('open'))
  await app.request('/')
  return caught
}

async function errorOfKoa(): Promise<unknown> {
  const app = new Koa()
  let caught: unknown
  app.on('error', (error) => {
    caught = error
  })
  const router = new Router()
  router.get('/', onKoa.requireSession as never, (ctx) => {
    ctx.body = 'open'
  })
  app.use(router.routes())
  await fetch(`http://127.0.0.1:${await listen(app.callback())}`)
  return caught
}

async function errorOfH3(): Promise<unknown> {
  let caught: unknown
  const app = new H3({
    silent: true,
    onError: (error) => {
      caught = error.cause
    },
  })
  app.get('/', () => 'open', { middleware: [onH3.requireSession as never] })
  await app.request('/')
  return caught
}

describe('requireSession without its call fails at the first request, and says so', () => {
  const MOUNTS: readonly [string, Mount][] = [
    ['Express 5', () => errorOfExpress(express, onExpress.requireSession)],
    ['Express 4', () => errorOfExpress(express4 as never, onExpress.requireSession)],
    ['Fastify, onRequest', () => errorOfFastify('onRequest')],
    ['Fastify, preHandler', () => errorOfFastify('preHandler')],
    ['Hono', errorOfHono],
    ['Koa', errorOfKoa],
    ['h3', errorOfH3],
  ]
  it.each(MOUNTS)('%s', async (_, mount) => {
    expect(await mount()).toMatchObject({
      name: 'TypeError',
      message: 'this is not a handler itself, it makes one. Call it: requireSession()',
    })
  })
})

it('sessionErrors of Express without its call fails at the first request, and says so', async () => {
  expect(await errorOfExpress(express, onExpress.sessionErrors)).toEqual(
    new TypeError('this is not a handler itself, it makes one. Call it: sessionErrors()'),
  )
})

it('sessionErrors of Hono without its call fails when it is used, and says so', () => {
  const use = onHono.sessionErrors as unknown as (error: Error, c: unknown) => unknown
  expect(() => use(new Error(), {})).toThrow('Call it: app.onError(sessionErrors((error, c) => …))')
})

it('a decorator of Nest without its call fails when the class is defined, and protects nothing silently', () => {
  class Account {
    me(): void {}
  }
  const descriptor = Object.getOwnPropertyDescriptor(Account.prototype, 'me')
  const decorators: readonly [(...given: never[]) => unknown, string][] = [
    [onNest.RequireSession as never, '@RequireSession()'],
    [onNest.Public as never, '@Public()'],
  ]
  for (const [decorator, call] of decorators) {
    expect(() => decorator(Account as never)).toThrow(`Call it: ${call}`)
    expect(() => decorator(Account.prototype as never, 'me' as never, descriptor as never)).toThrow(
      `Call it: ${call}`,
    )
  }
  const session = onNest.Session as unknown as (...given: unknown[]) => unknown
  expect(() => session(Account.prototype, 'me', 0)).toThrow('Call it: @Session()')
})

it('a function that takes a handler says so when it gets a request instead', async () => {
  const sessions = await openSessions()
  const withSession = nodeSessions(sessions)
  const next = nextSessions(() => sessions)
  const request = new Request('https://app.example.com') as never
  expect(() => withSession(request)).toThrow('Call it: withSession((req, res, session) => …)')
  expect(() => withSession.upgrade(request)).toThrow('Call it: withSession.upgrade(')
  await expect(fetchSessions(sessions)(request, {} as never)).rejects.toThrow(
    'Call it: withSession(request, (session) => …)',
  )
  expect(() => next.route(request)).toThrow('Call it: route((session, request) => …)')
  expect(() => next.action(request)).toThrow('Call it: action((session) => …)')
  expect(() => next.proxy(request)).toThrow('Call it: proxy()')
})

it('sessionOf names its second argument if that is missing', () => {
  const sessionOf = onExpress.sessionOf as unknown as (req: object) => unknown
  expect(() => sessionOf({})).toThrow('sessionOf() takes the sessions too: sessionOf(request, sessions)')
})

it('refuses unknown options of the session of a request, of Nest, of metrics and of the memory store', async () => {
  const sessions = await openSessions()
  const handler = fetchSessions(sessions)
  const request = new Request('https://app.example.com/login', {
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin' },
  })
  const create = handler(request, async (session) =>
    Response.json(await session.create({ userId: 'u', ip: '192.0.2.1' } as never)),
  )
  await expect(create).rejects.toThrow('`create` does not take `ip`. It takes userId, claims')
  expect(await sessions.list('u')).toEqual([])
  expect(() =>
    onNest.SessionsModule.forRootAsync({ useFactory: () => sessions, injct: [] } as never),
  ).toThrow('`forRootAsync` does not take `injct`. It takes imports, inject, useFactory, options.')
  expect(() => openTelemetry({ meter: {} } as never)).toThrow(
    '`openTelemetry` does not take `meter`. It takes meterProvider, tracerProvider, attributes.',
  )
  expect(() => memory({ size: 1 } as never)).toThrow('`memory` takes no options')
})
