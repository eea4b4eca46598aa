import { timingSafeEqual } from 'node:crypto'
import type { RotationSettings } from '../rotation/decision.ts'
import type { Renewal, SessionRow } from '../store.ts'

/** The pending renewal with this anchor; null if there is none. */
export function findRenewal(row: SessionRow, anchorHash: Uint8Array): Renewal | null {
  return row.renewals.find((renewal) => timingSafeEqual(renewal.anchorHash, anchorHash)) ?? null
}

/**
 * `reuseSince` of the row after a renewal. Whoever has authenticated again is the user, so older tokens are just
 * refused. Otherwise the renewal may have been a thief's, and the old token of the user must still end the session. That
 * includes a renewal that follows a pending reauthentication: a thief may have copied the tokens of the latter.
 */
export function reuseSinceAfter(
  row: Pick<SessionRow, 'authTime' | 'reuseSince'>,
  { at, authTime, reauthenticated }: Pick<Renewal, 'at' | 'authTime' | 'reauthenticated'>,
): number | null {
  if (!reauthenticated) return row.reuseSince ?? row.authTime
  // After a later reauthentication by id, `row.authTime` is no longer the time of the oldest token of this lineage.
  return authTime === at && authTime >= row.authTime ? null : authTime
}

/**
 * The renewals that stay pending when one of them is confirmed: later ones, whose response may still be under way. A
 * reauthentication also drops later renewals of others, because a thief may have made them.
 */
export function remainingAfter<R extends Pick<Renewal, 'reauthenticated'>>(
  renewals: readonly R[],
  confirmed: R,
): R[] {
  return renewals
    .slice(renewals.indexOf(confirmed) + 1)
    .filter(({ reauthenticated }) => reauthenticated || !confirmed.reauthenticated)
}

/**
 * Whether the client may hold the refresh token of a pending reauthentication beside an older access token, because a
 * late answer has set only the latter. Its next refresh would drop a renewal without reauthentication, whose answer could
 * arrive after that. So it must refresh first. An access token that was issued later proves that the reauthentication was
 * lost.
 * @param holder the access token of the request that asks for the renewal
 */
export function mayHoldReauthentication(
  row: { readonly authTime: number; readonly renewals: readonly Pick<Renewal, 'at' | 'reauthenticated'>[] },
  holder: { readonly authTime: number; readonly issuedAt: number },
  { overlap, tolerance }: RotationSettings,
): boolean {
  if (holder.authTime > row.authTime) return false
  return row.renewals.some(
    ({ at, reauthenticated }) => reauthenticated && holder.issuedAt <= at + overlap + tolerance,
  )
}

/** Whether a renewal may have replaced a lineage of this session, as far as the row shows. */
export function wasRenewed({ authTime, createdAt, reuseSince }: SessionRow): boolean {
  return authTime > createdAt || reuseSince !== null
}

/** The session as the holder of a pending renewal sees it. The row itself changes when the renewal is confirmed. */
export function withRenewal(row: SessionRow, renewal: Renewal): SessionRow {
  return {
    ...row,
    anchorHash: renewal.anchorHash,
    claims: renewal.claims ?? row.claims,
    authTime: Math.max(row.authTime, renewal.authTime),
    absoluteExpiresAt: later(row.absoluteExpiresAt, renewal.absoluteExpiresAt),
  }
}

/** When the session expires at the latest, if all pending renewals are confirmed; `null`: never. */
export function latestAbsoluteExpiry({ absoluteExpiresAt, renewals }: SessionRow): number | null {
  return renewals.reduce((latest, renewal) => later(latest, renewal.absoluteExpiresAt), absoluteExpiresAt)
}

/** The later of two times, where null is never. */
function later(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : Math.max(one, other)
}
