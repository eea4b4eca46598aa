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
 * Lets only requests with a session through. All others get 401 with a code, or, as page loads with an
 * expired access token, a redirect through the refresh route. {@link RequireSession} applies it to a controller
 * or a handler. As `APP_GUARD` it applies to all of them, except those that {@link Public} exempts.
 */
export class SessionGuard implements CanActivate {
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
 * Requires a session for a controller or a handler. The options of a handler replace those of its controller.
 *
 * @example
 * @RequireSession({ maxAuthAge: 300 })
 * @Post('payments')
 * pay(@Session() session: SessionOf<typeof sessions>) {
 *   return charge(session.userId)
 * }
 *
 * @param uncalled nothing: the compiler refuses `@RequireSession` without its call
 * @throws InvalidOptionsError
 */
export function RequireSession(
  options: RequireOptions = {},
  ...uncalled: undefined[]
): ClassDecorator & MethodDecorator {
  // A decorator without its call would protect nothing, silently. A class is its only argument.
  assertCalled('@RequireSession()', typeof options === 'function' ? [options] : uncalled)
  return applyDecorators(SetMetadata(REQUIREMENT, checkRequire(options)), UseGuards(SessionGuard))
}

/** Exempts a controller or a handler from the {@link SessionGuard} above it: logins, health checks. */
export function Public(...uncalled: undefined[]): ClassDecorator & MethodDecorator {
  assertCalled('@Public()', uncalled)
  return applyDecorators(SetMetadata(REQUIREMENT, null))
}
