import { type ArgumentsHost, Catch, type ExceptionFilter, type HttpServer, type Type } from '@nestjs/common'
import { type ApplicationConfig, BaseExceptionFilter, Reflector } from '@nestjs/core'
import type { Reply } from '../../http/exchange.ts'
import { type AnySessionsError, SessionsError } from '../../portable/errors.ts'
import { SessionRefusedException } from './guard.ts'
import { openedIn, writeAnswer } from './request.ts'

/** Where Nest keeps what `@Catch()` was given. */
const CAUGHT = '__filterCatchExceptions__'
const reflector = new Reflector()

/** Answers what is Pawl's, and leaves the rest to whoever would have got it without this filter. */
export class SessionFilter extends BaseExceptionFilter<AnySessionsError | SessionRefusedException> {
  readonly #config: ApplicationConfig

  constructor(config: ApplicationConfig, adapter: HttpServer) {
    super(adapter)
    this.#config = config
  }

  override catch(error: AnySessionsError | SessionRefusedException, host: ArgumentsHost): unknown {
    const reply = replyTo(error, host)
    if (reply === null) return this.#passOn(error, host)
    if (host.getType() === 'http') return writeAnswer(host.switchToHttp().getResponse(), reply)
    // GraphQL answers with the errors that a filter returns.
    return error instanceof SessionRefusedException ? error : new SessionRefusedException(reply, error)
  }

  /** Filters of request or transient scope have been asked before, where Nest has them. */
  #passOn(error: AnySessionsError | SessionRefusedException, host: ArgumentsHost): unknown {
    const filters = this.#config.getGlobalFilters()
    const next = filters.findLast((filter) => filter !== this && isFor(filter, error))
    if (next !== undefined) return next.catch(error, host)
    // Nothing returned is "not handled" elsewhere.
    return host.getType() === 'http' ? super.catch(error, host) : undefined
  }
}

Catch(SessionsError, SessionRefusedException)(SessionFilter)

function replyTo(error: AnySessionsError | SessionRefusedException, host: ArgumentsHost): Reply | null {
  if (error instanceof SessionRefusedException) return error.reply
  const request = openedIn(host)
  return request?.http.answer(request.exchange, request.session, error) ?? null
}

function isFor(filter: ExceptionFilter, error: unknown): boolean {
  const types = reflector.get<Type[] | undefined>(CAUGHT, filter.constructor) ?? []
  return types.length === 0 || types.some((type) => error instanceof type)
}
