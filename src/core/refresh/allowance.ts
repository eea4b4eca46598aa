import { TryAgainError } from '../../portable/errors.ts'
import { within } from '../../portable/within.ts'
import type { Engine } from '../engine.ts'
import { reportLate, reportThrown } from '../observability/events.ts'
import type { NormalContext } from '../request-context.ts'
import type { RefreshToken } from '../tokens/refresh-token.ts'
import type { RefreshAttempt } from './refresh-attempt.ts'

/**
 * Applies the limit of Pawl and the limit of the application.
 * @throws TryAgainError
 */
export async function assertAllowed(engine: Engine, token: RefreshToken, from: NormalContext): Promise<void> {
  const { sessionId } = token
  countRefresh(engine, token)
  const tokenFingerprint = textOf(token)
  if (await isAllowedByApplication(engine, { sessionId, fingerprint: tokenFingerprint, ...from })) return
  engine.events.emit('refreshLimited', { sessionId, reason: 'allowRefresh' })
  throw new TryAgainError()
}

/**
 * Applies the limit of Pawl.
 * @param prefix counts these refreshes of the token apart from the others
 * @throws TryAgainError
 */
export function countRefresh({ refreshLimit, events }: Engine, token: RefreshToken, prefix = ''): void {
  try {
    refreshLimit.count(prefix + textOf(token))
  } catch (error) {
    events.emit('refreshLimited', { sessionId: token.sessionId, reason: 'refreshesPerMinute' })
    throw error
  }
}

const textOf = ({ fingerprint }: RefreshToken): string => Buffer.from(fingerprint).toString('base64url')

/** A callback that fails must not stop refreshes. One that takes too long does: the refresh would be too old. */
async function isAllowedByApplication({ options }: Engine, attempt: RefreshAttempt): Promise<boolean> {
  const { allowRefresh } = options.limits
  if (allowRefresh === null) return true
  const { decideWithin } = options
  try {
    const allowed: unknown = await within(
      decideWithin,
      () => allowRefresh(attempt),
      () => {
        reportLate('`allowRefresh`', decideWithin)
        return false
      },
    )
    if (typeof allowed === 'boolean') return allowed
    throw new TypeError('it returned neither true nor false')
  } catch (error) {
    reportThrown('`allowRefresh`', error)
    return true
  }
}
