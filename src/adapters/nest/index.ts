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
 * Decorates a parameter of a handler, which gets the session of the request. Its type is `SessionOf<typeof sessions>`. Nest
 * exports a decorator of this name too; import Pawl's.
 * @param uncalled nothing: the compiler refuses `@Session` without its call
 * @throws TypeError without its call
 */
export function Session(...uncalled: undefined[]): ParameterDecorator {
  assertCalled('@Session()', uncalled)
  return sessionParameter()
}

const sessionParameter = createParamDecorator(
  (_data: undefined, context: ExecutionContext) => sessionForHandler(context).session,
)
