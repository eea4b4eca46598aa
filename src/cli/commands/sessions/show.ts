import { whyEnded } from '../../../core/session/why-ended.ts'
import type { Session } from '../../../index.ts'
import { count, counted, time, timeAgo } from '../../../portable/format.ts'
import { printable } from '../../../portable/printable.ts'
import type { Command, Context } from '../../command.ts'
import { withSessions } from '../../database.ts'
import { UsageError } from '../../terminal/errors.ts'
import { properties } from '../../terminal/table.ts'
import { device, owner, state } from './describe.ts'
import { findSession, findSessions, type Target, targetOf } from './find.ts'

const DEFAULT_LIMIT = 5
const MAX_LIMIT = 1000

export const sessionsShow: Command = {
  name: 'sessions show',
  usage: '(<session id> | --user <id>)',
  summary: 'Show everything about a session: "why was this user logged out?"',
  details: `With --user, shows the user's sessions: the most recently ended first, then the active ones, then those that a
new login replaced.`,
  maxArguments: 1,
  options: {
    user: { value: 'id', help: 'The user whose sessions to show.' },
    limit: {
      value: 'n',
      help: `With --user: the number of sessions, 1 to ${count(MAX_LIMIT)}. Default: ${DEFAULT_LIMIT}.`,
    },
  },
  needsDatabase: true,
  readOnly: true,
  examples: [
    'npx pawl sessions show --user 4711',
    'npx pawl sessions show 019ab0c5-5b1e-7c3a-9d51-1f2e3d4c5b6a',
    'npx pawl sessions show 019ab0c5-5b1e-7c3a-9d51-1f2e3d4c5b6a --json',
  ],
  run(context) {
    const target = targetOf(context)
    const limit = limitOf(context, target)
    return withSessions(context, async (sessions, store) => {
      const now = new Date((await store.time()) ?? Date.now())
      if ('id' in target) {
        const session = await findSession(sessions, target.id)
        context.out.result({ ...session, why: whyEnded(session, now, time) }, () =>
          details(session, now, context),
        )
        return 0
      }
      const { user, kept } = await findSessions(sessions, target)
      const shown = kept.toSorted(byRelevance).slice(0, limit)
      const found = shown.map((session) => ({ ...session, why: whyEnded(session, now, time) }))
      context.out.result({ userId: user, kept: kept.length, sessions: found }, () => {
        const rest = kept.length === shown.length ? '' : `, ${count(shown.length)} shown (see --limit)`
        return [
          `User '${printable(user)}': ${counted(kept.length, 'session')} found${rest}.`,
          ...shown.map((session) => details(session, now, context)),
        ].join('\n\n')
      })
      return 0
    })
  },
}

function details(session: Session, now: Date, { out }: Context): string {
  const { createdAt, authTime, endedAt, absoluteExpiresAt, actor, parentId } = session
  const reauthenticated = authTime.getTime() !== createdAt.getTime()
  return `${out.prose(printable(whyEnded(session, now, time)))}\n\n${properties(
    [
      ['session', session.sessionId],
      ['user', owner(session)],
      ['state', state(session)],
      ['acting session of', actor === null ? null : actor.sessionId],
      ['ends with session', parentId],
      ['ended', endedAt === null ? null : timeAgo(endedAt, now)],
      ['created', timeAgo(createdAt, now)],
      ['re-authenticated', reauthenticated ? timeAgo(authTime, now) : null],
      ['last seen', timeAgo(session.lastSeenAt, now)],
      ['idle expiry', timeAgo(session.expiresAt, now)],
      ['absolute expiry', absoluteExpiresAt === null ? 'never' : timeAgo(absoluteExpiresAt, now)],
      ['address', session.ip ?? 'not recorded'],
      ['user agent', session.userAgent ?? 'not recorded'],
      ['bound to', device(session, 'no device')],
      ['remember me', session.persistent ? 'yes' : 'no'],
      ['generation', count(session.generation)],
      ['claims', `${JSON.stringify(session.claims)} (version ${session.version})`],
      ['data', `${JSON.stringify(session.data)} (version ${session.dataVersion})`],
    ],
    out.width,
  )}`
}

/** Ended sessions explain a logout, the latest best. A session that a new login replaced explains none. */
function byRelevance(a: Session, b: Session): number {
  const rank = ({ endedAt, endReason }: Session): number =>
    endedAt === null ? 1 : endReason === 'replaced' ? 2 : 0
  const at = ({ endedAt, lastSeenAt }: Session): number => (endedAt ?? lastSeenAt).getTime()
  return rank(a) - rank(b) || at(b) - at(a)
}

/** @throws UsageError */
function limitOf({ flags }: Context, target: Target): number {
  const typed = flags.value('limit')
  if (typed === undefined) return DEFAULT_LIMIT
  if ('id' in target) throw new UsageError('--limit needs --user')
  const limit = /^\d{1,4}$/.test(typed) ? Number(typed) : 0
  if (limit < 1 || limit > MAX_LIMIT) throw new UsageError(`--limit takes a number from 1 to ${MAX_LIMIT}`)
  return limit
}
