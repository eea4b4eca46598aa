import { isOwnReason, type OwnEndReason } from '../../portable/end-reason.ts'
import { duration } from '../../portable/format.ts'
import { printable } from '../../portable/printable.ts'
import type { Session } from './session.ts'

/** How a time becomes part of the sentences: as text for a terminal, as an element for a page. */
type WriteTime = (at: Date) => string

/** Answers "why was this user logged out?", with advice if there is something to do. */
export function whyEnded(session: Session, now: Date, time: WriteTime): string {
  const { endReason, endedAt, actor } = session
  if (endReason === null || endedAt === null)
    return actor === null ? stillActive(session, now, time) : lastingActing(session, time)
  const reasons = actor === null ? REASONS : ACTING_REASONS
  const why = isOwnReason(endReason)
    ? reasons[endReason](session, time(endedAt), time)
    : endedByOther(endReason, time(endedAt))
  return why + expiredBefore(session, endReason, endedAt, time) + (actor === null ? '' : NOT_OWN)
}

type Reasons = Readonly<Record<OwnEndReason, (session: Session, at: string, time: WriteTime) => string>>

const REASONS: Reasons = {
  logout: (_, at) => `The user signed out on this device at ${at}.`,
  revoked: (_, at) =>
    `The session was revoked at ${at}, by the application (a password change, "sign out everywhere", a locked account), by an administrator in the console, or by an operator with \`pawl sessions revoke\`. An action of the console is in the log of the process that did it, with the name of the administrator.`,
  reuse: ({ device }, at) =>
    device === null
      ? `Pawl ended the session at ${at} because an old refresh token was used again. That proves a copied refresh token: two clients used the same session, and one of them may be a thief. Both are signed out. Ask the user whether they recognize the address and the device below. Have them sign in again and change their password. Find out how a cookie could be copied (malware, a shared browser profile, a log). If it happens to many users at once, look for a client that goes back to old cookies, such as a restored device or an app that stores them twice.`
      : `Pawl ended the session at ${at} because an old refresh token was used again, with a proof by the key of the device. Copied tokens alone cannot do that: two copies of the device itself exist, or malware on it signs. Look for a restored or cloned browser profile, virtual machine or app first. If there is none, treat the device as infected, and have the user sign in on another one.`,
  idle: (session, at, time) =>
    `The session expired at ${at} because it was not used. It was last seen at ${time(session.lastSeenAt)}, and the idle timeout is ${duration(session.expiresAt.getTime() - session.lastSeenAt.getTime())}.`,
  absolute: (session, at, time) =>
    `The session expired at ${at} because it reached its absolute lifetime. That time counts from the last authentication, at ${time(session.authTime)}, even if the user is active.`,
  replaced: (_, at) =>
    `A new login in the same browser replaced the session at ${at}. That did not log the user out. Look at the newer session.`,
  limit: (_, at) =>
    `Pawl ended the session at ${at} because the user had more sessions than \`limits.sessionsPerUser\` allows. It was the oldest when the user signed in elsewhere, or it was the new login itself if new logins are refused.`,
  rollback: (_, at) =>
    `Pawl ended the session at ${at} because the database had gone back to an earlier state (a crash, a failover, a restored backup) and \`rotation.onDatabaseRollback\` is \`end\`. The user did nothing wrong and signs in again.`,
  device: ({ device, createdAt, authTime }, at, time) =>
    device === null
      ? `Pawl ended the session at ${at} because it was not bound to a device. The option \`deviceBinding\` is \`require\`, which gives a session ten minutes to be bound. They began with the ${authTime > createdAt ? 'reauthentication' : 'login'} at ${time(authTime)}. The client needs a browser with DBSC, or \`pawl/client/bind\`. If it has one of them, look for a proxy that drops the headers \`Secure-Session-*\` or \`DPoP\`. The user signs in again.`
      : `A new login ended the session at ${at}, in a browser that had its cookies and did not prove that it is its device. The browser has lost the key (cleared data, a reset chip), or somebody signed in with copied cookies. Look at the newer session, and ask the user if the address is not theirs.`,
}

/** The row of an acting session does not tell whether the administrator's session ended first, which ends the acting session too. */
const ACTING_REASONS: Reasons = {
  ...REASONS,
  logout: (session, at) => `${administrator(session)} stopped acting as this user at ${at}, or signed out.`,
  absolute: (session, at, time) =>
    `${startOfActing(session, time)} The acting session reached its lifetime of ${duration(session.expiresAt.getTime() - session.createdAt.getTime())} at ${at}, or ended before that with the administrator's session.`,
  replaced: (session, at, time) =>
    `${startOfActing(session, time)} A new login in the administrator's browser ended the acting session at ${at}.`,
}

const NOT_OWN = " This is not one of the user's own sessions."

function administrator({ actor }: Session): string {
  return `An administrator (${printable(actor?.userId || 'erased')})`
}

function endedByOther(reason: string, at: string): string {
  const text = reason === 'other' ? '' : ` for the reason "${printable(reason)}"`
  return `Another program or a later release of Pawl ended the session at ${at}${text}. Ask whoever writes that reason to the table.`
}

/** The row of an expired session stays active. Revoking it later logs nobody out. */
function expiredBefore(session: Session, reason: string, endedAt: Date, time: WriteTime): string {
  if (reason === 'idle' || reason === 'absolute') return ''
  const { expiresAt, absoluteExpiresAt } = session
  const expiredAt =
    absoluteExpiresAt !== null && absoluteExpiresAt < expiresAt ? absoluteExpiresAt : expiresAt
  return expiredAt < endedAt ? ` It had expired before that, at ${time(expiredAt)}.` : ''
}

function stillActive(session: Session, now: Date, time: WriteTime): string {
  const seen = duration(Math.max(0, now.getTime() - session.lastSeenAt.getTime()))
  const latest =
    session.absoluteExpiresAt === null ? '' : `, and at ${time(session.absoluteExpiresAt)} at the latest`
  return `Not logged out: the session is active. It was last seen ${seen} ago. It expires at ${time(session.expiresAt)} if it is not used until then${latest}. ${hasToSignIn(session)}`
}

function lastingActing(session: Session, time: WriteTime): string {
  return `${startOfActing(session, time)} The acting session lasts until ${time(session.expiresAt)} at the latest, and ends before that if the administrator's session ends.${NOT_OWN}`
}

function startOfActing(session: Session, time: WriteTime): string {
  return `${administrator(session)} started to act as this user at ${time(session.createdAt)}.`
}

function hasToSignIn({ device }: Session): string {
  const lost =
    device === null
      ? 'their browser has lost the cookies'
      : 'their browser has lost the cookies or the key that the session is bound to'
  return `If the user has to sign in again, ${lost} (cleared, blocked, another browser or profile), or they mean another session.`
}
