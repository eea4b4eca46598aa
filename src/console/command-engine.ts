import type { Engine } from '../core/engine.ts'

const marked = new WeakSet<Engine>()

/** Marks the engine of `npx pawl console`: its options and figures are not those of the application. */
export function markCommandEngine(engine: Engine): void {
  marked.add(engine)
}

export function isCommandEngine(engine: Engine): boolean {
  return marked.has(engine)
}
