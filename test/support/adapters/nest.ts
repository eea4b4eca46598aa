import {
  type ArgumentsHost,
  Catch,
  Controller,
  Get,
  Header,
  HttpCode,
  HttpException,
  Module,
  Post,
  Query,
  type Type,
} from '@nestjs/common'
import { type AbstractHttpAdapter, BaseExceptionFilter, NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import express from 'express'
import { onTestFinished } from 'vitest'
import {
  type RequestSession,
  RequireSession,
  Session,
  SessionsModule,
} from '../../../src/adapters/nest/index.ts'
import { type Adapter, FAILED, ROUTES } from './application.ts'

/** Does the same as `@decorator() name(@Session() session, …) { … }` in a class, without decorator syntax. */
export function addHandler(
  type: Type,
  name: string,
  handler: (...parameters: never[]) => unknown,
  decorators: readonly MethodDecorator[],
  parameters: readonly ParameterDecorator[] = [Session()],
): void {
  // Nest stores decorator metadata on the function, so each method needs its own function.
  const descriptor = { value: (...given: never[]) => handler(...given) }
  Object.defineProperty(type.prototype, name, descriptor)
  for (const decorate of decorators) decorate(type.prototype, name, descriptor)
  for (const [index, decorate] of parameters.entries()) decorate(type.prototype, name, index)
}

function controllerOf(routes: typeof ROUTES): Type {
  class ApplicationController {}
  for (const [key, route] of Object.entries(routes)) {
    const [method, path] = key.split(' ') as ['GET' | 'POST', string]
    addHandler(
      ApplicationController,
      key,
      (session: RequestSession, query: Record<string, string>) =>
        route.answer(session, new URLSearchParams(query)),
      [
        method === 'GET' ? Get(path) : Post(path),
        HttpCode(200),
        ...Object.entries(route.headers ?? {}).map(([name, value]) => Header(name, value)),
        ...(route.require === undefined ? [] : [RequireSession(route.require)]),
      ],
      [Session(), Query()],
    )
  }
  Controller()(ApplicationController)
  return ApplicationController
}

/** A catch-all filter, as most applications have one. */
class LastFilter extends BaseExceptionFilter {
  readonly #adapter: AbstractHttpAdapter
  readonly #errors: unknown[]

  constructor(adapter: AbstractHttpAdapter, errors: unknown[]) {
    super(adapter)
    this.#adapter = adapter
    this.#errors = errors
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    if (error instanceof HttpException) {
      super.catch(error, host)
      return
    }
    this.#errors.push(error)
    this.#adapter.reply(host.switchToHttp().getResponse(), FAILED, 500)
  }
}
Catch()(LastFilter)

function nestAdapter(name: string, create: (trustProxy: boolean) => AbstractHttpAdapter): Adapter {
  return {
    name,
    async listen(sessions, options, { trustProxy = false } = {}) {
      class ApplicationModule {}
      Module({
        imports: [SessionsModule.forRoot(sessions, options)],
        controllers: [controllerOf(ROUTES)],
      })(ApplicationModule)

      const errors: unknown[] = []
      const platform = create(trustProxy)
      const app = await NestFactory.create(ApplicationModule, platform, {
        logger: false,
        abortOnError: false,
        forceCloseConnections: true,
      })
      // biome-ignore lint/correctness/useHookAtTopLevel: Nest's word, not React's
      app.useGlobalFilters(new LastFilter(platform, errors))
      onTestFinished(() => app.close())
      await app.listen(0, '127.0.0.1')
      return { port: Number(new URL(await app.getUrl()).port), errors }
    },
  }
}

export const nestExpressAdapter: Adapter = nestAdapter(
  'Nest on Express',
  (trustProxy) => new ExpressAdapter(express().set('trust proxy', trustProxy ? 'loopback' : false)),
)
export const nestFastifyAdapter: Adapter = nestAdapter('Nest on Fastify', (trustProxy) => {
  const platform = new FastifyAdapter({ trustProxy: trustProxy ? 'loopback' : false })
  // The parser of Fastify rejects an empty body.
  platform.useBodyParser('application/json', false, {}, (_request, body, done) =>
    done(null, body.length === 0 ? undefined : JSON.parse(body.toString())),
  )
  return platform
})
