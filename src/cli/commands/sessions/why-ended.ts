import type { Session } from '../../../index.ts'
import { isOwnReason, type OwnEndReason } from '../../../portable/end-reason.ts'
import { printable } from '../../../portable/printable.ts'
import { duration, time } from '../../terminal/format.ts'

/** Answers "why was this user logged out?", with advice if there is something to do. */
export function whyEnded(session: Session, now: Date): string {
  const { endReason, endedAt } = session
  if (endReason === null || endedAt === null) return stillActive(session, now)
  const at = time(endedAt)
  const why = isOwnReason(endReason) ? REASONS[endReason](session, at) : endedByOther(endReason, at)
  return why + expiredBefore(session, endReason, endedAt)
}

const REASONS: Readonly<Record<OwnEndReason, (session: Session, at: string) => string>> = {
  logout: (_, at) => `The user signed out on this device at ${at}.`,
  revoked: (_, at) =>
    `The session was revoked at ${at}, either by the application (a password change, "sign out everywhere", a locked account) or by an operator with \`pawl sessions revoke\`.`,
  reuse: (_, at) =>
    `Pawl ended the session at ${at} because an old refresh token was used again. That proves a copied refresh token: two clients used the same session, and one of them may be a thief. Both are signed out. Ask the user whether they recognize the address and the device below. Have them sign in again and change their password. Find out how a cookie could be copied (malware, a shared browser profile, a log). If it happens to many users at once, look for a client that goes back to old cookies, such as a restored device or an app that stores them twice.`,
  idle: (session, at) =>
    `The session expired at ${at} because it was not used. It was last seen at ${time(session.lastSeenAt)}, and the idle timeout is ${duration(session.expiresAt.getTime() - session.lastSeenAt.getTime())}.`,
  absolute: (session, at) =>
    `The session expired at ${at} because it reached its absolute lifetime. That time counts from the last authentication, at ${time(session.authTime)}, even if the user is active.`,
  replaced: (_, at) =>
    `A new login in the same browser replaced the session at ${at}. That did not log the user out. Look at the newer session.`,
  limit: (_, at) =>
    `Pawl ended the session at ${at} because the user had more sessions than \`limits.sessionsPerUser\` allows. It was the oldest when the user signed in elsewhere, or it was the new login itself if new logins are refused.`,
  rollback: (_, at) =>
    `Pawl ended the session at ${at} because the database had gone back to an earlier state (a crash, a failover, a restored backup) and \`rotation.onDatabaseRollback\` is \`end\`. The user did nothing wrong and signs in again.`,
  device: (_, at) =>
    `The session ended at ${at} because it was not bound to a device: \`deviceBinding: 'require'\` gives an unbound session ten minutes, or the user signed in again in a browser that could no longer prove that it is the device of this session.`,
}

function endedByOther(reason: string, at: string): string {
  const text = reason === 'other' ? '' : ` for the reason "${printable(reason)}"`
  return `Another program or a later release of Pawl ended the session at ${at}${text}. Ask whoever writes that reason to the table.`
}

/** The row of an expired session stays active. Revoking it later logs nobody out. */
function expiredBefore(session: Session, reason: string, endedAt: Date): string {
  if (reason === 'idle' || reason === 'absolute') return ''
  const { expiresAt, absoluteExpiresAt } = session
  const expiredAt =
    absoluteExpiresAt !== null && absoluteExpiresAt < expiresAt ? absoluteExpiresAt : expiresAt
  return expiredAt < endedAt ? ` It had expired before that, at ${time(expiredAt)}.` : ''
}

function stillActive(session: Session, now: Date): string {
  const seen = duration(Math.max(0, now.getTime() - session.lastSeenAt.getTime()))
  const latest =
    session.absoluteExpiresAt === null ? '' : `, and at ${time(session.absoluteExpiresAt)} at the latest`
  return `Not logged out: the session is active. It was last seen ${seen} ago. It expires at ${time(session.expiresAt)} if it is not used until then${latest}. If the user has to sign in again, their browser has lost the cookies (cleared, blocked, another browser or profile), or they mean another session.`
}
