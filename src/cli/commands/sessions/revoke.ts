import type { Session, Sessions } from '../../../index.ts'
import { isSessionId } from '../../../portable/session-id.ts'
import type { PostgresStore } from '../../../postgres/index.ts'
import type { Command, Context } from '../../command.ts'
import { withSessions } from '../../database.ts'
import { type Confirm, confirmation } from '../../terminal/confirm.ts'
import { UsageError } from '../../terminal/errors.ts'
import { count, printable, quoted, several, time } from '../../terminal/text.ts'
import { notFound, pastTime, toSessionId, userId } from '../../terminal/values.ts'
import { longWork } from '../../terminal/with-progress.ts'
import { noSuchUser, state } from './session-view.ts'

const MOST_IDS = 100

export const sessionsRevoke: Command = {
  name: 'sessions revoke',
  usage: '<session id...> | --user <id> | --last-seen-before <time> | --all',
  summary: 'End sessions, everywhere and at once.',
  details: `Every process that runs hears of it and refuses their access tokens. All but single sessions is asked
about first. --last-seen-before is for after a restore from a backup: it ends the sessions that were last seen
before that time, which are those that nobody has proved to hold since.`,
  most: MOST_IDS,
  options: {
    user: { value: 'id', help: 'All sessions of this user.' },
    except: { value: 'session id', help: 'With --user: but this one.' },
    'last-seen-before': { value: 'time', help: 'All sessions last seen before, as 2026-11-23T20:54:55Z.' },
    all: { help: 'All sessions there are.' },
    yes: { help: 'Do not ask.' },
  },
  connects: true,
  examples: [
    'npx pawl sessions revoke 019ab0c5-5b1e-7c3a-9d51-1f2e3d4c5b6a',
    'npx pawl sessions revoke --user 4711 --except 019ab0c5-5b1e-7c3a-9d51-1f2e3d4c5b6a',
    'npx pawl sessions revoke --last-seen-before 2026-11-23T20:54:55Z --yes',
  ],
  async run(context) {
    const { flags, given } = context
    const user = flags.text('user')
    const before = flags.text('last-seen-before')
    const all = flags.has('all')
    if ([given.length > 0, user !== undefined, before !== undefined, all].filter(Boolean).length !== 1) {
      throw new UsageError(
        'which sessions? Give ids, --user <id>, --last-seen-before <time> or --all: one of these',
      )
    }
    const except = exceptOf(flags.text('except'), user)
    if (given.length > 0) return withSessions(context, (sessions) => revokeIds(context, sessions))
    if (user !== undefined) {
      const whose = userId(user)
      const confirm = confirmation(context, 'this ends all sessions of a user')
      return withSessions(context, (sessions) => revokeUser(context, sessions, whose, except, confirm))
    }
    const lastSeenBefore = before === undefined ? null : pastTime('last-seen-before', before)
    const confirm = confirmation(context, 'this ends the sessions of many users')
    return withSessions(context, (sessions, store) =>
      revokeAll(context, sessions, store, lastSeenBefore, confirm),
    )
  },
}

interface Outcome {
  readonly sessionId: string
  readonly outcome: 'revoked' | 'already over' | 'not found'
  readonly endedAt: Date | null
  readonly endReason: string | null
}

async function revokeIds({ given, out }: Context, sessions: Sessions): Promise<number> {
  const outcomes: Outcome[] = []
  for (const one of new Set(given.map(toSessionId))) outcomes.push(await revokeOne(sessions, one))
  out.result({ sessions: outcomes }, () =>
    outcomes
      .map(({ sessionId, outcome, endedAt, endReason }) => {
        const name = isSessionId(sessionId) ? sessionId : quoted(sessionId)
        if (outcome === 'revoked') return `${name}: revoked`
        if (outcome === 'not found') return `${name}: not found`
        return `${name}: already over (${endReason}, ${time(endedAt!)})`
      })
      .join('\n'),
  )
  const missing = outcomes.filter(({ outcome }) => outcome === 'not found').length
  if (missing > 0) throw notFound(`${several(missing, 'session')} of ${count(outcomes.length)}`)
  return 0
}

async function revokeOne(sessions: Sessions, sessionId: string): Promise<Outcome> {
  // One that has expired is ended too: a refresh token that was never seen in use could still wake it.
  const revoked = isSessionId(sessionId) && (await sessions.revoke(sessionId))
  const session = isSessionId(sessionId) ? await sessions.get(sessionId) : null
  return {
    sessionId,
    outcome: revoked ? 'revoked' : session === null ? 'not found' : 'already over',
    endedAt: session?.endedAt ?? null,
    endReason: session?.endReason ?? null,
  }
}

async function revokeUser(
  { out }: Context,
  sessions: Sessions,
  user: string,
  except: string | null,
  confirm: Confirm,
): Promise<number> {
  const kept = await sessions.list(user)
  if (kept.length === 0) throw noSuchUser(user)
  if (except !== null && !kept.some(({ sessionId }) => sessionId === except)) {
    throw notFound(
      `session ${except} is none of the sessions of user '${printable(user)}', so none was ended`,
    )
  }
  const live = kept.filter(({ active, sessionId }) => active && sessionId !== except)
  if (live.length > 0) await confirm(`End ${several(live.length, 'session')} of user '${printable(user)}'?`)
  const revoked = await sessions.revokeUser(user, except === null ? {} : { except })
  out.result({ userId: user, revoked }, () =>
    revoked === 0
      ? `Nothing to end: ${lastOf(kept, except)}`
      : `Ended ${several(revoked, 'session')} of user '${printable(user)}'.`,
  )
  return 0
}

function lastOf(kept: readonly Session[], except: string | null): string {
  const over = kept.filter(({ sessionId }) => sessionId !== except)
  return over.length === 0
    ? 'the user has no other session.'
    : `all of them are over already (${[...new Set(over.map(state))].join(', ')}).`
}

async function revokeAll(
  context: Context,
  sessions: Sessions,
  store: PostgresStore,
  lastSeenBefore: Date | null,
  confirm: Confirm,
): Promise<number> {
  const counts = (await store.status(lastSeenBefore === null ? {} : { lastSeenBefore })).sessions
  const total = counts === null ? null : (counts.lastSeenBefore ?? counts.active + counts.expired)
  const many =
    total === null
      ? 'an unknown number of sessions'
      : `${counts!.exact ? '' : 'about '}${several(total, 'session')}`
  if (total !== 0) {
    await confirm(
      lastSeenBefore === null
        ? `End all sessions there are, ${many}? Everyone logs in again.`
        : `End ${many} last seen before ${time(lastSeenBefore)}? Their users log in again.`,
    )
  }
  const revoked = await longWork(context, 'ended', total, (onProgress) =>
    sessions.revokeAll(lastSeenBefore === null ? { onProgress } : { lastSeenBefore, onProgress }),
  )
  context.out.result({ lastSeenBefore, revoked }, () => `Ended ${several(revoked, 'session')}.`)
  return 0
}

/** @throws UsageError: a typing mistake here would end the session that is to be kept */
function exceptOf(given: string | undefined, user: string | undefined): string | null {
  if (given === undefined) return null
  if (user === undefined) throw new UsageError('--except goes with --user')
  const id = toSessionId(given)
  if (!isSessionId(id)) throw new UsageError('--except takes the id of a session, which is a UUID')
  return id
}
