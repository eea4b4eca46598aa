import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import { assertCalled } from '../../http/uncalled.ts'
import { sessionForHandler } from './request.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options/resolve.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'
export { Public, RequireSession, SessionGuard } from './guard.ts'
export { SESSIONS, SessionsModule, type SessionsModuleAsyncOptions } from './module.ts'
export { sessionOf } from './request.ts'

/**
 * The session of the request, as a parameter of a handler: `@Session() session: SessionOf<typeof sessions>`. Nest
 * exports a decorator of this name too; import Pawl's.
 */
export function Session(...uncalled: undefined[]): ParameterDecorator {
  assertCalled('@Session()', uncalled)
  return sessionParameter()
}

const sessionParameter = createParamDecorator(
  (_data: undefined, context: ExecutionContext) => sessionForHandler(context).session,
)
