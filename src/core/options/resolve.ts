import { CLOCK_TOLERANCE } from '../../portable/clock-tolerance.ts'
import { resolveTable } from '../../portable/options/table.ts'
import { deriveSecrets, type Secrets } from '../keys/secrets.ts'
import type { RotationSettings } from '../protocol/rotation.ts'
import type { ResolvedSessionsOptions, SessionsOptions } from './sessions-options.ts'
import { ABSOLUTE_TIMEOUT, IDLE_TIMEOUT, SESSIONS_OPTIONS } from './table.ts'

/** The options as the code uses them: checked, complete, in milliseconds. */
export interface ResolvedOptions extends Omit<ResolvedSessionsOptions, 'secret' | 'rotation'> {
  readonly secrets: Secrets
  readonly rotation: RotationSettings
  /** A refresh or confirmation that is undecided after this time stays undecided. */
  readonly decideWithin: number
}

/** @throws InvalidOptionsError naming the option, the value it got and the values it takes */
export function resolveOptions(options: SessionsOptions<never, never>): ResolvedOptions {
  const { secret, ...resolved } = resolveTable<ResolvedSessionsOptions>(SESSIONS_OPTIONS, options)
  const { overlap } = resolved.rotation
  return Object.freeze({
    ...resolved,
    secrets: deriveSecrets(secret, resolved.store.realm),
    rotation: { ...resolved.rotation, tolerance: CLOCK_TOLERANCE },
    decideWithin: overlap > 0 ? overlap / 2 : CLOCK_TOLERANCE,
    privacy: {
      ...resolved.privacy,
      keepEnded: Math.max(resolved.privacy.keepEnded, 2 * resolved.accessToken.lifetime),
    },
  })
}

/** @returns milliseconds */
export function idleTimeout(value: unknown): number {
  return IDLE_TIMEOUT.check('idleTimeout', value) as number
}

/** @returns milliseconds, or null for no limit */
export function absoluteTimeout(value: unknown): number | null {
  return ABSOLUTE_TIMEOUT.check('absoluteTimeout', value) as number | null
}
