import { STATUS_CODES } from 'node:http'
import {
  applyDecorators,
  type CanActivate,
  type ExecutionContext,
  HttpException,
  SetMetadata,
  UseGuards,
} from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import type { Reply } from '../../http/exchange.ts'
import { checkRequire, type RequireOptions } from '../../http/http.ts'
import { assertCalled } from '../../http/uncalled.ts'
import type { AnySessionsError } from '../../portable/errors.ts'
import { sessionForHandler } from './request.ts'

/** The metadata key of a requirement; null for none. */
const REQUIREMENT = 'pawl.required'
const reflector = new Reflector()
/** The guards of a controller and of its handler run for the same context; the second has nothing to do. */
const authorized = new WeakSet<ExecutionContext>()

/**
 * Carries an answer of Pawl to the filter. It is an HttpException with the usual fields, so that another filter
 * answers well too, and no log reports a crash.
 */
export class SessionRefusedException extends HttpException {
  readonly reply: Reply

  constructor(reply: Reply, cause: AnySessionsError | null) {
    const { status, headers, body } = reply
    const isJson = headers.some(([name, value]) => name === 'content-type' && value === 'application/json')
    const problem = isJson && typeof body === 'string' ? JSON.parse(body) : {}
    super({ statusCode: status, message: STATUS_CODES[status], ...problem }, status, { cause })
    this.reply = reply
  }
}

/**
 * A guard that lets only requests with a session through. It answers any other request with 401 and a code. A page load with
 * an expired access token is redirected through the refresh route. {@link RequireSession} applies the guard to a controller
 * or a handler. As `APP_GUARD` it applies to all of them, except those that {@link Public} exempts.
 */
export class SessionGuard implements CanActivate {
  /** Decides about a request. Nest calls it. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const required = reflector.getAllAndOverride<RequireOptions | null | undefined>(REQUIREMENT, [
      context.getHandler(),
      context.getClass(),
    ])
    if (required === null || authorized.has(context)) return true
    const { http, session } = sessionForHandler(context)
    const reply = await http.authorize(session, required)
    if (reply !== null) throw new SessionRefusedException(reply, session.error)
    authorized.add(context)
    return true
  }
}

/**
 * Decorates a controller or a handler whose requests need a session. The options of a handler replace those of its
 * controller.
 *
 * @example
 * @RequireSession({ maxAuthAge: 300 })
 * @Post('payments')
 * pay(@Session() session: SessionOf<typeof sessions>) {
 *   return charge(session.userId)
 * }
 *
 * @param uncalled nothing: the compiler refuses `@RequireSession` without its call
 * @throws InvalidOptionsError for an unknown or wrong requirement
 * @throws TypeError without its call
 */
export function RequireSession(
  options: RequireOptions = {},
  ...uncalled: undefined[]
): ClassDecorator & MethodDecorator {
  // A decorator without its call would protect nothing, silently. A class is its only argument.
  assertCalled('@RequireSession()', typeof options === 'function' ? [options] : uncalled)
  return applyDecorators(SetMetadata(REQUIREMENT, checkRequire(options)), UseGuards(SessionGuard))
}

/**
 * Decorates a controller or a handler that the {@link SessionGuard} above it lets through, such as a login or a health check.
 * @param uncalled nothing: the compiler refuses `@Public` without its call
 * @throws TypeError without its call
 */
export function Public(...uncalled: undefined[]): ClassDecorator & MethodDecorator {
  assertCalled('@Public()', uncalled)
  return applyDecorators(SetMetadata(REQUIREMENT, null))
}
