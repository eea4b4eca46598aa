import type { ProcessFacts } from '../core/doctor/diagnose.ts'
import type { View } from './view.ts'

/** What the process knows for the doctor. */
export function processFacts({ engine, sessions }: View): ProcessFacts {
  const isGenerated = engine.options.keys.provided === null
  return {
    skew: engine.options.now === null ? engine.clock.now() - Date.now() : null,
    keys: isGenerated ? sessions.keys.list() : null,
    listenProblem: null,
  }
}
