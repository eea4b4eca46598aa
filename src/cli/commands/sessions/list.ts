import type { Session } from '../../../index.ts'
import { counted, timeAgo } from '../../../portable/format.ts'
import { printable } from '../../../portable/printable.ts'
import type { Command, Context } from '../../command.ts'
import { withSessions } from '../../database.ts'
import { table } from '../../terminal/table.ts'
import { device, end, state } from './describe.ts'
import { findSessions, targetOf, type UserSessions } from './find.ts'

export const sessionsList: Command = {
  name: 'sessions list',
  usage: '(--user <id> | <session id>)',
  summary: "List a user's sessions: the devices that are signed in.",
  details: `Lists the most recently seen session first. Given a session id, lists all sessions of the same user.`,
  maxArguments: 1,
  options: {
    user: { value: 'id', help: 'The user whose sessions to list.' },
    all: { help: 'Include sessions that ended or expired and whose rows are kept.' },
  },
  needsDatabase: true,
  readOnly: true,
  examples: [
    'npx pawl sessions list --user 4711',
    'npx pawl sessions list --user 4711 --all --json',
    'npx pawl sessions list 019ab0c5-5b1e-7c3a-9d51-1f2e3d4c5b6a',
  ],
  run(context) {
    const target = targetOf(context)
    return withSessions(context, async (sessions, store) => {
      const found = await findSessions(sessions, target)
      const now = new Date((await store.time()) ?? Date.now())
      const listed = found.kept.filter(({ active }) => active || context.flags.has('all'))
      context.out.result({ userId: found.user, sessions: listed }, () => listing(found, listed, now, context))
      return 0
    })
  },
}

function listing({ user, kept }: UserSessions, listed: Session[], now: Date, { out }: Context): string {
  const hidden = kept.length - listed.length
  const rest =
    hidden === 0 ? '' : `\n${counted(hidden, 'ended or expired session')} not shown. Add --all to show them.`
  if (listed.length === 0) return `User '${printable(user)}' has no active session.${rest}`
  return (
    table(
      ['session', 'state', 'last seen', 'ends', 'address', 'device', 'created', 'user agent'],
      listed.map((session) => [
        session.sessionId,
        state(session),
        timeAgo(session.lastSeenAt, now),
        end(session, now),
        session.ip ?? '-',
        device(session, '-'),
        timeAgo(session.createdAt, now),
        session.userAgent ?? '-',
      ]),
      out.width,
    ) + rest
  )
}
