import { reportThrown } from '../core/observability/events.ts'
import { isPromise } from '../portable/is-promise.ts'
import { CALLBACK_WITHIN, within } from '../portable/within.ts'
import type { Exchange } from './exchange.ts'
import type { ResolvedHttpOptions, TrustOrigin } from './options/resolve.ts'
import { isFromOtherOrigin, isOrigin } from './origin.ts'

/** Strangers choose origins, so they could fill the log with the failures of a function. Milliseconds. */
const REPORT_INTERVAL = 10_000

/** Whether a request comes from a trusted origin. A promise only if a function of the application decides. */
export type IsTrusted = (exchange: Exchange) => boolean | Promise<boolean>

export function createIsTrusted({ trustedOrigins }: ResolvedHttpOptions): IsTrusted {
  const trusts =
    typeof trustedOrigins === 'function'
      ? boundedTrust(trustedOrigins)
      : (origin: string) => trustedOrigins.has(origin)
  const asksApplication = typeof trustedOrigins === 'function'
  return (exchange) => {
    const origin = exchange.header('origin')
    if (origin === undefined || origin === '') return false
    // The application is not asked about garbage, nor about its own pages.
    if (asksApplication && !(isOrigin(origin) && isFromOtherOrigin(exchange, origin))) return false
    return trusts(origin)
  }
}

/** A function that fails, answers too late or returns no boolean trusts nobody. Pawl reports it. */
function boundedTrust(trust: TrustOrigin): TrustOrigin {
  let quietUntil = Number.NEGATIVE_INFINITY

  function refuse(error: unknown): false {
    const now = performance.now()
    if (now >= quietUntil) {
      quietUntil = now + REPORT_INTERVAL
      reportThrown('`trustedOrigins`', error)
    }
    return false
  }

  function decided(answer: unknown): boolean {
    return typeof answer === 'boolean' ? answer : refuse(new TypeError('it returned neither true nor false'))
  }

  async function awaited(pending: PromiseLike<unknown>): Promise<boolean> {
    try {
      return decided(await within<unknown>(CALLBACK_WITHIN, () => pending, tooLate))
    } catch (error) {
      return refuse(error)
    }
  }

  return (origin) => {
    try {
      const answer: unknown = trust(origin)
      return isPromise(answer) ? awaited(answer) : decided(answer)
    } catch (error) {
      return refuse(error)
    }
  }
}

function tooLate(): never {
  throw new Error(`it did not answer within ${CALLBACK_WITHIN / 1000} s`)
}
