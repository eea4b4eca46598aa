import { resolveTable } from '../portable/options/resolve-table.ts'
import type { AccessTokenProfile } from '../portable/token-payload.ts'
import type { Fetch } from './get.ts'
import { VERIFIER_OPTIONS } from './option-table.ts'
import type { ResolvedVerifierOptions, VerifierOptions } from './verifier-options.ts'

export type { VerifierOptions } from './verifier-options.ts'

/** The options, checked and complete. Durations in milliseconds. */
export interface ResolvedOptions
  extends Omit<ResolvedVerifierOptions, 'issuer' | 'audience' | 'clientId' | 'onStale'> {
  readonly profile: AccessTokenProfile
  readonly refusesStale: boolean
  readonly fetch: Fetch
  readonly now: () => number
}

/** @throws InvalidOptionsError */
export function resolveOptions(options: VerifierOptions): ResolvedOptions {
  const given = resolveTable<ResolvedVerifierOptions>(VERIFIER_OPTIONS, options)
  const { issuer, audience, clientId, onStale, ...resolved } = given
  return Object.freeze({
    ...resolved,
    profile: { issuer, audience, clientId },
    refusesStale: onStale === 'refuse',
    // Looks `fetch` up at each call, because a tracing library may replace the global function later.
    fetch: given.fetch ?? ((url, init) => fetch(url, init)),
    now: given.now ?? Date.now,
  })
}
