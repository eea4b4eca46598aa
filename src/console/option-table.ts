import { check } from '../portable/options/check.ts'
import type { OptionTable } from '../portable/options/option.ts'
import { callback, flag, text } from '../portable/options/values.ts'

/** Segments without dots alone, which browsers would resolve. */
const PATH = /^(?=.{1,255}$)(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+)$/

/** The options of `sessionsConsole`. After a change run `npm run options`. */
export const CONSOLE_OPTIONS: OptionTable = {
  /**
   * A function that decides who may use the console. The console calls it for every request, with the request of your
   * framework and the last argument that you give to the console. It returns the actor for the event `consoleAction`, or
   * `null` to refuse. If it throws, returns anything else or takes longer than 10 seconds, the console refuses the request.
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
   * The path of the console, which answers any other path with 404. If the framework tells the path at which the console is
   * mounted, as Express does, Pawl uses that path instead.
   */
  path: {
    value: text("an absolute path without a trailing slash, like '/admin/sessions', or '/'", PATH),
    default: '/admin/sessions',
  },
  /** Whether `npx pawl console` is the process: its options, figures and events are not those of the application. */
  ofCommand: { value: flag(), default: false, internal: true },
  /**
   * A function that chooses the claims and data of a session that the console shows. If it throws or takes longer than two
   * seconds, the console shows neither.
   * @type {(session: Session<Claims, Data>) => RedactedSession | PromiseLike<RedactedSession>}
   * @defaultValue all of both
   */
  redact: { value: callback() },
}
