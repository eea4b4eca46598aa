import { check } from '../portable/options/check.ts'
import type { OptionTable } from '../portable/options/option.ts'
import { callback, text } from '../portable/options/values.ts'

/** Segments without dots alone, which browsers would resolve. */
const PATH = /^(?=.{1,255}$)(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+)$/

/** The options of `sessionsConsole`. After a change run `npm run options`. */
export const CONSOLE_OPTIONS: OptionTable = {
  /**
   * Who may use the console. Called for every request, with the request of your framework, and with the last argument that
   * you give to the console. Return who acts, for the event `consoleAction`, or `null` to refuse. If it throws, returns
   * anything else or takes longer than 10 s, the console refuses the request.
   * @type {(request: Incoming, context: Context) => ConsoleAccess | null | false | undefined | PromiseLike<ConsoleAccess | null | false | undefined>}
   */
  authorize: {
    value: {
      takes: 'a function that says who acts',
      check(option, value) {
        return typeof value === 'function' ? value : check.fail(option, value, this.takes)
      },
    },
    required: true,
  },
  /**
   * The path of the console, which answers all other paths by 404. Where the framework tells the path that a router has
   * removed, as Express does for `app.use`, that path counts.
   */
  path: {
    value: text("an absolute path without a trailing slash, like '/admin/sessions', or '/'", PATH),
    default: '/admin/sessions',
  },
  /**
   * What the console shows of a session's claims and data. If it throws or takes longer than two seconds, the console shows
   * neither.
   * @type {(session: Session<Claims, Data>) => RedactedSession | PromiseLike<RedactedSession>}
   * @defaultValue all of both
   */
  redact: { value: callback() },
}
