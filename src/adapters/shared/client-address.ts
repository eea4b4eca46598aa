import { catchRejection, reportThrown } from '../../core/observability/events.ts'
import { check } from '../../portable/options/check.ts'

/**
 * The option `ip` of an adapter. The address is only recorded, so a function that fails costs no request: Pawl emits a
 * process warning and uses the default address.
 * @throws InvalidOptionsError
 */
export function addressFunction<From>(
  ip: ((from: From) => string | undefined) | undefined,
): ((from: From) => string | undefined) | undefined {
  check.optionalFunction('ip', ip)
  if (ip === undefined) return undefined
  const report = (error: unknown): void => reportThrown('`ip`', error)
  return (from) => {
    try {
      const address: unknown = ip(from)
      if (typeof address === 'string' || address == null) return address ?? undefined
      catchRejection(address, () => {})
      throw new TypeError('it did not return a string; a promise is not awaited')
    } catch (error) {
      report(error)
      return undefined
    }
  }
}
