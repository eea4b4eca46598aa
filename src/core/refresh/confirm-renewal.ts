import type { Engine } from '../engine.ts'
import { remainingAfter, reuseSinceAfter } from '../session/renewal.ts'
import type { Renewal, SessionRow, Turn } from '../store.ts'
import type { HeldSession } from './held-session.ts'
import { publishTurn, publishVersion } from './turn.ts'

/** Replaces the lineage of the row, so that all older tokens are refused. @returns the new row, or null if it has changed */
export async function confirmRenewal(
  engine: Engine,
  { row, session }: HeldSession,
  renewal: Renewal,
  turn: Turn,
): Promise<SessionRow | null> {
  const { store, clock } = engine
  const { anchorHash, authTime, absoluteExpiresAt, claims } = session
  const { version, renewals } = row
  const reuseSince = reuseSinceAfter(row, renewal)
  // The new claims are for the client of this renewal. The others keep the claims that they were issued with.
  const remaining = remainingAfter(renewals, renewal).map((other) =>
    renewal.claims === null ? other : { ...other, claims: other.claims ?? row.claims },
  )
  const renewed = { anchorHash, authTime, absoluteExpiresAt, claims, reuseSince }
  const at = clock.now()
  if (!(await store.confirmRenewal({ ...turn, ...renewed, version, renewals, remaining, at }))) return null
  publishVersion(engine, { id: row.id, version: version + 1 })
  publishTurn(engine, row, turn, 'refresh')
  const { next, expiresAt, pruneAt, ip, userAgent } = turn
  const written = { version: version + 1, renewals: remaining, reuseSince, expiresAt, pruneAt, ip, userAgent }
  return { ...session, ...next, ...written }
}
