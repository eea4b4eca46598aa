import type { Session } from '../../../index.ts'
import { duration } from '../../../portable/format.ts'

/** `active`, or the reason why the session ended, and who acts as the user in it. */
export function state({ active, endReason, actor }: Session): string {
  const text = active ? 'active' : (endReason ?? 'ended')
  return actor === null ? text : `${text}, by ${owner(actor)}`
}

/** The user id, which an erased session has lost. */
export function owner({ userId }: Pick<Session, 'userId'>): string {
  return userId === '' ? '(erased)' : userId
}

/** How much of a thumbprint tells the keys of a user apart, in characters. */
const SHORT = 8

/** `dbsc 6wZ2qfK1`: the kind of the key that the session is bound to, and the beginning of its thumbprint. */
export function device({ device: bound }: Session, unbound: string): string {
  return bound === null ? unbound : `${bound.kind} ${bound.thumbprint.slice(0, SHORT)}`
}

/** `in 29 days`, or `3 h ago` for a session that has ended. */
export function end({ expiresAt, endedAt }: Session, now: Date): string {
  return endedAt === null
    ? `in ${duration(Math.max(0, expiresAt.getTime() - now.getTime()))}`
    : `${duration(Math.max(0, now.getTime() - endedAt.getTime()))} ago`
}
