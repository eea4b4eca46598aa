import type { EndReason, Verdict } from '../../src/index.ts'
import type { Lifetimes } from './settings.ts'

/** Configuration of a server process, as JSON in its environment. */
export interface ServerConfig {
  readonly databaseUrl: string
  readonly lifetimes: Lifetimes
  /** Probability with which the store returns no row for an existing row. */
  readonly zeroRows: number
}

export type ServerEvent =
  | { readonly name: 'created'; readonly sessionId: string }
  | { readonly name: 'refreshed'; readonly sessionId: string; readonly verdict: Verdict }
  | {
      readonly name: 'rotated'
      readonly sessionId: string
      readonly generation: number
      readonly reason: 'refresh' | 'use'
    }
  | { readonly name: 'reused' | 'deviceBound' | 'deviceProofMissing'; readonly sessionId: string }
  | { readonly name: 'ended'; readonly sessionId: string; readonly reason: EndReason }
  | {
      readonly name: 'rolledBack'
      readonly sessionId: string
      readonly from: number
      readonly to: number
    }

/** From a server process to the storm. */
export type FromServer =
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'events'; readonly events: readonly ServerEvent[] }
  | { readonly type: 'zeroRows'; readonly count: number }
  | { readonly type: 'trouble'; readonly kind: 'unhandled' | 'failed'; readonly text: string }
  | { readonly type: 'heap'; readonly bytes: number }

/** From the storm to a server process. */
export type ToServer = 'heap'
