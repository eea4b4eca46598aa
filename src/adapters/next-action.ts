import { headers } from 'next/headers.js'
import { CsrfRejectedError } from '../core/errors.ts'
import { assertSameSite } from '../http/csrf.ts'
import type { RequireOptions } from '../http/http.ts'
import type { RequestSession } from '../http/request-session.ts'
import { replaceCookies, setCookies } from './next-cookies.ts'
import { actionExchange } from './next-exchange.ts'
import type { Parts } from './next-parts.ts'
import { startOrThrow } from './next-shared.ts'

/** Runs a Server Action, and sets the cookies of its session however it ends. */
export async function runAction<Claims extends object, Data, Result>(
  { options, ip, start }: Parts<Claims, Data>,
  require: RequireOptions | undefined,
  act: (session: RequestSession<Claims, Data>) => Result,
): Promise<Awaited<Result>> {
  const sent = await headers()
  const { http, actedOn } = await startOrThrow(start)
  let hidesRefresh = options.inline
  // To renew is for the proxy: Next would render the page after the action with the client's new access
  // token, whose use proves that the client has it, before it has been sent.
  const refreshCookies = [options.cookies, options.localCookies].flatMap((cookies) => cookies?.refresh ?? [])
  const exchange = actionExchange(sent, ip, (cookie) =>
    hidesRefresh ? replaceCookies(cookie, refreshCookies) : cookie,
  )
  const { reply, session } = await http.open(exchange)
  if (reply !== undefined) {
    assertSameSite(exchange, options.trustedOrigins)
    throw new CsrfRejectedError('token')
  }
  actedOn.set(sent, session)
  if (require !== undefined && (await http.refuse(exchange, session, require)) !== null)
    session.requireRecentAuth(require.maxAuthAge ?? Number.POSITIVE_INFINITY)
  hidesRefresh = false
  try {
    return await act(session)
  } finally {
    await setCookies(exchange.finish())
  }
}
