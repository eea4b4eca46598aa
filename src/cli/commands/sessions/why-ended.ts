import type { EndReason, Session } from '../../../index.ts'
import { duration, time } from '../../terminal/text.ts'

/** The answer to "why was this user logged out?", and what to do about it where there is something to do. */
export function why(session: Session, now: Date): string {
  const { endReason, endedAt } = session
  if (endReason === null || endedAt === null) return stillActive(session, now)
  const answer = REASONS[endReason](session, time(endedAt))
  return `${answer}${expiredBefore(session, endReason, endedAt)}`
}

const REASONS: Readonly<Record<EndReason, (session: Session, at: string) => string>> = {
  logout: (_, at) => `The user signed out on this device at ${at}.`,
  revoked: (_, at) =>
    `The session was ended at ${at} by the application (a password change, "sign out everywhere", an account that was locked) or by an operator with this command.`,
  reuse: (_, at) =>
    `The session was ended at ${at} because a copied refresh token was used: one that had long been superseded came back, so two holders had each gone on with a copy of their own, and one of them may be a thief. Both are out. Ask the user whether they know the address and the device below, have them sign in again and change their password, and look for how a cookie could be copied (malware, a shared profile, a log). If it meets many users at once, look for a client that goes back to an old copy of its cookies, such as a restored device or an app that keeps them twice.`,
  idle: (session, at) =>
    `The session expired at ${at} because it was not used: it was last seen at ${time(session.lastSeenAt)}, and the idle timeout is ${duration(session.expiresAt.getTime() - session.lastSeenAt.getTime())}.`,
  absolute: (session, at) =>
    `The session expired at ${at} because it had lasted as long as a login may: the user last proved who they are at ${time(session.authTime)}, and the absolute lifetime counts from then, however active they are.`,
  replaced: (_, at) =>
    `A new login in the same browser took the place of this session at ${at}. The user was not logged out by it: look at the newer session.`,
  limit: (_, at) =>
    `The user had more sessions than \`limits.sessionsPerUser\` allows, so this one was ended at ${at}: as the oldest when they signed in elsewhere, or at its own login where new ones are refused.`,
  rollback: (_, at) =>
    `The session was ended at ${at} because the database had gone back behind it (a crash, a failover, a restored backup) and \`rotation.onDatabaseRollback\` is \`end\`. The user did nothing wrong and signs in again.`,
}

/** Expired sessions stay in the table as they are; ending them all the same comes too late to log anyone out. */
function expiredBefore(session: Session, reason: EndReason, endedAt: Date): string {
  if (reason === 'idle' || reason === 'absolute') return ''
  const { expiresAt, absoluteExpiresAt } = session
  const ends = absoluteExpiresAt !== null && absoluteExpiresAt < expiresAt ? absoluteExpiresAt : expiresAt
  return ends < endedAt ? ` It had expired before that, at ${time(ends)}.` : ''
}

function stillActive(session: Session, now: Date): string {
  const seen = duration(Math.max(0, now.getTime() - session.lastSeenAt.getTime()))
  const ends =
    session.absoluteExpiresAt === null ? '' : ` and at ${time(session.absoluteExpiresAt)} in any case`
  return `Not logged out: the session is active. It was last seen ${seen} ago, and ends at ${time(session.expiresAt)} if it stays unused${ends}. If the user has to sign in all the same, their browser no longer has the cookies (cleared, blocked, another browser or profile), or they mean another of their sessions.`
}
