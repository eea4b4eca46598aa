import type { Session, Sessions } from '../../../index.ts'
import type { Command, Context } from '../../command.ts'
import { withSessions } from '../../database.ts'
import { UsageError } from '../../terminal/errors.ts'
import { table } from '../../terminal/table.ts'
import { printable, several, timeAgo } from '../../terminal/text.ts'
import { sessionId, userId } from '../../terminal/values.ts'
import { noSuchSession, noSuchUser, owner, remaining, state } from './session-view.ts'

export const sessionsList: Command = {
  name: 'sessions list',
  usage: '--user <id> | <session id>',
  summary: "List a user's sessions: which devices are signed in.",
  details: `The most recently seen first. With a session's id: all sessions of the user it belongs to.`,
  most: 1,
  options: {
    user: { value: 'id', help: 'Whose sessions.' },
    all: { help: 'Also those that have ended or expired and are still kept.' },
  },
  connects: true,
  examples: [
    'npx pawl sessions list --user 4711',
    'npx pawl sessions list --user 4711 --all --json',
    'npx pawl sessions list 019ab0c5-5b1e-7c3a-9d51-1f2e3d4c5b6a',
  ],
  run(context) {
    const which = whose(context)
    return withSessions(context, async (sessions, store) => {
      const { user, kept } = await keptOf(sessions, which)
      const now = new Date((await store.time()) ?? Date.now())
      const listed = kept.filter(({ active }) => active || context.flags.has('all'))
      context.out.result({ userId: user, sessions: listed }, () => words(user, kept, listed, now, context))
      return 0
    })
  },
}

function words(user: string, kept: Session[], listed: Session[], now: Date, { out }: Context): string {
  const hidden = kept.length - listed.length
  const rest =
    hidden === 0 ? '' : `\n${several(hidden, 'session')} that ended or expired not shown; --all shows them.`
  if (listed.length === 0) return `User '${printable(user)}' has no active session.${rest}`
  return (
    table(
      ['session', 'state', 'last seen', 'ends', 'address', 'created', 'user agent'],
      listed.map((session) => [
        session.sessionId,
        state(session),
        timeAgo(session.lastSeenAt, now),
        remaining(session, now),
        session.ip ?? '-',
        timeAgo(session.createdAt, now),
        session.userAgent ?? '-',
      ]),
      out.width,
    ) + rest
  )
}

/** By user, or by one session of theirs. */
export type Whose = { readonly user: string } | { readonly id: string }

/** @throws UsageError unless it is one of the two */
export function whose({ given, flags }: Context): Whose {
  const user = flags.text('user')
  const [id] = given
  if ((user === undefined) === (id === undefined)) {
    throw new UsageError('whose sessions? Give --user <id>, or the id of one session')
  }
  return user === undefined ? { id: sessionId(id!) } : { user: userId(user) }
}

/** @throws Failure when there is none */
export async function keptOf(sessions: Sessions, which: Whose): Promise<{ user: string; kept: Session[] }> {
  if ('user' in which) {
    const kept = await sessions.list(which.user)
    if (kept.length === 0) throw noSuchUser(which.user)
    return { user: which.user, kept }
  }
  const session = await sessions.get(which.id)
  if (session === null) throw noSuchSession(which.id)
  return session.userId === ''
    ? { user: owner(session), kept: [session] }
    : { user: session.userId, kept: await sessions.list(session.userId) }
}
