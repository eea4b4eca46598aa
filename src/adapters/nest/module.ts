import {
  type DynamicModule,
  type FactoryProvider,
  Inject,
  Module,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core'
import type { Sessions } from '../../core/api.ts'
import { type SessionsOverHttp, sessionsOverHttp } from '../../http/http.ts'
import { type HttpOptions, resolveHttpOptions } from '../../http/options.ts'
import type { ClaimsObject } from '../../portable/claims.ts'
import { SessionFilter } from './filter.ts'
import { sessionsMiddleware } from './middleware.ts'

/** Injects the `Sessions` of the application: `@Inject(SESSIONS) sessions: Sessions<Claims>`. */
export const SESSIONS: unique symbol = Symbol('pawl.sessions')

/** What {@link SessionsModule.forRootAsync} takes. */
export interface SessionsModuleAsyncOptions<Claims extends object, Data, Injected extends unknown[]> {
  readonly imports?: NonNullable<ModuleMetadata['imports']>
  /** What `useFactory` and `options` are called with. @defaultValue [] */
  readonly inject?: NonNullable<FactoryProvider['inject']>
  /** Makes the sessions, which are closed when the application shuts down. */
  readonly useFactory: (...injected: Injected) => Sessions<Claims, Data> | Promise<Sessions<Claims, Data>>
  readonly options?: HttpOptions | ((...injected: Injected) => HttpOptions)
}

const PARTS = Symbol('pawl.parts')
interface Parts {
  readonly sessions: Sessions
  readonly http: SessionsOverHttp<ClaimsObject, unknown>
  /** Whether the module closes what it made. */
  readonly closes: boolean
}

/**
 * Sessions for a whole application of Nest, on Express or Fastify: serves the refresh and logout routes at their
 * paths whatever the global prefix is, refuses cross-site requests that may change state, gives every other
 * request a session, answers the errors of Pawl that handlers throw, and makes {@link SESSIONS} injectable
 * everywhere. Import it once, in the root module.
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
   * With sessions that the application made, and closes itself.
   *
   * @example
   * @Module({ imports: [SessionsModule.forRoot(sessions)], controllers: [AccountController] })
   * export class AppModule {}
   *
   * @throws InvalidOptionsError
   */
  static forRoot<Claims extends object, Data>(
    sessions: Sessions<Claims, Data>,
    options: HttpOptions = {},
  ): DynamicModule {
    resolveHttpOptions(options)
    return define({ useFactory: () => sessions, options }, false)
  }

  /**
   * With sessions that a factory makes of other providers, and that are closed after the last request was
   * answered: by `app.close()`, and on signals with `app.enableShutdownHooks()`.
   *
   * @example
   * SessionsModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) =>
   *     createSessions({ store: postgres({ … }), secret: config.getOrThrow('PAWL_SECRET') }),
   * })
   */
  static forRootAsync<Claims extends object, Data, Injected extends unknown[]>(
    definition: SessionsModuleAsyncOptions<Claims, Data, Injected>,
  ): DynamicModule {
    return define(definition, true)
  }

  /**
   * Called by Nest after the body parsers and before the routes. Not by way of the consumer, because what
   * that mounts is below the global prefix, and matches paths where the router has its own idea of them.
   */
  configure(): void {
    if (this.#config.getGlobalFilters().some((filter) => filter instanceof SessionFilter))
      throw new TypeError('import SessionsModule once')
    const { sessions, http } = this.#parts
    this.#host.httpAdapter.use(sessionsMiddleware(sessions, http))
    // Last, and so asked before the application's others: its filter for everything would answer 500. Nest asks
    // those of request or transient scope before all that are not.
    this.#config.addGlobalFilter(new SessionFilter(this.#config, this.#host.httpAdapter))
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.#parts.closes) await this.#parts.sessions.close()
  }
}

Module({})(SessionsModule)
for (const [index, token] of [PARTS, HttpAdapterHost, ApplicationConfig].entries())
  Inject(token)(SessionsModule, undefined, index)

function define<Claims extends object, Data, Injected extends unknown[]>(
  { imports = [], inject = [], useFactory, options = {} }: SessionsModuleAsyncOptions<Claims, Data, Injected>,
  closes: boolean,
): DynamicModule {
  const partsOf = (sessions: Sessions<Claims, Data>, ...injected: Injected): unknown => {
    const resolved = typeof options === 'function' ? options(...injected) : options
    return { sessions, http: sessionsOverHttp(sessions, resolved), closes }
  }
  return {
    module: SessionsModule,
    global: true,
    imports,
    providers: [
      { provide: SESSIONS, inject, useFactory },
      { provide: PARTS, inject: [SESSIONS, ...inject], useFactory: partsOf },
    ],
    exports: [SESSIONS],
  }
}
