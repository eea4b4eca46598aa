import {
  type DynamicModule,
  type FactoryProvider,
  Inject,
  Module,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common'
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core'
import type { Sessions } from '../../core/api.ts'
import { isSessions, openSource } from '../../core/start/sessions-source.ts'
import { type SessionsOverHttp, type SessionsSource, sessionsOverHttp } from '../../http/http.ts'
import type { HttpOptions } from '../../http/options/resolve.ts'
import type { ClaimsObject } from '../../portable/claims.ts'
import { methodOptions } from '../../portable/options/method-options.ts'
import { sessionMiddleware } from '../shared/node-middleware.ts'
import { SessionFilter } from './filter.ts'

/**
 * The injection token of the application's sessions: `@Inject(SESSIONS) sessions: Sessions<Claims>`. If `forRoot` got a
 * promise or a function, Nest injects a function that returns a promise of the sessions.
 */
export const SESSIONS: unique symbol = Symbol('pawl.sessions')

/** The options of {@link SessionsModule.forRootAsync}. */
export interface SessionsModuleAsyncOptions<Claims extends object, Data, Injected extends unknown[]> {
  /** The modules whose providers `inject` names. @defaultValue [] */
  readonly imports?: NonNullable<ModuleMetadata['imports']>
  /** The providers that Nest passes to `useFactory` and `options`. @defaultValue [] */
  readonly inject?: NonNullable<FactoryProvider['inject']>
  /** A function that makes the sessions. The module closes them when the application shuts down. */
  readonly useFactory: (...injected: Injected) => Sessions<Claims, Data> | Promise<Sessions<Claims, Data>>
  /** The options of the adapter, or a function that returns them. @defaultValue {} */
  readonly options?: HttpOptions | ((...injected: Injected) => HttpOptions)
}

/** For messages. */
const FOR_ROOT = 'SessionsModule.forRoot'
const VERSIONS = 'Nest 10 to 12 on Express or Fastify'
const PARTS = Symbol('pawl.parts')
interface Parts {
  readonly source: SessionsSource<ClaimsObject, unknown>
  readonly http: SessionsOverHttp<ClaimsObject, unknown>
  /** Closes the sessions if the module has made them. */
  readonly close: () => Promise<void>
}

/**
 * The module that adds sessions to a whole Nest application, on Express or Fastify. It serves the refresh and logout routes,
 * at paths without the global prefix. It refuses cross-site requests that may change state, attaches a session to all
 * others, and answers the errors of Pawl that handlers throw. It makes {@link SESSIONS} injectable everywhere. Import it
 * once, in the root module.
 */
export class SessionsModule implements NestModule, OnApplicationShutdown {
  readonly #parts: Parts
  readonly #host: HttpAdapterHost
  readonly #config: ApplicationConfig

  constructor(parts: Parts, host: HttpAdapterHost, config: ApplicationConfig) {
    this.#parts = parts
    this.#host = host
    this.#config = config
  }

  /**
   * Makes the module from sessions, a promise of them, or a function that makes them at the first request. The application
   * closes sessions that it has made. The module closes those that the function has made.
   *
   * @example
   * @Module({ imports: [SessionsModule.forRoot(sessions)], controllers: [AccountController] })
   * export class AppModule {}
   *
   * @throws InvalidOptionsError for an unknown or wrong option
   * @throws TypeError if `sessions` are neither sessions, nor a promise of them, nor a function that makes them
   */
  static forRoot<Claims extends object, Data>(
    sessions: SessionsSource<Claims, Data>,
    options: HttpOptions = {},
  ): DynamicModule {
    const opened = openSource(sessions, FOR_ROOT)
    const http = sessionsOverHttp(sessions, options, FOR_ROOT)
    const isMade = isSessions<Claims, Data>(opened)
    const isFunction = typeof sessions === 'function'
    const parts = { source: sessions, http, close: isMade || !isFunction ? doNothing : () => opened.close() }
    return moduleWith([
      { provide: SESSIONS, useValue: isMade ? opened : () => opened.get() },
      { provide: PARTS, useValue: parts },
    ])
  }

  /**
   * Makes the module from sessions that a factory makes from other providers. The module closes the sessions after the last
   * answer: by `app.close()`, and on signals with `app.enableShutdownHooks()`.
   *
   * @example
   * SessionsModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) =>
   *     createSessions({ store: postgres({ … }), secret: config.getOrThrow('PAWL_SECRET') }),
   * })
   *
   * @throws TypeError for an unknown option
   */
  static forRootAsync<Claims extends object, Data, Injected extends unknown[]>(
    definition: SessionsModuleAsyncOptions<Claims, Data, Injected>,
  ): DynamicModule {
    methodOptions('forRootAsync', definition, 'imports', 'inject', 'useFactory', 'options')
    return moduleWith(providersOf(definition), definition.imports)
  }

  /**
   * Mounts the middleware of the module. Nest calls it after the body parsers and before the routes.
   * @throws TypeError if the module is imported twice
   */
  configure(): void {
    if (this.#config.getGlobalFilters().some((filter) => filter instanceof SessionFilter))
      throw new TypeError('import SessionsModule once')
    const { source, http } = this.#parts
    // Not by Nest's consumer: it mounts middleware below the global prefix, and matches paths in other ways than the router.
    this.#host.httpAdapter.use(sessionMiddleware(source, http, { name: FOR_ROOT, versions: VERSIONS }))
    // Added last, so Nest tries it before the application's filters: a filter for all errors would answer 500. Nest
    // tries filters of request or transient scope before all others.
    this.#config.addGlobalFilter(new SessionFilter(this.#config, this.#host.httpAdapter))
  }

  /** Closes the sessions that the module has made. Nest calls it. */
  async onApplicationShutdown(): Promise<void> {
    await this.#parts.close()
  }
}

Module({})(SessionsModule)
for (const [index, token] of [PARTS, HttpAdapterHost, ApplicationConfig].entries())
  Inject(token)(SessionsModule, undefined, index)

function providersOf<Claims extends object, Data, Injected extends unknown[]>({
  inject = [],
  useFactory,
  options = {},
}: SessionsModuleAsyncOptions<Claims, Data, Injected>): Provider[] {
  const partsOf = (sessions: Sessions<Claims, Data>, ...injected: Injected): unknown => {
    const resolved = typeof options === 'function' ? options(...injected) : options
    const http = sessionsOverHttp(sessions, resolved, 'SessionsModule.forRootAsync')
    return { source: sessions, http, close: () => sessions.close() }
  }
  return [
    { provide: SESSIONS, inject, useFactory },
    { provide: PARTS, inject: [SESSIONS, ...inject], useFactory: partsOf },
  ]
}

function moduleWith(providers: Provider[], imports: DynamicModule['imports'] = []): DynamicModule {
  return { module: SessionsModule, global: true, imports, providers, exports: [SESSIONS] }
}

async function doNothing(): Promise<void> {}
