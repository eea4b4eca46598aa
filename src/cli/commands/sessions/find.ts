import type { Session, Sessions } from '../../../index.ts'
import { printable } from '../../../portable/printable.ts'
import type { Context } from '../../command.ts'
import { notFound, UsageError } from '../../terminal/errors.ts'
import { parseSessionId, parseUserId } from '../../terminal/values.ts'
import { owner } from './describe.ts'

/** The largest page of `list`. */
const PAGE = 1000

/** A user, named by id or by one of their sessions. */
export type Target = { readonly user: string } | { readonly id: string }

export interface UserSessions {
  readonly user: string
  /** Active sessions, and ended ones whose rows are kept. */
  readonly kept: Session[]
}

/** @throws UsageError unless exactly one of the two is given */
export function targetOf({ positionals, flags }: Context): Target {
  const user = flags.value('user')
  const [id] = positionals
  if ((user === undefined) === (id === undefined))
    throw new UsageError('whose sessions? Give either --user <id> or a session id.')
  return user === undefined ? { id: parseSessionId(id!) } : { user: parseUserId(user) }
}

/** @throws Failure if there is no such session */
export async function findSession(sessions: Sessions, id: string): Promise<Session> {
  const session = await sessions.get(id)
  if (session !== null) return session
  throw notFound(
    `no session ${id}. It never existed, or it ended so long ago that its row is deleted (\`privacy.keepEnded\`, 7 days by default).`,
  )
}

/** @throws Failure if the user has no session, not even an ended one */
export async function listByUser(sessions: Sessions, user: string): Promise<UserSessions> {
  const kept = await listAll(sessions, user)
  if (kept.length > 0) return { user, kept }
  throw notFound(
    `no sessions of user '${printable(user)}', active or recently ended (\`privacy.keepEnded\`, 7 days by default)`,
  )
}

/** @throws Failure if there is no session */
export async function findSessions(sessions: Sessions, target: Target): Promise<UserSessions> {
  if ('user' in target) return listByUser(sessions, target.user)
  const session = await findSession(sessions, target.id)
  // Erased sessions have no user whose other sessions could be listed.
  return session.userId === ''
    ? { user: owner(session), kept: [session] }
    : { user: session.userId, kept: await listAll(sessions, session.userId) }
}

/** Every session of a user, however many. */
async function listAll(sessions: Sessions, user: string): Promise<Session[]> {
  const all: Session[] = []
  for (;;) {
    const page = await sessions.list(user, { limit: PAGE, after: all.at(-1) })
    all.push(...page)
    if (page.length < PAGE) return all
  }
}
