import type { Sessions } from '../../../index.ts'
import { count, counted, time } from '../../../portable/format.ts'
import { printable } from '../../../portable/printable.ts'
import { isSessionId } from '../../../portable/session-id.ts'
import type { Context } from '../../command.ts'
import { notFound } from '../../terminal/errors.ts'
import { quoted } from '../../terminal/text.ts'
import { toSessionId } from '../../terminal/values.ts'

interface Outcome {
  readonly sessionId: string
  readonly outcome: 'revoked' | 'already ended' | 'not found'
  readonly endedAt: Date | null
  readonly endReason: string | null
}

/** @throws Failure if a session is not found, after the others are revoked */
export async function revokeByIds({ positionals, out }: Context, sessions: Sessions): Promise<number> {
  const outcomes: Outcome[] = []
  for (const id of new Set(positionals.map(toSessionId))) outcomes.push(await revokeById(sessions, id))
  out.result({ sessions: outcomes }, () => outcomes.map(outcomeLine).join('\n'))
  const missing = outcomes.filter(({ outcome }) => outcome === 'not found').length
  if (missing > 0) throw notFound(`${count(missing)} of ${counted(outcomes.length, 'session')}`)
  return 0
}

async function revokeById(sessions: Sessions, sessionId: string): Promise<Outcome> {
  // Expired sessions too: a refresh token not yet seen in use could still renew one.
  const revoked = isSessionId(sessionId) && (await sessions.revoke(sessionId))
  const session = isSessionId(sessionId) ? await sessions.get(sessionId) : null
  return {
    sessionId,
    outcome: revoked ? 'revoked' : session === null ? 'not found' : 'already ended',
    endedAt: session?.endedAt ?? null,
    endReason: session?.endReason ?? null,
  }
}

function outcomeLine({ sessionId, outcome, endedAt, endReason }: Outcome): string {
  const name = isSessionId(sessionId) ? sessionId : quoted(sessionId)
  const details = outcome === 'already ended' ? ` (${printable(endReason!)}, ${time(endedAt!)})` : ''
  return `${name}: ${outcome}${details}`
}
