import { cookies } from 'next/headers.js'
import { assertMeets } from '../../http/authorization.ts'
import type { RequireOptions } from '../../http/http.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { CsrfRejectedError } from '../../portable/errors.ts'
import { readOnlyError, replaceCookies, setCookies } from './cookies.ts'
import { actionExchange, type ReadHeaders } from './exchange.ts'
import { HANDOVER_HEADER } from './handover.ts'
import { sentHeaders } from './sent-headers.ts'
import type { Setup } from './setup.ts'
import { type Action, type Started, startOrThrow } from './start.ts'

/** Runs a Server Action, and sets the cookies of its session however it ends. */
export async function runAction<Claims extends object, Data, Result>(
  setup: Setup<Claims, Data>,
  require: RequireOptions | undefined,
  act: (session: RequestSession<Claims, Data>) => Result,
): Promise<Awaited<Result>> {
  const sent = await sentHeaders()
  const started = await startOrThrow(setup.start)
  const outer = started.actions.get(sent)
  if (outer !== undefined && !outer.exchange.isFinished) {
    await assertAuthorized(started, outer, require)
    return await act(outer.session)
  }
  const action = await openAction(setup, started, sent)
  started.actions.set(sent, action)
  try {
    await assertAuthorized(started, action, require)
    return await act(action.session)
  } finally {
    const settled = started.http.settle()
    if (settled !== null) await settled
    await setCookies(action.exchange.finish())
  }
}

/** @throws CsrfRejectedError */
async function openAction<Claims extends object, Data>(
  { options, ip }: Setup<Claims, Data>,
  { http, handover }: Started<Claims, Data>,
  sent: ReadHeaders,
): Promise<Action<Claims, Data>> {
  const jar = await cookies()
  // Only the proxy renews. Next renders the page after the action with the cookies that the action has set. The use
  // of a new access token there would prove that the client has it, before it has been sent.
  const refreshCookies = [options.cookies, options.localCookies].flatMap((set) => set?.refresh ?? [])
  const exchange = actionExchange(sent, {
    ip,
    hideRefresh: (header) => replaceCookies(header, refreshCookies),
    assertWritable() {
      const error = readOnlyError(jar)
      if (error !== null) throw error
    },
  })
  const handled = await exchange.withoutRefreshToken(() => http.handle(exchange))
  if (handled.reply !== undefined) throw handled.rejection ?? new CsrfRejectedError('token')
  const { session } = handled
  // The response to a form without scripts begins after the page is rendered, which may be too late for renewed
  // cookies. The response to Next's own client begins right after the action.
  if (sent.get('next-action') !== null && readOnlyError(jar) === null) {
    const renewed = handover.take(sent.get(HANDOVER_HEADER))
    if (renewed !== null) session.responseCookies.set(renewed.cookies, renewed.until)
  }
  return { exchange, session }
}

/** @throws SessionsError if the request lacks something that `require` asks for */
async function assertAuthorized<Claims extends object, Data>(
  { http }: Started<Claims, Data>,
  { exchange, session }: Action<Claims, Data>,
  require: RequireOptions | undefined,
): Promise<void> {
  if (require === undefined) return
  const refused = await exchange.withoutRefreshToken(() => http.authorize(session, require))
  if (refused === null) return
  session.require()
  assertMeets(session, require)
}
