// `npm run options` writes this file from ./option-table.ts. Change that file instead.

import type { IncomingMessage } from 'node:http'
import type { Session } from '../core/session/session.ts'
import type { ClaimsObject } from '../portable/claims.ts'
import type { ConsoleAccess } from './access.ts'
import type { RedactedSession } from './view.ts'

/** The options of {@link sessionsConsole}. */
export interface ConsoleOptions<
  Incoming = IncomingMessage,
  Claims extends object = ClaimsObject,
  Data = unknown,
  Context = undefined,
> {
  /**
   * A function that decides who may use the console. The console calls it for every request, with the request of
   * your framework and the last argument that you give to the console. It returns the actor for the event
   * `consoleAction`, or `null` to refuse. If it throws, returns anything else or takes longer than 10 seconds, the
   * console refuses the request.
   */
  readonly authorize: (
    request: Incoming,
    context: Context,
  ) => ConsoleAccess | null | false | undefined | PromiseLike<ConsoleAccess | null | false | undefined>
  /**
   * The path of the console, which answers any other path with 404. If the framework tells the path at which the
   * console is mounted, as Express does, Pawl uses that path instead.
   * Takes an absolute path without a trailing slash, like '/admin/sessions', or '/'.
   * @defaultValue '/admin/sessions'
   */
  readonly path?: string
  /**
   * Whether `npx pawl console` is the process: its options, figures and events are not those of the application.
   * @internal
   */
  readonly ofCommand?: boolean
  /**
   * A function that chooses the claims and data of a session that the console shows. If it throws or takes longer
   * than two seconds, the console shows neither.
   * @defaultValue all of both
   */
  readonly redact?: (session: Session<Claims, Data>) => RedactedSession | PromiseLike<RedactedSession>
}

/** {@link ConsoleOptions}, checked and complete. Durations are in milliseconds. */
export interface ResolvedConsoleOptions {
  readonly authorize: (request: never, context: never) => unknown
  readonly path: string
  readonly ofCommand: boolean
  readonly redact: ((session: Session) => RedactedSession | PromiseLike<RedactedSession>) | null
}
