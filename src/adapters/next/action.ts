import { cookies, headers } from 'next/headers.js'
import { assertSameSite } from '../../http/csrf.ts'
import type { RequireOptions } from '../../http/http.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { CsrfRejectedError } from '../../portable/errors.ts'
import { readOnlyError, replaceCookies, setCookies } from './cookies.ts'
import { actionExchange, type ReadHeaders } from './exchange.ts'
import { HANDOVER_HEADER } from './handover.ts'
import type { Parts } from './parts.ts'
import { type Action, type Started, startOrThrow } from './start.ts'

/** Runs a Server Action, and sets the cookies of its session however it ends. */
export async function runAction<Claims extends object, Data, Result>(
  parts: Parts<Claims, Data>,
  require: RequireOptions | undefined,
  act: (session: RequestSession<Claims, Data>) => Result,
): Promise<Awaited<Result>> {
  const sent = await headers()
  const started = await startOrThrow(parts.start)
  const outer = started.actions.get(sent)
  if (outer !== undefined && !outer.exchange.isOver) {
    await assertMet(started, outer, require)
    return await act(outer.session)
  }
  const action = await openAction(parts, started, sent)
  started.actions.set(sent, action)
  try {
    await assertMet(started, action, require)
    return await act(action.session)
  } finally {
    await setCookies(action.exchange.finish())
  }
}

/** @throws CsrfRejectedError */
async function openAction<Claims extends object, Data>(
  { options, ip }: Parts<Claims, Data>,
  { http, handover }: Started<Claims, Data>,
  sent: ReadHeaders,
): Promise<Action<Claims, Data>> {
  const jar = await cookies()
  // To renew is for the proxy: Next would render the page after the action with the client's new access
  // token, whose use proves that the client has it, before it has been sent.
  const refreshCookies = [options.cookies, options.localCookies].flatMap((set) => set?.refresh ?? [])
  const exchange = actionExchange(sent, {
    ip,
    hideRefresh: (header) => replaceCookies(header, refreshCookies),
    assertWritable() {
      const error = readOnlyError(jar)
      if (error !== null) throw error
    },
  })
  const { reply, session } = await exchange.admit(() => http.open(exchange))
  if (reply !== undefined) {
    assertSameSite(exchange, options.trustedOrigins)
    throw new CsrfRejectedError('token')
  }
  // The answer to a form without scripts begins only when the page below the action has been rendered, and
  // that may be too late for what was renewed. Next's own client gets the head right after the action.
  if (sent.get('next-action') !== null && readOnlyError(jar) === null) {
    const renewed = handover.take(sent.get(HANDOVER_HEADER))
    if (renewed !== null) session.takeCookies(renewed)
  }
  return { exchange, session }
}

/** @throws what is missing */
async function assertMet<Claims extends object, Data>(
  { http }: Started<Claims, Data>,
  { exchange, session }: Action<Claims, Data>,
  require: RequireOptions | undefined,
): Promise<void> {
  if (require === undefined) return
  const refused = await exchange.admit(() => http.refuse(exchange, session, require))
  if (refused !== null) session.requireRecentAuth(require.maxAuthAge ?? Number.POSITIVE_INFINITY)
}
