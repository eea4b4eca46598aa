import { type ArgumentsHost, Catch, type ExceptionFilter, type HttpServer, type Type } from '@nestjs/common'
import { type ApplicationConfig, BaseExceptionFilter, Reflector } from '@nestjs/core'
import type { Reply } from '../../http/exchange.ts'
import { type AnySessionsError, SessionsError } from '../../portable/errors.ts'
import { SessionRefusedException } from './guard.ts'
import { attachedIn, writeAnswer } from './request.ts'

/** The metadata key of `@Catch()`. */
const CATCH_METADATA = '__filterCatchExceptions__'
const reflector = new Reflector()

/** Answers the errors of Pawl, and passes all others to the filter that would handle them without this one. */
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

  /** Nest has already tried its filters of request or transient scope. */
  #passOn(error: AnySessionsError | SessionRefusedException, host: ArgumentsHost): unknown {
    const filters = this.#config.getGlobalFilters()
    const next = filters.findLast((filter) => filter !== this && isFor(filter, error))
    if (next !== undefined) return next.catch(error, host)
    // For other transports, undefined means "not handled".
    return host.getType() === 'http' ? super.catch(error, host) : undefined
  }
}

Catch(SessionsError, SessionRefusedException)(SessionFilter)

function replyTo(error: AnySessionsError | SessionRefusedException, host: ArgumentsHost): Reply | null {
  if (error instanceof SessionRefusedException) return error.reply
  const found = attachedIn(host)
  return found?.http.answer(found.session, error) ?? null
}

function isFor(filter: ExceptionFilter, error: unknown): boolean {
  const types = reflector.get<Type[] | undefined>(CATCH_METADATA, filter.constructor) ?? []
  return types.length === 0 || types.some((type) => error instanceof type)
}
