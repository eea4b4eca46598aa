import { TryAgainError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import type { RefreshContext } from '../request-context.ts'

/** @throws TryAgainError when the request has taken too long or its client has disconnected */
export function assertInTime(engine: Engine, arrivedAt: number, signal: RefreshContext['signal']): void {
  if (signal?.aborted === true || engine.clock.now() - arrivedAt > engine.options.decideWithin)
    throw new TryAgainError()
}
