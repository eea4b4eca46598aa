import type { Engine } from '../core/engine.ts'

/** Makes one object for each engine, which all consoles of the same sessions share. */
export function perEngine<T extends object>(make: (engine: Engine) => T): (engine: Engine) => T {
  const made = new WeakMap<Engine, T>()
  return (engine) => {
    const one = made.get(engine) ?? make(engine)
    made.set(engine, one)
    return one
  }
}
