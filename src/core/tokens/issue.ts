import type { Engine } from '../engine.ts'
import type { Presented } from '../protocol/rotation.ts'
import { contextTag, type NormalContext } from '../request-context.ts'
import { idleExpiry, idleTimeoutOf } from '../session/lifetime.ts'
import type { SessionRow } from '../store.ts'
import { type AccessTokenFields, mintAccessToken } from './access-token.ts'
import type { RefreshToken } from './refresh-token.ts'

/** A token handed to the client. */
export interface IssuedToken {
  readonly value: string
  readonly expiresAt: Date
}

/** An access token lives at most this part of the idle timeout. */
const IDLE_SHARE = 4

/** What an access token says besides what the row does. */
export interface Issue {
  readonly generation: number
  /** The refresh token it goes with; null when the row already records it. */
  readonly twin: Presented | null
  readonly now: number
  /** Where it is issued to; null for nowhere in particular. */
  readonly context: NormalContext | null
  /** A shorter life, in ms. */
  readonly atMost?: number
}

export async function issueAccessToken(engine: Engine, row: SessionRow, issue: Issue): Promise<IssuedToken> {
  const { options, ring } = engine
  const lifetime = options.accessToken.lifetime * (1 - 0.05 * Math.random())
  const fields = accessTokenFields(
    engine,
    row,
    issue,
    Math.min(lifetime, issue.atMost ?? Number.POSITIVE_INFINITY),
  )
  const value = await mintAccessToken(await ring.signer(), options.accessToken, fields)
  return { value, expiresAt: new Date(fields.expiresAt) }
}

export function accessTokenFields(
  engine: Engine,
  row: SessionRow,
  { generation, twin, now, context }: Omit<Issue, 'atMost'>,
  lifetime: number,
): AccessTokenFields {
  const { options } = engine
  // Being active is noticed when a token is renewed. One that lived as long as the idle timeout would have
  // a session end under a user who never paused.
  const noticed = idleTimeoutOf(engine, row) / IDLE_SHARE
  // Whole seconds, rounded up so that a lifetime of a second is one; the absolute expiry is never passed.
  const idle = Math.ceil((now + Math.min(lifetime, noticed)) / 1000)
  const absolute = Math.floor((row.absoluteExpiresAt ?? Number.POSITIVE_INFINITY) / 1000)
  return {
    sessionId: row.id,
    userId: row.userId,
    version: row.version,
    authTime: row.authTime,
    issuedAt: now,
    expiresAt: Math.min(idle, absolute) * 1000,
    generation,
    twin,
    contextTag:
      options.accessToken.onContextChange === 'refresh' && context !== null
        ? contextTag(options.secrets[0], row.id, context)
        : null,
    claims: row.claims,
  }
}

export function issueRefreshToken(engine: Engine, row: SessionRow, token: RefreshToken): IssuedToken {
  return { value: token.value, expiresAt: new Date(idleExpiry(engine, row, token.issuedAt)) }
}
