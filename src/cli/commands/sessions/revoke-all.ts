import type { Sessions } from '../../../index.ts'
import { counted, time } from '../../../portable/format.ts'
import type { PostgresStore, SessionCounts } from '../../../postgres/index.ts'
import type { Context } from '../../command.ts'
import type { Confirm } from '../../terminal/confirm.ts'
import { withProgress } from '../../terminal/with-progress.ts'

/** @param lastSeenBefore `null` for all sessions */
export async function revokeAll(
  context: Context,
  sessions: Sessions,
  store: PostgresStore,
  lastSeenBefore: Date | null,
  confirm: Confirm,
): Promise<number> {
  const options = lastSeenBefore === null ? {} : { lastSeenBefore }
  const counts = (await store.status(options)).sessions
  const total = counts === null ? null : (counts.lastSeenBefore ?? counts.active + counts.expired)
  if (total !== 0) await confirm(question(counts, total, lastSeenBefore))
  const revoked = await withProgress(context, 'revoked', total, (onProgress) =>
    sessions.revokeAll({ ...options, onProgress }),
  )
  context.out.result({ lastSeenBefore, revoked }, () => `Revoked ${counted(revoked, 'session')}.`)
  return 0
}

function question(counts: SessionCounts | null, total: number | null, lastSeenBefore: Date | null): string {
  const number =
    total === null
      ? 'an unknown number of sessions'
      : `${counts?.exact ? '' : 'about '}${counted(total, 'session')}`
  return lastSeenBefore === null
    ? `Revoke all sessions (${number})? All users sign in again.`
    : `Revoke ${number} last seen before ${time(lastSeenBefore)}? Their users sign in again.`
}
