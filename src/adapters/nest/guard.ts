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
import type { AnySessionsError } from '../../portable/errors.ts'
import { requestOf } from './request.ts'

/** What handlers and controllers require; null for nothing. */
const REQUIRED = 'pawl.required'
const reflector = new Reflector()
/** A controller's guard and its handler's are the same one, and run for the same context. */
const passed = new WeakSet<ExecutionContext>()

/**
 * An answer of Pawl's on its way to the filter. An HttpException with the fields those have, so that
 * whoever else gets it answers well enough, and no log calls it a crash.
 */
export class SessionRefusedException extends HttpException {
  readonly reply: Reply

  constructor(reply: Reply, cause: AnySessionsError | null) {
    const { status, body } = reply
    const told = typeof body === 'string' ? JSON.parse(body) : {}
    super({ statusCode: status, message: STATUS_CODES[status], ...told }, status, { cause })
    this.reply = reply
  }
}

/**
 * Lets only requests with a session through; the others get 401 with a code, or, as page loads with an
 * expired access token, a trip through the refresh route. {@link RequireSession} puts it on a controller or
 * a handler. As `APP_GUARD` it is on all of them, but for those that {@link Public} exempts.
 */
export class SessionGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const required = reflector.getAllAndOverride<RequireOptions | null | undefined>(REQUIRED, [
      context.getHandler(),
      context.getClass(),
    ])
    if (required === null || passed.has(context)) return true
    const { http, exchange, session } = requestOf(context)
    const reply = await http.refuse(exchange, session, required)
    if (reply !== null) throw new SessionRefusedException(reply, session.error)
    passed.add(context)
    return true
  }
}

/**
 * Makes a controller or a handler need a session. A handler's options take the place of its controller's.
 *
 * @example
 * @RequireSession({ maxAuthAge: 300 })
 * @Post('payments')
 * pay(@Session() session: SessionOf<typeof sessions>) { … }
 *
 * @throws InvalidOptionsError
 */
export function RequireSession(options: RequireOptions = {}): ClassDecorator & MethodDecorator {
  return applyDecorators(SetMetadata(REQUIRED, checkRequire(options)), UseGuards(SessionGuard))
}

/** Exempts a controller or a handler from the {@link SessionGuard} above it: logins, health checks. */
export function Public(): ClassDecorator & MethodDecorator {
  return applyDecorators(SetMetadata(REQUIRED, null))
}
