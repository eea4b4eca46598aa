import { EventEmitter } from 'node:events'
import type { Verdict } from '../protocol/rotation.ts'
import type { NormalContext } from '../request-context.ts'
import type { EndReason } from '../store.ts'
import { createPublish } from './diagnostics.ts'

/** Everything {@link Sessions.on} can tell about. No event carries a token. */
export interface SessionEvents {
  /** `createSessions` is done. What it works with, in seconds; `null`: without end. */
  started: {
    revocation: 'feed' | 'expiry' | 'lookup'
    accessTokenLifetime: number
    idleTimeout: number
    absoluteTimeout: number | null
  }
  created: { sessionId: string; userId: string; ip: string | null; userAgent: string | null }
  /** A refresh was answered. */
  refreshed: { sessionId: string; userId: string; verdict: Verdict }
  /** The row moved to a new generation. `by`: the refresh token itself, or the use of its access token. */
  turned: { sessionId: string; userId: string; generation: number; by: 'refresh' | 'use' }
  /** The row had gone back (a crash, a failover, a restored backup) and was caught up by a genuine token. */
  rolledBack: { sessionId: string; userId: string; from: number; to: number }
  /** Reuse was detected; `ended` follows. */
  reused: { sessionId: string; userId: string; ip: string | null; userAgent: string | null }
  /** This process ended a session. For those ended elsewhere see {@link Sessions.onEnded}. */
  ended: { sessionId: string; userId: string; reason: EndReason }
  /** A session came from another address or user agent than before. Never a reason to end it. */
  contextChanged: {
    sessionId: string
    userId: string
    from: NormalContext
    to: NormalContext
  }
  /** A refresh was put off: by `refreshLimit`, or by `allowRefresh`. */
  refreshLimited: { sessionId: string; by: 'refreshLimit' | 'allowRefresh' }
  /** A login was refused because the user has too many sessions. */
  sessionLimited: { userId: string }
  /** Confirmations were dropped. Harmless: the next refresh makes up for it. */
  confirmationsDropped: { count: number; because: 'full' | 'late' | 'store' }
  /** A token made with a secret this process does not have. */
  secretUnknown: Record<string, never>
  /** A new signing key was published. */
  keysRotated: { epoch: number; kid: string; signsFrom: Date }
  /** A signing key in the database could not be used, or rotation failed; the old key keeps signing. */
  keyTrouble: { epoch: number | null; error: unknown }
  /** This process's clock is off; Pawl follows the database's. */
  clockSkew: { milliseconds: number }
  /** Background work could not reach the store. */
  storeUnavailable: { during: 'poll' | 'confirm' | 'notify' | 'keys' | 'prune'; error: unknown }
  /** Revocations now arrive within milliseconds, by LISTEN. */
  feedListening: Record<string, never>
  /** LISTEN does not deliver any more; revocations arrive by polling until it does. */
  feedPolling: Record<string, never>
  /** Nothing was heard of revocations for longer than `maxStaleness`; `onStale` applies. */
  feedStale: { seconds: number }
  /** The feed has caught up after having been stale. */
  feedCaughtUp: { seconds: number }
  /** More revocations than fit into `feedBytes`: older access tokens must be refreshed. Logs nobody out. */
  feedOverflowed: { dropped: number; refreshBefore: Date }
  /** Something that is not Pawl's speaks on its NOTIFY channel. */
  feedForeign: { total: number }
  /** Rows that were kept for nothing any more have been deleted. */
  pruned: { sessions: number; keys: number }
}

export type EventName = keyof SessionEvents

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
