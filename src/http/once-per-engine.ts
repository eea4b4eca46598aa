import type { Engine } from '../core/engine.ts'

/** Creates a function that returns true at its first call for each engine: for warnings that need no repetition. */
export function oncePerEngine(): (engine: Engine) => boolean {
  const seen = new WeakSet<Engine>()
  return (engine) => {
    const isFirst = !seen.has(engine)
    seen.add(engine)
    return isFirst
  }
}
