import type { Engine } from '../core/engine.ts'
import type { Refreshed } from '../core/refresh/refresh.ts'
import { type IssuedToken, issueAccessToken } from '../core/tokens/issue.ts'

/**
 * A second access token for server code inside the request that refreshed. Its use does not prove that the client
 * received the first one, so it carries no twin and lives for the overlap only.
 */
export function issueForwardableToken(
  engine: Engine,
  { row, ancestors, accessToken }: Refreshed,
): Promise<IssuedToken> {
  const now = engine.clock.now()
  const { overlap } = engine.options.rotation
  return issueAccessToken(engine, row, {
    generation: row.generation,
    twin: null,
    now,
    context: null,
    ancestors,
    atMost: Math.min(overlap || 1000, accessToken.expiresAt.getTime() - now),
  })
}
