import { CLOCK_TOLERANCE } from '../../portable/clock-tolerance.ts'
import { InvalidOptionsError } from '../../portable/errors.ts'
import { check } from '../../portable/options/check.ts'
import { resolveTable } from '../../portable/options/resolve-table.ts'
import { deriveSecrets, type Secrets } from '../keys/secrets.ts'
import { guardLogger } from '../observability/logger.ts'
import { guardTelemetry } from '../observability/telemetry.ts'
import { type RotationSettings, settleTime } from '../rotation/decision.ts'
import { HANDOFF_LIFETIME } from '../tokens/handoff-code.ts'
import { ABSOLUTE_TIMEOUT, IDLE_TIMEOUT, SESSIONS_OPTIONS } from './option-table.ts'
import type { ResolvedSessionsOptions, SessionsOptions } from './sessions-options.ts'

/** The options as the code uses them: checked, complete, in milliseconds. */
export interface ResolvedOptions extends Omit<ResolvedSessionsOptions, 'secret' | 'rotation' | 'revocation'> {
  readonly revocation: ResolvedSessionsOptions['revocation'] & { readonly maxStaleness: number }
  readonly secrets: Secrets
  readonly rotation: RotationSettings
  /** A refresh or confirmation that is undecided after this time stays undecided. */
  readonly decideWithin: number
  /** How long a refresh waits for a schema or for `refreshClaims`: it must then still be in time. */
  readonly callbackWithin: number
}

const SECOND = 1000

/** @throws InvalidOptionsError naming the option, the value it got and the values it takes */
export function resolveOptions(options: SessionsOptions<never, never>): ResolvedOptions {
  const { secret, ...given } = resolveTable<ResolvedSessionsOptions>(SESSIONS_OPTIONS, options)
  const { rotation, revocation, serverless } = given
  const privacy = serverless === null ? given.privacy : withoutPruning(given.privacy, options)
  const { overlap } = rotation
  const twoPolls = 2 * revocation.pollInterval
  const resolvedRotation = {
    ...rotation,
    gracePeriod: atLeast('rotation.gracePeriod', rotation.gracePeriod, overlap, 120 * SECOND),
    tolerance: CLOCK_TOLERANCE,
  }
  const decideWithin = overlap > 0 ? overlap / 2 : CLOCK_TOLERANCE
  return Object.freeze({
    ...given,
    idleTimeout: checkIdleTimeout(given.idleTimeout, resolvedRotation),
    logger: guardLogger(given.logger),
    telemetry: guardTelemetry(given.telemetry),
    secrets: deriveSecrets(secret, given.store.realm),
    rotation: resolvedRotation,
    revocation: {
      ...revocation,
      maxStaleness: atLeast('revocation.maxStaleness', revocation.maxStaleness, twoPolls, 60 * SECOND),
    },
    // The row of a session that a handoff has created shows that its code was used.
    privacy: {
      ...privacy,
      keepEnded: Math.max(privacy.keepEnded, 2 * given.accessToken.lifetime, 2 * HANDOFF_LIFETIME),
    },
    decideWithin,
    callbackWithin: decideWithin / 2,
  })
}

/** @throws InvalidOptionsError */
function withoutPruning(
  privacy: ResolvedSessionsOptions['privacy'],
  { privacy: written }: SessionsOptions<never, never>,
): ResolvedSessionsOptions['privacy'] {
  const { pruneInterval } = written ?? {}
  if (pruneInterval != null)
    check.fail(
      'privacy.pruneInterval',
      pruneInterval,
      "nothing or null with `serverless`, where no timer runs: delete old rows by a cron, with `npx pawl prune` or the adapters' option `cron`",
    )
  return { ...privacy, pruneInterval: null }
}

/** A duration with a lower bound that another option sets. The default rises to that bound, in milliseconds. */
function atLeast(option: string, given: number | null, least: number, byDefault: number): number {
  if (given === null) return Math.max(byDefault, least)
  if (given < least) check.fail(option, given / SECOND, `at least ${least / SECOND} seconds`)
  return given
}

/** @returns milliseconds */
export function idleTimeout(value: unknown, rotation: RotationSettings): number {
  return checkIdleTimeout(IDLE_TIMEOUT.check('idleTimeout', value) as number, rotation)
}

/**
 * A refresh within the settle time does not move the idle expiry, and the next one may come an access token later, which is
 * a quarter of the idle timeout. A shorter timeout would log out a user who is active all the time.
 */
function checkIdleTimeout(given: number, rotation: RotationSettings): number {
  const least = Math.ceil((settleTime(rotation) * 4) / 3 / SECOND)
  if (given >= least * SECOND) return given
  throw new InvalidOptionsError(
    'idleTimeout',
    `\`idleTimeout\` takes at least ${least} seconds with this \`rotation.overlap\`, not ${given / SECOND}: an active user would be logged out. For a shorter one, shorten \`rotation.overlap\`.`,
  )
}

/** @returns milliseconds, or null for no limit */
export function absoluteTimeout(value: unknown): number | null {
  return ABSOLUTE_TIMEOUT.check('absoluteTimeout', value) as number | null
}
