import { EventEmitter } from 'node:events'
import type { Verdict } from './rotation.ts'
import type { EndReason } from './store.ts'

/** Everything {@link Sessions.on} can tell about. No event carries a token. */
export interface SessionEvents {
  created: { sessionId: string; userId: string }
  /** A refresh was answered. */
  refreshed: { sessionId: string; userId: string; verdict: Verdict }
  /** The row moved to a new generation. `by`: the refresh token itself, or the use of its access token. */
  turned: { sessionId: string; generation: number; by: 'refresh' | 'use' }
  /** The row had gone back (a crash, a failover, a restored backup) and was caught up by a genuine token. */
  rolledBack: { sessionId: string; from: number; to: number }
  /** Reuse was detected; `ended` follows. */
  reused: { sessionId: string; userId: string; ip: string | null; userAgent: string | null }
  ended: { sessionId: string; reason: EndReason }
  /** Confirmations were dropped. Harmless: the next refresh makes up for it. */
  confirmationsDropped: { count: number; because: 'full' | 'late' | 'store' }
  /** A token made with a secret this process does not have. */
  secretUnknown: Record<string, never>
  /** A new signing key was published, or another one began to sign. */
  keysRotated: { epoch: number; kid: string; signsFrom: Date }
  /** A signing key in the database could not be used, or rotation failed; the old key keeps signing. */
  keyTrouble: { epoch: number | null; error: unknown }
  /** This process's clock is off; Pawl follows the database's. */
  clockSkew: { milliseconds: number }
  /** Background work could not reach the store. */
  storeUnavailable: { during: 'poll' | 'confirm'; error: unknown }
}

export type EventName = keyof SessionEvents

export interface Events {
  /** @returns a function that removes the listener */
  on<Name extends EventName>(name: Name, listener: (event: SessionEvents[Name]) => void): () => void
  emit<Name extends EventName>(name: Name, event: SessionEvents[Name]): void
}

export function createEvents(): Events {
  const emitter = new EventEmitter().setMaxListeners(0)
  return {
    on(name, listener) {
      // A listener that throws is reported and never breaks the request that raised the event.
      const report = (error: unknown): void =>
        process.emitWarning(
          `a listener of '${name}' threw: ${error instanceof Error ? error.message : String(error)}`,
          'PawlWarning',
        )
      const guarded = (event: SessionEvents[typeof name]): void => {
        try {
          // Its type allows an async function, whose rejection would end the process.
          const result: unknown = listener(event)
          if (result instanceof Promise) result.catch(report)
        } catch (error) {
          report(error)
        }
      }
      emitter.on(name, guarded)
      return () => emitter.off(name, guarded)
    },
    emit: (name, event) => {
      emitter.emit(name, event)
    },
  }
}
