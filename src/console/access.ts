import { reportLate, reportThrown } from '../core/observability/events.ts'
import { problemOf } from '../http/problem.ts'
import { isSessionsError } from '../portable/errors.ts'
import { describe } from '../portable/options/check.ts'
import { CALLBACK_WITHIN, within } from '../portable/within.ts'

/** The access that the option `authorize` grants. */
export interface ConsoleAccess {
  /**
   * The name of the administrator, 1 to 255 characters on one line. Use the user id, or another unique name that users cannot
   * change. It must be the same in every request of the administrator. The event `consoleAction` carries it.
   */
  readonly actor: string
  /** Whether the console offers no actions and refuses them. @defaultValue false */
  readonly readOnly?: boolean
}

/** A request that `authorize` has refused, or could not decide. */
export interface Refusal {
  readonly refused: 403 | 500 | 503
}

const MAX_ACTOR = 255
const NAME = '`authorize` of the console'

/** Asks `authorize`. Refuses on any other result. */
export async function askAccess(
  authorize: (request: never, context: never) => unknown,
  incoming: unknown,
  context: unknown,
): Promise<Required<ConsoleAccess> | Refusal> {
  try {
    const answer = await within(CALLBACK_WITHIN, () => authorize(incoming as never, context as never), late)
    if (answer === LATE) return { refused: 503 }
    if (answer === null || answer === undefined || answer === false) return { refused: 403 }
    return read(answer)
  } catch (error) {
    const status = isSessionsError(error) ? (problemOf(error)?.status ?? 500) : 500
    if (status === 500) reportThrown(NAME, error)
    return { refused: status === 503 ? 503 : status === 500 ? 500 : 403 }
  }
}

const LATE: unique symbol = Symbol('late')

function late(): typeof LATE {
  reportLate(NAME, CALLBACK_WITHIN)
  return LATE
}

/**
 * Reads own properties alone, so that a polluted prototype lets nobody in.
 * @throws TypeError
 */
function read(answer: unknown): Required<ConsoleAccess> {
  const own = (name: keyof ConsoleAccess): unknown =>
    Object.hasOwn(Object(answer), name) ? (answer as Record<string, unknown>)[name] : undefined
  const [actor, readOnly = false] = [own('actor'), own('readOnly')]
  if (typeof answer !== 'object' || !isActor(actor))
    throw new TypeError(
      `it must return { actor: string }, or null to refuse; it returned ${typeof answer === 'object' ? `an actor that is ${describe(actor)}` : describe(answer)}`,
    )
  if (typeof readOnly !== 'boolean') throw new TypeError('`readOnly` takes true or false')
  return { actor, readOnly }
}

/** A name that no log and no list of events can take for several lines, or for none. */
function isActor(actor: unknown): actor is string {
  return (
    typeof actor === 'string' &&
    actor.trim() !== '' &&
    actor.length <= MAX_ACTOR &&
    actor.isWellFormed() &&
    !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(actor)
  )
}
