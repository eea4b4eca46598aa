import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { isPromise } from '../../portable/is-promise.ts'
import { printable } from '../../portable/printable.ts'
import type { EventName, SessionEvents } from './session-events.ts'

export interface Events {
  /** @returns a function that removes the listener */
  on<Name extends EventName>(name: Name, listener: (event: SessionEvents[Name]) => void): () => void
  emit<Name extends EventName>(name: Name, event: SessionEvents[Name]): void
}

export function createEvents(): Events {
  const emitter = new EventEmitter().setMaxListeners(0)
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

/**
 * Publishes an event on the channel named `pawl:` and the event, for subscribers without access to the `Sessions`.
 * If a subscriber throws, Node reports an uncaught exception; the request goes on.
 */
function publish<Name extends EventName>(name: Name, event: SessionEvents[Name]): void {
  const subscribed = channel(`pawl:${name}`)
  if (subscribed.hasSubscribers) subscribed.publish(event)
}

/** Wraps a function of the application: if it throws or rejects, Pawl emits a process warning and goes on. */
export function guard<Args extends unknown[]>(
  name: string,
  listener: (...args: Args) => unknown,
): (...args: Args) => void {
  const report = (error: unknown): void => reportThrown(name, error)
  return (...args) => {
    try {
      // The type allows an async function. Its unhandled rejection would end the process.
      catchRejection(listener(...args), report)
    } catch (error) {
      report(error)
    }
  }
}

/** Handles the rejection of a result that nobody awaits. A promise need not be a native one. */
export function catchRejection(result: unknown, report: (error: unknown) => void): void {
  if (isPromise(result)) Promise.resolve(result).catch(report)
}

/** Emits a process warning that a function of the application took longer than `ms` milliseconds. */
export function reportLate(name: string, ms: number): void {
  process.emitWarning(`${name} did not answer within ${ms / 1000} s`, 'PawlWarning')
}

/** Emits a process warning that a function of the application threw. */
export function reportThrown(name: string, error: unknown): void {
  process.emitWarning(
    printable(`${name} threw: ${error instanceof Error ? error.message : String(error)}`),
    'PawlWarning',
  )
}
