import { EventEmitter } from 'node:events'
import { createPublish } from './diagnostics.ts'
import type { EventName, SessionEvents } from './session-events.ts'

export interface Events {
  /** @returns a function that removes the listener */
  on<Name extends EventName>(name: Name, listener: (event: SessionEvents[Name]) => void): () => void
  emit<Name extends EventName>(name: Name, event: SessionEvents[Name]): void
}

export function createEvents(): Events {
  const emitter = new EventEmitter().setMaxListeners(0)
  const publish = createPublish()
  return {
    on(name, listener) {
      const guarded = guard(`a listener of '${name}'`, listener)
      emitter.on(name, guarded)
      return () => emitter.off(name, guarded)
    },
    emit: (name, event) => {
      publish(name, event)
      emitter.emit(name, event)
    },
  }
}

/** The application's function, so that one that throws is reported and never breaks what it was called from. */
export function guard<Args extends unknown[]>(
  what: string,
  listener: (...args: Args) => unknown,
): (...args: Args) => void {
  const report = (error: unknown): void => reportThrown(what, error)
  return (...args) => {
    try {
      // Its type allows an async function, whose rejection would end the process.
      const result = listener(...args)
      if (result instanceof Promise) result.catch(report)
    } catch (error) {
      report(error)
    }
  }
}

/** Says that a function of the application's threw, where nothing can be done about it. */
export function reportThrown(what: string, error: unknown): void {
  process.emitWarning(
    `${what} threw: ${error instanceof Error ? error.message : String(error)}`,
    'PawlWarning',
  )
}
