// `npm run options` writes this file from ./option-table.ts. Change that file instead.

import type { IncomingMessage } from 'node:http'
import type { Session } from '../core/session/session.ts'
import type { ClaimsObject } from '../portable/claims.ts'
import type { ConsoleAccess } from './access.ts'
import type { RedactedSession } from './view.ts'

/** What {@link sessionsConsole} takes. */
export interface ConsoleOptions<
  Incoming = IncomingMessage,
  Claims extends object = ClaimsObject,
  Data = unknown,
  Context = undefined,
> {
  /**
   * Who may use the console. Called for every request, with the request of your framework, and with the last
   * argument that you give to the console. Return who acts, for the event `consoleAction`, or `null` to refuse. If
   * it throws, returns anything else or takes longer than 10 s, the console refuses the request.
   */
  readonly authorize: (
    request: Incoming,
    context: Context,
  ) => ConsoleAccess | null | false | undefined | PromiseLike<ConsoleAccess | null | false | undefined>
  /**
   * The path of the console, which answers all other paths by 404. Where the framework tells the path that a
   * router has removed, as Express does for `app.use`, that path counts.
   * Takes an absolute path without a trailing slash, like '/admin/sessions', or '/'.
   * @defaultValue '/admin/sessions'
   */
  readonly path?: string
  /**
   * What the console shows of a session's claims and data. If it throws or takes longer than two seconds, the
   * console shows neither.
   * @defaultValue all of both
   */
  readonly redact?: (session: Session<Claims, Data>) => RedactedSession | PromiseLike<RedactedSession>
}

/** {@link ConsoleOptions}, checked and complete. Durations are in milliseconds. */
export interface ResolvedConsoleOptions {
  readonly authorize: (request: never, context: never) => unknown
  readonly path: string
  readonly redact: ((session: Session) => RedactedSession | PromiseLike<RedactedSession>) | null
}
