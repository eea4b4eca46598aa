import type { ServerResponse } from 'node:http'
import {
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  HttpCode,
  HttpException,
  type INestApplication,
  Inject,
  Injectable,
  type MiddlewareConsumer,
  Module,
  type ModuleMetadata,
  Post,
  Req,
  Res,
  Scope,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common'
import {
  type AbstractHttpAdapter,
  APP_FILTER,
  APP_GUARD,
  ExternalContextCreator,
  NestFactory,
} from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import express from 'express'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  Public,
  type RequestSession,
  RequireSession,
  SESSIONS,
  Session,
  SessionGuard,
  SessionsModule,
  sessionOf,
} from '../../src/adapters/nest/index.ts'
import { createSessions, InvalidOptionsError, NotSignedInError, type Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { FOR_CDNS, forCdns } from '../support/adapters/application.ts'
import { addHandler } from '../support/adapters/nest.ts'
import { coded } from '../support/errors.ts'
import { type Client, createClient } from '../support/http-client.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'

const NOT_SIGNED_IN = { code: 'not_signed_in', refresh: false }
const QUIET = { logger: false, abortOnError: false, forceCloseConnections: true } as const

/** A controller with these handlers and their decorators. */
function controllerOf(
  handlers: Readonly<
    Record<string, readonly [(...parameters: never[]) => unknown, ...decorators: MethodDecorator[]]>
  >,
  parameters?: readonly ParameterDecorator[],
): Type {
  class TestController {}
  for (const [path, [handler, ...decorators]] of Object.entries(handlers))
    addHandler(TestController, path, handler, [Get(path), ...decorators], parameters)
  Controller()(TestController)
  return TestController
}

function moduleOf(metadata: ModuleMetadata): Type {
  class TestModule {}
  Module(metadata)(TestModule)
  return TestModule
}

const whoIs = (session: RequestSession): unknown => ({ userId: session.userId })
const greet = (session: RequestSession): unknown => ({ userId: session.current?.userId ?? null })

async function cookieOfNewSession(
  sessions: Sessions,
  userId = 'anna',
): Promise<{ headers: { cookie: string } }> {
  const { accessToken } = await sessions.create({ userId })
  return { headers: { cookie: `__Host-pawl-access=${accessToken.value}` } }
}

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('on %s', (platform, createAdapter: () => AbstractHttpAdapter) => {
  async function start(
    module: Type,
    prepare: (app: INestApplication) => unknown = () => {},
    adapter: AbstractHttpAdapter = createAdapter(),
  ): Promise<{ app: INestApplication; client: Client }> {
    const app = await NestFactory.create(module, adapter, QUIET)
    onTestFinished(() => app.close())
    await prepare(app)
    await app.listen(0, '127.0.0.1')
    return { app, client: createClient(Number(new URL(await app.getUrl()).port)) }
  }
  async function serve(
    metadata: ModuleMetadata,
    prepare?: (app: INestApplication) => unknown,
  ): Promise<{ sessions: Sessions; app: INestApplication; client: Client }> {
    const { sessions } = await openWithClock()
    const imports = [SessionsModule.forRoot(sessions), ...(metadata.imports ?? [])]
    return { sessions, ...(await start(moduleOf({ ...metadata, imports }), prepare)) }
  }
  /** A filter of the application that collects errors of these types, or of every type. */
  function collectingFilter(errors: unknown[], ...types: Type[]): ExceptionFilter {
    class CollectingFilter implements ExceptionFilter {
      catch(error: unknown, host: { getArgByIndex(index: number): unknown }): void {
        errors.push(error)
        const response = host.getArgByIndex(1) as {
          status(code: number): { send(body: unknown): void }
        }
        response.status(500).send({ statusCode: 500 })
      }
    }
    Catch(...types)(CollectingFilter)
    return new CollectingFilter()
  }

  describe('SessionsModule', () => {
    it('creates the sessions and the options from other providers', async () => {
      const CONFIG = { secret: SECRET, path: '/auth/session' }
      const config = { provide: 'CONFIG', useValue: CONFIG }
      const module = SessionsModule.forRootAsync({
        imports: [moduleOf({ providers: [config], exports: ['CONFIG'] })],
        inject: ['CONFIG'],
        useFactory: ({ secret }: typeof CONFIG) => createSessions({ store: memory(), secret }),
        options: ({ path }) => ({ path }),
      })
      const account = controllerOf({ '/me': [whoIs, RequireSession()] })
      const { app, client } = await start(moduleOf({ imports: [module], controllers: [account] }))
      const signedIn = await cookieOfNewSession(app.get<Sessions>(SESSIONS))
      expect((await client.send('GET', '/me', signedIn)).body).toStrictEqual({ userId: 'anna' })
      expect((await client.send('POST', '/auth/session/logout', signedIn)).status).toBe(204)
      expect((await client.send('GET', '/me', signedIn)).status).toBe(401)
    })

    it('injects the sessions into every provider', async () => {
      class Devices {
        readonly sessions: Sessions
        constructor(sessions: Sessions) {
          this.sessions = sessions
        }
      }
      Injectable()(Devices)
      Inject(SESSIONS)(Devices, undefined, 0)
      const { app, sessions } = await serve({ imports: [moduleOf({ providers: [Devices] })] })
      expect(app.get(Devices, { strict: false }).sessions).toBe(sessions)
    })

    it('closes the sessions that it created after the server, and leaves given sessions open', async () => {
      const events: string[] = []
      const store = (name: string) => ({
        ...memory(),
        close: async () => void events.push(name),
      })
      const made = SessionsModule.forRootAsync({
        useFactory: () => createSessions({ store: store('made'), secret: SECRET }),
      })
      const first = await start(moduleOf({ imports: [made] }))
      first.app.getHttpServer().on('close', () => events.push('server'))
      await first.app.close()
      expect(events).toStrictEqual(['server', 'made'])

      const given = await openSessions({ store: store('given') })
      const second = await start(moduleOf({ imports: [SessionsModule.forRoot(given)] }))
      await second.app.close()
      expect(events).toStrictEqual(['server', 'made'])
    })

    it('throws at the start if an option is wrong or if it is imported twice', async () => {
      const { sessions } = await openWithClock()
      const wrong = { path: 'session' }
      expect(() => SessionsModule.forRoot(sessions, wrong)).toThrow(
        coded('ERR_INVALID_OPTIONS', { option: 'path' }) as Error,
      )
      const late = SessionsModule.forRootAsync({ useFactory: () => sessions, options: () => wrong })
      await expect(start(moduleOf({ imports: [late] }))).rejects.toThrow(
        coded('ERR_INVALID_OPTIONS', { option: 'path' }) as Error,
      )
      const twice = [SessionsModule.forRoot(sessions), SessionsModule.forRoot(sessions, { path: '/other' })]
      await expect(start(moduleOf({ imports: twice }))).rejects.toThrow(TypeError)
    })

    it('serves its routes at `path`, without the global prefix', async () => {
      const controllers = [controllerOf({ '/me': [whoIs, RequireSession()], '/health': [greet] })]
      const { client, sessions } = await serve({ controllers }, (app) =>
        app.setGlobalPrefix('api', { exclude: ['health'] }),
      )
      const signedIn = await cookieOfNewSession(sessions)
      expect((await client.send('GET', '/api/me', signedIn)).body).toStrictEqual({ userId: 'anna' })
      expect((await client.send('GET', '/health', signedIn)).body).toStrictEqual({ userId: 'anna' })
      const foreign = { 'sec-fetch-site': 'cross-site' }
      expect((await client.send('POST', '/api/me', { headers: foreign })).status).toBe(403)
      expect((await client.send('POST', '/api/session/logout')).status).toBe(404)
      expect((await client.send('POST', '/session/logout', signedIn)).status).toBe(204)
    })

    it('attaches the session before middleware of the application runs', async () => {
      const { sessions } = await openWithClock()
      class WithMiddleware {
        configure(consumer: MiddlewareConsumer): void {
          consumer
            .apply((req: object, res: ServerResponse, next: () => void) => {
              res.setHeader('x-user', sessionOf(req, sessions).current?.userId ?? 'nobody')
              next()
            })
            .forRoutes(account)
        }
      }
      const account = controllerOf({ '/me': [whoIs, RequireSession()] })
      Module({ imports: [SessionsModule.forRoot(sessions)], controllers: [account] })(WithMiddleware)
      const { client } = await start(WithMiddleware)
      const { headers } = await client.send('GET', '/me', await cookieOfNewSession(sessions))
      expect(headers['x-user']).toBe('anna')
      expect((await client.send('GET', '/me')).headers['x-user']).toBe('nobody')
    })

    it('passes an error of the store to the filters of the application', async () => {
      const store = memory()
      const broken = new Error('syntax error at or near')
      const { sessions } = await openWithClock({ store })
      const { refreshToken } = await sessions.create({ userId: 'anna' })
      store.read = () => Promise.reject(broken)
      const errors: unknown[] = []
      const { client } = await start(moduleOf({ imports: [SessionsModule.forRoot(sessions)] }), (app) =>
        app.useGlobalFilters(collectingFilter(errors)),
      )
      const headers = { cookie: `__Secure-pawl-refresh=${refreshToken.value}` }
      expect(await client.send('POST', '/session/refresh', { headers })).toMatchObject({
        status: 500,
        cookies: [],
      })
      expect(errors).toStrictEqual([broken])
    })
  })

  describe('SessionGuard', () => {
    it('guards every handler of a controller, except those with their own requirement or `Public`', async () => {
      const account = controllerOf({
        '/me': [whoIs],
        '/hello': [greet, RequireSession({ optional: true })],
        '/health': [greet, Public()],
      })
      RequireSession()(account)
      const { client, sessions } = await serve({ controllers: [account] })
      expect(await client.send('GET', '/me')).toMatchObject({ status: 401, body: NOT_SIGNED_IN })
      expect(await client.send('GET', '/hello')).toMatchObject({ status: 200, body: { userId: null } })
      const garbage = { headers: { cookie: '__Host-pawl-access=garbage' } }
      expect((await client.send('GET', '/hello', garbage)).status).toBe(401)
      expect(await client.send('GET', '/health', garbage)).toMatchObject({
        status: 200,
        body: { userId: null },
      })
      expect((await client.send('GET', '/me', await cookieOfNewSession(sessions))).status).toBe(200)
    })

    it('guards every handler as APP_GUARD, except those with their own requirement or `Public`', async () => {
      const account = controllerOf({
        '/me': [whoIs],
        '/hello': [greet, RequireSession({ optional: true })],
        '/health': [greet, Public()],
      })
      const open = controllerOf({ '/open': [greet] })
      Public()(open)
      const { client } = await serve({
        controllers: [account, open],
        providers: [{ provide: APP_GUARD, useClass: SessionGuard }],
      })
      const statuses = await Promise.all(
        ['/me', '/hello', '/health', '/open'].map(async (path) => (await client.send('GET', path)).status),
      )
      expect(statuses).toStrictEqual([401, 200, 200, 200])
      expect((await client.send('POST', '/session/logout')).status).toBe(204)
    })

    it('reads the row once for each request, although it is applied three times', async () => {
      const store = memory()
      const { sessions } = await openWithClock({ store })
      const account = controllerOf({ '/me': [whoIs, RequireSession({ lookup: true })] })
      RequireSession()(account)
      const { client } = await start(
        moduleOf({
          imports: [SessionsModule.forRoot(sessions)],
          controllers: [account],
          providers: [{ provide: APP_GUARD, useClass: SessionGuard }],
        }),
      )
      const signedIn = await cookieOfNewSession(sessions)
      const read = vi.spyOn(store, 'read')
      expect((await client.send('GET', '/me', signedIn)).status).toBe(200)
      expect(read).toHaveBeenCalledTimes(1)
      expect((await client.send('GET', '/me', signedIn)).status).toBe(200)
      expect(read).toHaveBeenCalledTimes(2)
    })

    it('throws on a wrong option in the decorator', () => {
      expect(() => RequireSession({ maxAuthAge: -1 })).toThrow(coded('ERR_INVALID_OPTIONS') as Error)
    })

    it('keeps the headers of the application in a refusal, except its content headers', async () => {
      const account = controllerOf({ '/me': [whoIs, RequireSession()] })
      const { client } = await serve({ controllers: [account] }, (app) => {
        const instance = app.getHttpAdapter().getInstance()
        const head = {
          vary: 'Accept-Encoding',
          'x-frame-options': 'DENY',
          'content-encoding': 'gzip',
          ...FOR_CDNS,
        }
        if (platform === 'Fastify')
          instance.addHook('onRequest', async (_: unknown, reply: { headers(head: object): void }) => {
            reply.headers(head)
          })
        else
          app.use((_: unknown, res: { set(head: object): void }, next: () => void) => {
            res.set(head)
            next()
          })
      })
      const { headers, text } = await client.send('GET', '/me')
      expect(headers).toMatchObject({
        vary: 'Accept-Encoding, Cookie',
        'x-frame-options': 'DENY',
        'cache-control': 'private, no-store',
        'content-type': 'application/json',
        'content-length': String(text.length),
      })
      expect(headers['content-encoding']).toBeUndefined()
      expect(forCdns(headers)).toStrictEqual([])
      expect(text).toBe('{"code":"not_signed_in","refresh":false}')
    })

    it('throws an HttpException with the same response for a filter of the controller', async () => {
      const seen: unknown[] = []
      class OwnFilter implements ExceptionFilter {
        catch(error: HttpException, host: { getArgByIndex(index: number): unknown }): void {
          seen.push([error.getStatus(), error.getResponse(), error.cause])
          const response = host.getArgByIndex(1) as { status(code: number): { send(body: unknown): void } }
          response.status(error.getStatus()).send('please sign in')
        }
      }
      Catch(HttpException)(OwnFilter)
      const account = controllerOf({ '/me': [whoIs, RequireSession()] })
      UseFilters(OwnFilter)(account)
      const { client } = await serve({ controllers: [account] })
      expect(await client.send('GET', '/me')).toMatchObject({ status: 401, text: 'please sign in' })
      const answer = { statusCode: 401, message: 'Unauthorized', ...NOT_SIGNED_IN }
      expect(seen).toStrictEqual([[401, answer, coded('ERR_NOT_SIGNED_IN')]])
    })
  })

  describe('an error', () => {
    it('of Pawl in a guard of the application becomes its response and reaches no global filter', async () => {
      const errors: unknown[] = []
      const { sessions } = await openWithClock()
      class EditorGuard implements CanActivate {
        canActivate(context: ExecutionContext): boolean {
          return sessionOf(context.switchToHttp().getRequest(), sessions).claims['role'] === 'editor'
        }
      }
      const account = controllerOf({ '/edit': [whoIs, UseGuards(EditorGuard)] })
      const { client } = await start(
        moduleOf({ imports: [SessionsModule.forRoot(sessions)], controllers: [account] }),
        (app) => app.useGlobalFilters(collectingFilter(errors)),
      )
      expect(await client.send('GET', '/edit')).toMatchObject({ status: 401, body: NOT_SIGNED_IN })
      expect(errors).toStrictEqual([])
      // Nest throws this if a guard returns false.
      await client.send('GET', '/edit', await cookieOfNewSession(sessions))
      expect(errors).toStrictEqual([expect.any(HttpException)])
    })

    it('that the client must not see reaches the global filter for its type', async () => {
      const errors: unknown[] = []
      const skipped: unknown[] = []
      const { sessions } = await openWithClock()
      const ended = await sessions.create({ userId: 'berta' })
      await sessions.revokeUser('berta')
      const applicationError = new Error('mine')
      const admin = controllerOf({
        '/other': [() => sessions.verify(ended.accessToken.value)],
        '/wrong': [() => SessionsModule.forRoot(sessions, { path: 'wrong' })],
        '/mine': [() => Promise.reject(applicationError)],
      })
      const { client } = await start(
        moduleOf({ imports: [SessionsModule.forRoot(sessions)], controllers: [admin] }),
        (app) =>
          app.useGlobalFilters(
            collectingFilter(errors),
            collectingFilter(skipped, HttpException, RangeError),
          ),
      )
      const signedIn = await cookieOfNewSession(sessions)
      for (const path of ['/other', '/wrong', '/mine'])
        expect((await client.send('GET', path, signedIn)).status).toBe(500)
      expect(errors).toStrictEqual([
        coded('ERR_SESSION_ENDED'),
        coded('ERR_INVALID_OPTIONS'),
        applicationError,
      ])
      expect(skipped).toStrictEqual([])
    })

    it.each([
      ['request', Scope.REQUEST],
      ['transient', Scope.TRANSIENT],
    ])('reaches an APP_FILTER of %s scope first, if the filter catches its type', async (_, scope) => {
      const errors: unknown[] = []
      const filterOf = (...types: Type[]): Type => collectingFilter(errors, ...types).constructor as Type
      const handlers: Parameters<typeof controllerOf>[0] = {
        '/me': [whoIs, RequireSession()],
        '/forgotten': [whoIs],
        '/wrong': [(session: RequestSession) => session.create({ userId: '' })],
      }
      const answersWith = async (useClass: Type): Promise<unknown[]> => {
        const { client } = await serve({
          controllers: [controllerOf(handlers)],
          providers: [{ provide: APP_FILTER, useClass, scope }],
        })
        const statuses: number[] = []
        for (const path of Object.keys(handlers)) statuses.push((await client.send('GET', path)).status)
        return statuses
      }
      expect(await answersWith(filterOf(RangeError))).toStrictEqual([401, 401, 500])
      expect(errors).toStrictEqual([])
      expect(await answersWith(filterOf())).toStrictEqual([500, 500, 500])
      expect(errors).toStrictEqual([
        expect.objectContaining({ status: 401, cause: coded('ERR_NOT_SIGNED_IN') }),
        coded('ERR_NOT_SIGNED_IN'),
        expect.any(TypeError),
      ])
    })

    it('that the client must not see reaches an APP_FILTER of request scope before a global filter', async () => {
      const errors: unknown[] = []
      const skipped: unknown[] = []
      const useClass = collectingFilter(errors, InvalidOptionsError).constructor as Type
      const controllers = [
        controllerOf({ '/wrong': [() => SessionsModule.forRoot(sessions, { path: 'wrong' })] }),
      ]
      const providers = [{ provide: APP_FILTER, useClass, scope: Scope.REQUEST }]
      const { client, sessions } = await serve({ controllers, providers }, (app) =>
        app.useGlobalFilters(collectingFilter(skipped)),
      )
      expect((await client.send('GET', '/wrong')).status).toBe(500)
      expect([errors, skipped]).toStrictEqual([[coded('ERR_INVALID_OPTIONS')], []])
    })

    it('that the client must not see becomes the 500 response of Nest if no filter catches it', async () => {
      const { sessions } = await openWithClock()
      const controllers = [
        controllerOf({ '/wrong': [() => SessionsModule.forRoot(sessions, { path: 'wrong' })] }),
      ]
      const { client } = await serve({ controllers })
      expect(await client.send('GET', '/wrong')).toMatchObject({
        status: 500,
        body: { statusCode: 500, message: 'Internal server error' },
      })
    })

    it('after the headers were sent closes the connection', async () => {
      const late = (response: ServerResponse | { raw: ServerResponse }, session: RequestSession): string => {
        const raw = 'raw' in response ? response.raw : response
        raw.writeHead(200, { 'content-type': 'text/plain' })
        raw.write('begun')
        return session.userId
      }
      const controllers = [controllerOf({ '/late': [late] }, [Res(), Session()])]
      const { client } = await serve({ controllers })
      await expect(client.send('GET', '/late')).rejects.toThrow(coded('ECONNRESET') as Error)
    })
  })

  it('throws if SessionsModule is missing or has other sessions', async () => {
    const { sessions } = await openWithClock()
    const others = await openWithClock()
    const errors: unknown[] = []
    const of = (request: object): unknown => ({ userId: sessionOf(request, others.sessions).userId })
    const controllers = [
      controllerOf({ '/guard': [() => ({}), RequireSession()] }, []),
      controllerOf({ '/parameter': [whoIs] }),
      controllerOf({ '/of': [of] }, [Req()]),
    ]
    const collect = (app: INestApplication): unknown => app.useGlobalFilters(collectingFilter(errors))
    const { client } = await start(moduleOf({ controllers }), collect)
    for (const path of ['/guard', '/parameter', '/of'])
      expect((await client.send('GET', path)).status).toBe(500)
    const other = await start(moduleOf({ controllers, imports: [SessionsModule.forRoot(sessions)] }), collect)
    expect((await other.client.send('GET', '/of', await cookieOfNewSession(sessions))).status).toBe(500)
    expect(errors).toStrictEqual(Array(4).fill(expect.any(TypeError)))
  })

  it('refreshes a bearer client with and without the body parser of Nest', async () => {
    for (const bodyParser of [true, false]) {
      const { sessions } = await openWithClock()
      const module = moduleOf({ imports: [SessionsModule.forRoot(sessions)] })
      const app = await NestFactory.create(module, createAdapter(), { ...QUIET, bodyParser })
      onTestFinished(() => app.close())
      await app.listen(0, '127.0.0.1')
      const { refreshToken } = await sessions.create({ userId: 'anna' })
      const headers = { 'pawl-transport': 'bearer', 'content-type': 'application/json' }
      const body = JSON.stringify({ refreshToken: refreshToken.value })
      const client = createClient(Number(new URL(await app.getUrl()).port))
      expect(await client.send('POST', '/session/refresh', { headers, body })).toMatchObject({
        status: 200,
        body: { accessToken: expect.any(String), refreshToken: expect.stringMatching(/^pawl_r1_/) },
      })
    }
  })

  describe('session cookies', () => {
    const login = (session: RequestSession): unknown => session.create({ userId: 'anna' })
    const controllers = [controllerOf({ '/login': [login], '/me': [whoIs, RequireSession()] })]

    it('have no prefix and no `Secure` on plain localhost', async () => {
      const { client } = await serve({ controllers })
      const headers = { host: 'localhost:3000' }
      const { cookies } = await client.send('GET', '/login', { headers })
      expect(cookies.map((cookie) => cookie.split('=')[0])).toStrictEqual(['pawl-access', 'pawl-refresh'])
      expect((await client.send('GET', '/me', { headers })).status).toBe(200)
    })

    it('are secure if a trusted proxy reports https', async () => {
      const { sessions } = await openWithClock()
      const module = moduleOf({ imports: [SessionsModule.forRoot(sessions)], controllers })
      const adapter =
        platform === 'Express'
          ? new ExpressAdapter(express().set('trust proxy', 'loopback'))
          : new FastifyAdapter({ trustProxy: 'loopback' })
      const { client } = await start(module, () => {}, adapter)
      const encrypted = { host: 'localhost', 'x-forwarded-proto': 'https' }
      for (const headers of [{ ...encrypted, 'x-forwarded-for': '192.0.2.7' }, encrypted]) {
        const { cookies } = await client.send('GET', '/login', { headers })
        expect(cookies[0]).toMatch(/^__Host-pawl-access=<access>; .*; Secure;/)
      }
      expect((await sessions.list('anna')).map(({ ip }) => ip).sort()).toStrictEqual([
        '127.0.0.1',
        '192.0.2.7',
      ])
    })
  })

  it('leaves the request bodies of other routes to Nest', async () => {
    class EchoController {}
    const echo = (session: RequestSession, { body }: { body: unknown }): unknown => [
      session.error?.code,
      body,
    ]
    addHandler(EchoController, 'echo', echo, [Post('/echo'), HttpCode(200)], [Session(), Req()])
    Controller()(EchoController)
    const { client } = await serve({ controllers: [EchoController] })
    const headers = { 'content-type': 'application/json' }
    const { body } = await client.send('POST', '/echo', { headers, body: '{"a":1}' })
    expect(body).toStrictEqual(['ERR_NOT_SIGNED_IN', { a: 1 }])
  })

  describe('a context other than HTTP', () => {
    /** Runs a handler like the modules for GraphQL, gateways and microservices. */
    async function inContext(type: string, handler: () => unknown, ...decorators: MethodDecorator[]) {
      const requests: object[] = []
      class Resolver {}
      addHandler(Resolver, 'resolve', handler, decorators, [])
      const keep = controllerOf({ '/keep': [(request: object) => void requests.push(request)] }, [Req()])
      const { app, client, sessions } = await serve({ controllers: [keep], providers: [Resolver] })
      const resolver = app.get(Resolver) as { resolve(): unknown }
      const creator = app.get(ExternalContextCreator, { strict: false })
      const all = { interceptors: true, guards: true, filters: true }
      const none = undefined
      const run = creator.create(resolver, resolver.resolve, 'resolve', none, none, none, none, all, type)
      const requestWith = async (options?: object): Promise<object> => {
        await client.send('GET', '/keep', options)
        return requests.pop()!
      }
      return { run, requestWith, sessions }
    }

    it('of type graphql finds the request in the GraphQL context', async () => {
      const { run, requestWith, sessions } = await inContext('graphql', () => 'resolved', RequireSession())
      expect(await run({}, {}, { req: await requestWith(await cookieOfNewSession(sessions)) })).toBe(
        'resolved',
      )
      const refused = await run({}, {}, { req: await requestWith() })
      expect(refused).toBeInstanceOf(HttpException)
      expect(refused).toMatchObject({
        response: { statusCode: 401, message: 'Unauthorized', ...NOT_SIGNED_IN },
        status: 401,
        cause: coded('ERR_NOT_SIGNED_IN'),
      })
      await expect(run({}, {}, {})).rejects.toThrow(TypeError)
      await expect(run({}, {}, undefined)).rejects.toThrow(TypeError)
    })

    it('of type graphql answers the same error if an unguarded resolver throws it', async () => {
      const error = new NotSignedInError()
      const { run, requestWith } = await inContext('graphql', () => Promise.reject(error))
      expect(await run({}, {}, { req: await requestWith() })).toMatchObject({
        response: { statusCode: 401, ...NOT_SIGNED_IN },
        cause: error,
      })
      await expect(run({}, {}, {})).rejects.toBe(error)
    })

    it.each(['ws', 'rpc'])('of type %s throws, because it has no request', async (type) => {
      const { run } = await inContext(type, () => 'handled', RequireSession())
      await expect(run({}, {})).rejects.toThrow(new RegExp(`'${type}'`))
    })
  })
})

it('SessionsModule provides the sessions in an application context without a server', async () => {
  const { sessions } = await openWithClock()
  const module = moduleOf({ imports: [SessionsModule.forRoot(sessions)] })
  const app = await NestFactory.createApplicationContext(module, QUIET)
  onTestFinished(() => app.close())
  expect(app.get(SESSIONS)).toBe(sessions)
})
