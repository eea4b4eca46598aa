import { TryAgainError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import type { RefreshContext } from '../request-context.ts'

/** @throws TryAgainError when the request has been under way too long, or its client is gone, to decide anything */
export function assertInTime(engine: Engine, arrivedAt: number, signal: RefreshContext['signal']): void {
  if (signal?.aborted === true || engine.clock.now() - arrivedAt > engine.options.decideWithin)
    throw new TryAgainError()
}
