/** Checked by the compiler, never run: a function that makes a handler is no handler itself. */
import { createServer } from 'node:http'
import Router from '@koa/router'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { H3 } from 'h3'
import { Hono } from 'hono'
import Koa from 'koa'
import * as onExpress from '../../src/adapters/express/index.ts'
import * as onFastify from '../../src/adapters/fastify/index.ts'
import type { FetchSessions } from '../../src/adapters/fetch/index.ts'
import * as onH3 from '../../src/adapters/h3/index.ts'
import * as onHono from '../../src/adapters/hono/index.ts'
import * as onKoa from '../../src/adapters/koa/index.ts'
import * as onNest from '../../src/adapters/nest/index.ts'
import type { WithSession } from '../../src/adapters/node/index.ts'
import type { Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { openTelemetry } from '../../src/otel/index.ts'

interface Claims {
  readonly role: string
}
declare const sessions: Sessions<Claims, object>
declare const withSession: WithSession<Claims, object>
declare const withFetch: FetchSessions<Claims, object>

export function requireSessionNeedsItsCall(): void {
  for (const app of [express(), express4()]) {
    // @ts-expect-error call it
    app.use(onExpress.requireSession)
    // @ts-expect-error call it
    app.use(onExpress.sessionErrors)
  }
  // @ts-expect-error call it
  express().get('/me', onExpress.requireSession, (_req, res) => void res.end())
  // @ts-expect-error call it
  express4().get('/me', onExpress.requireSession, (_req: unknown, res: express.Response) => void res.end())
  // @ts-expect-error call it
  fastify().get('/me', { onRequest: onFastify.requireSession }, () => '')
  // @ts-expect-error call it
  fastify().addHook('preHandler', onFastify.requireSession)
  // @ts-expect-error call it
  fastify().register(onFastify.fastifySessions)
  // @ts-expect-error call it
  new Hono().use(onHono.requireSession)
  // @ts-expect-error call it
  new Hono().use(onHono.honoSessions)
  // @ts-expect-error call it
  new Hono().onError(onHono.sessionErrors)
  // @ts-expect-error call it
  new Koa().use(onKoa.requireSession)
  // @ts-expect-error call it
  new Router().get('/me', onKoa.requireSession)
  // @ts-expect-error call it
  new H3().use(onH3.requireSession)
  // @ts-expect-error call it
  new H3().get('/me', () => '', { middleware: [onH3.requireSession] })
  // @ts-expect-error pass it a handler
  createServer(withSession)
  // @ts-expect-error pass it a handler
  const route: (request: Request, context: { params: Promise<object> }) => Promise<Response> = withFetch
  void route
}

/** As the compiler calls a decorator. */
export function decoratorsNeedTheirCall(): void {
  class Account {
    me(): void {}
  }
  const descriptor = Object.getOwnPropertyDescriptor(Account.prototype, 'me')!
  // @ts-expect-error call it
  onNest.RequireSession(Account)
  // @ts-expect-error call it
  onNest.RequireSession(Account.prototype, 'me', descriptor)
  // @ts-expect-error call it
  onNest.Public(Account)
  // @ts-expect-error call it
  onNest.Public(Account.prototype, 'me', descriptor)
  // @ts-expect-error call it
  onNest.Session(Account.prototype, 'me', 0)
}

export function unknownOptionsDoNotCompile(): void {
  // @ts-expect-error an unknown option
  onNest.SessionsModule.forRootAsync({ useFactory: async () => sessions, injct: [] })
  // @ts-expect-error an unknown option
  openTelemetry({ meter: null })
  // @ts-expect-error no options
  memory({ size: 1 })
}
