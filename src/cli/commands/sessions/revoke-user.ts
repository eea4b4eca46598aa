import type { Session, Sessions } from '../../../index.ts'
import { counted } from '../../../portable/format.ts'
import { printable } from '../../../portable/printable.ts'
import { isSessionId } from '../../../portable/session-id.ts'
import type { Context } from '../../command.ts'
import type { Confirm } from '../../terminal/confirm.ts'
import { notFound, UsageError } from '../../terminal/errors.ts'
import { toSessionId } from '../../terminal/values.ts'
import { state } from './describe.ts'
import { listByUser } from './find.ts'

/** @param except the id of a session that stays active */
export async function revokeUser(
  { out }: Context,
  sessions: Sessions,
  userId: string,
  except: string | null,
  confirm: Confirm,
): Promise<number> {
  const user = printable(userId)
  const { kept } = await listByUser(sessions, userId)
  if (except !== null && !kept.some(({ sessionId }) => sessionId === except))
    throw notFound(`user '${user}' has no session ${except}. Nothing was revoked.`)
  const others = kept.filter(({ sessionId }) => sessionId !== except)
  const active = others.filter((session) => session.active).length
  if (active > 0) await confirm(`Revoke ${counted(active, 'session')} of user '${user}'?`)
  const revoked = await sessions.revokeUser(userId, except === null ? {} : { except })
  out.result({ userId, revoked }, () =>
    revoked === 0
      ? `Nothing to revoke: ${reasonOf(others)}`
      : `Revoked ${counted(revoked, 'session')} of user '${user}'.`,
  )
  return 0
}

function reasonOf(others: readonly Session[]): string {
  return others.length === 0
    ? 'the user has no other session.'
    : `all of them have already ended (${[...new Set(others.map(state))].join(', ')}).`
}

/** @throws UsageError: a typing mistake would revoke the session to keep */
export function parseExcept(typed: string | undefined, user: string | undefined): string | null {
  if (typed === undefined) return null
  if (user === undefined) throw new UsageError('--except needs --user')
  const id = toSessionId(typed)
  if (!isSessionId(id)) throw new UsageError('--except takes a session id. Session ids are UUIDs.')
  return id
}
