import type { Session } from '../../../index.ts'
import type { Command, Context } from '../../command.ts'
import { withSessions } from '../../database.ts'
import { UsageError } from '../../terminal/errors.ts'
import { properties } from '../../terminal/table.ts'
import { count, printable, several, timeAgo } from '../../terminal/text.ts'
import { keptOf, type Whose, whose } from './list.ts'
import { noSuchSession, owner, state } from './session-view.ts'
import { why } from './why-ended.ts'

const SHOWN = 5
const MOST_SHOWN = 1000

export const sessionsShow: Command = {
  name: 'sessions show',
  usage: '<session id> | --user <id>',
  summary: 'Show everything about a session: "why was this user logged out?"',
  details: `With --user: the user's sessions, those that ended last first, then the active ones.`,
  most: 1,
  options: {
    user: { value: 'id', help: 'Whose sessions.' },
    limit: { value: 'n', help: `With --user: how many at most, 1 to ${MOST_SHOWN}. Default: ${SHOWN}.` },
  },
  connects: true,
  examples: [
    'npx pawl sessions show --user 4711',
    'npx pawl sessions show 019ab0c5-5b1e-7c3a-9d51-1f2e3d4c5b6a',
    'npx pawl sessions show 019ab0c5-5b1e-7c3a-9d51-1f2e3d4c5b6a --json',
  ],
  run(context) {
    const which = whose(context)
    const limit = limitOf(context, which)
    return withSessions(context, async (sessions, store) => {
      const now = new Date((await store.time()) ?? Date.now())
      if ('id' in which) {
        const session = await sessions.get(which.id)
        if (session === null) throw noSuchSession(which.id)
        context.out.result({ ...session, why: why(session, now) }, () => words(session, now, context))
        return 0
      }
      const { user, kept } = await keptOf(sessions, which)
      const shown = kept.toSorted(mostTelling).slice(0, limit)
      const found = shown.map((session) => ({ ...session, why: why(session, now) }))
      context.out.result({ userId: user, kept: kept.length, sessions: found }, () => {
        const rest = kept.length === shown.length ? '' : `, ${count(shown.length)} shown (--limit)`
        return [
          `User '${printable(user)}': ${several(kept.length, 'session')} kept${rest}.`,
          ...shown.map((session) => words(session, now, context)),
        ].join('\n\n')
      })
      return 0
    })
  },
}

function words(session: Session, now: Date, { out }: Context): string {
  const { idleEnds, ends } = clocks(session, now)
  return `${out.prose(printable(why(session, now)))}\n\n${properties(
    [
      ['session', session.sessionId],
      ['user', owner(session)],
      ['state', state(session)],
      ['ended', session.endedAt === null ? null : timeAgo(session.endedAt, now)],
      ['signed in', timeAgo(session.createdAt, now)],
      [
        'proved who they are',
        session.authTime.getTime() === session.createdAt.getTime() ? null : timeAgo(session.authTime, now),
      ],
      ['last seen', timeAgo(session.lastSeenAt, now)],
      ['idle expiry', idleEnds],
      ['absolute expiry', ends],
      ['address', session.ip ?? 'not recorded'],
      ['user agent', session.userAgent ?? 'not recorded'],
      ['remember me', session.persistent ? 'yes' : 'no'],
      ['generation', `${session.generation} (refresh token), ${session.version} (claims)`],
      ['claims', JSON.stringify(session.claims)],
      ['data', `${JSON.stringify(session.data)} (version ${session.dataVersion})`],
    ],
    out.width,
  )}`
}

function clocks({ expiresAt, absoluteExpiresAt }: Session, now: Date): { idleEnds: string; ends: string } {
  return {
    idleEnds: timeAgo(expiresAt, now),
    ends: absoluteExpiresAt === null ? 'never' : timeAgo(absoluteExpiresAt, now),
  }
}

/** Sessions that ended answer the question, the last one best; nobody notices one that a new login replaced. */
function mostTelling(a: Session, b: Session): number {
  const rank = ({ endedAt, endReason }: Session): number =>
    endedAt === null ? 1 : endReason === 'replaced' ? 2 : 0
  const at = ({ endedAt, lastSeenAt }: Session): number => (endedAt ?? lastSeenAt).getTime()
  return rank(a) - rank(b) || at(b) - at(a)
}

/** @throws UsageError */
function limitOf({ flags }: Context, which: Whose): number {
  const given = flags.text('limit')
  if (given === undefined) return SHOWN
  if ('id' in which) throw new UsageError('--limit goes with --user')
  const limit = /^\d{1,4}$/.test(given) ? Number(given) : 0
  if (limit < 1 || limit > MOST_SHOWN) throw new UsageError(`--limit takes a number from 1 to ${MOST_SHOWN}`)
  return limit
}
