import type { Command } from '../../command.ts'
import { withSessions } from '../../database.ts'
import { confirmation } from '../../terminal/confirm.ts'
import { UsageError } from '../../terminal/errors.ts'
import { parsePastTime, parseUserId } from '../../terminal/values.ts'
import { revokeAll } from './revoke-all.ts'
import { revokeByIds } from './revoke-by-ids.ts'
import { parseExcept, revokeUser } from './revoke-user.ts'

const MAX_IDS = 100

export const sessionsRevoke: Command = {
  name: 'sessions revoke',
  usage: '(<session id...> | --user <id> | --last-seen-before <time> | --all)',
  summary: 'Revoke sessions, in every process and at once.',
  details: `Every running process refuses the access tokens of a revoked session. Except for single session ids, the
command asks for confirmation. After a restore from a backup, --last-seen-before revokes the sessions that no
client has used since that time.`,
  maxArguments: MAX_IDS,
  options: {
    user: { value: 'id', help: 'Revoke all sessions of this user.' },
    except: { value: 'session id', help: 'With --user: keep this session.' },
    'last-seen-before': {
      value: 'time',
      help: 'Revoke all sessions last seen before this time, such as 2026-11-23T20:54:55Z.',
    },
    all: { help: 'Revoke all sessions of all users.' },
    yes: { help: 'Do not ask for confirmation.' },
  },
  needsDatabase: true,
  examples: [
    'npx pawl sessions revoke 019ab0c5-5b1e-7c3a-9d51-1f2e3d4c5b6a',
    'npx pawl sessions revoke --user 4711 --except 019ab0c5-5b1e-7c3a-9d51-1f2e3d4c5b6a',
    'npx pawl sessions revoke --last-seen-before 2026-11-23T20:54:55Z --yes',
  ],
  async run(context) {
    const { flags, positionals } = context
    const user = flags.value('user')
    const before = flags.value('last-seen-before')
    const targets = [positionals.length > 0, user !== undefined, before !== undefined, flags.has('all')]
    if (targets.filter(Boolean).length !== 1) {
      throw new UsageError(
        'which sessions? Give session ids, --user <id>, --last-seen-before <time> or --all, and only one of them.',
      )
    }
    const except = parseExcept(flags.value('except'), user)
    if (positionals.length > 0) return withSessions(context, (sessions) => revokeByIds(context, sessions))
    if (user !== undefined) {
      const userId = parseUserId(user)
      const confirm = confirmation(context, 'this revokes all sessions of a user')
      return withSessions(context, (sessions) => revokeUser(context, sessions, userId, except, confirm))
    }
    const lastSeenBefore = before === undefined ? null : parsePastTime('last-seen-before', before)
    const confirm = confirmation(context, 'this revokes the sessions of many users')
    return withSessions(context, (sessions, store) =>
      revokeAll(context, sessions, store, lastSeenBefore, confirm),
    )
  },
}
