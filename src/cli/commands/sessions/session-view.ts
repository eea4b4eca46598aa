import type { Session } from '../../../index.ts'
import { duration, printable } from '../../terminal/text.ts'
import { notFound } from '../../terminal/values.ts'

/** One word, or how it ended. */
export function state({ active, endReason }: Session): string {
  return active ? 'active' : (endReason ?? 'ended')
}

/** Erased sessions have lost theirs. */
export function owner({ userId }: Session): string {
  return userId === '' ? '(erased)' : userId
}

/** `ended 3 h ago`, `in 29 days` */
export function remaining({ expiresAt, endedAt }: Session, now: Date): string {
  return endedAt === null
    ? `in ${duration(Math.max(0, expiresAt.getTime() - now.getTime()))}`
    : `${duration(Math.max(0, now.getTime() - endedAt.getTime()))} ago`
}

export function noSuchSession(id: string): Error {
  return notFound(
    `there is no session ${id}; it never existed, or ended so long ago (\`keepEnded\`, 7 days by default) that its row is deleted`,
  )
}

export function noSuchUser(userId: string): Error {
  return notFound(
    `there are no sessions of user '${printable(userId)}', and none that ended lately (\`keepEnded\`, 7 days by default)`,
  )
}
