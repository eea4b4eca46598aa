import { reportThrown } from '../core/observability/events.ts'
import { delay } from '../core/time/delay.ts'
import type { Exchange } from './exchange.ts'
import type { ResolvedHttpOptions, TrustOrigin } from './options/resolve.ts'
import { isFromOtherOrigin, isOrigin } from './origin.ts'

/** How long a request waits for the function `trustedOrigins`. Milliseconds. */
const WITHIN = 10_000
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
    const done = new AbortController()
    try {
      const late = delay(WITHIN, done.signal).then(() => {
        throw new Error(`it did not answer within ${WITHIN / 1000} s`)
      })
      return decided(await Promise.race([pending, late]))
    } catch (error) {
      return refuse(error)
    } finally {
      done.abort()
    }
  }

  return (origin) => {
    try {
      const answer: unknown = trust(origin)
      return isThenable(answer) ? awaited(answer) : decided(answer)
    } catch (error) {
      return refuse(error)
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
