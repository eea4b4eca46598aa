import { createHash, timingSafeEqual } from 'node:crypto'
import { prune } from '../core/operations/maintenance.ts'
import { isSessionsError } from '../portable/errors.ts'
import { errorReply } from './error-reply.ts'
import type { Reply } from './exchange.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { createReply, jsonReply, NO_CACHING } from './reply.ts'

/** No further batch starts after this many milliseconds: a function may run for ten seconds only. */
const PRUNE_WITHIN = 5000

/**
 * `GET <path>/prune`: deletes rows past their retention, for a cron that sends `Authorization: Bearer <secret>` as Vercel's
 * does. Without the secret it reads and changes nothing.
 */
export async function pruneRoute<C extends object, D>(
  request: IncomingRequest<C, D>,
  secret: string,
): Promise<Reply> {
  const [, presented = ''] = /^bearer +(\S+) *$/i.exec(request.exchange.header('authorization') ?? '') ?? []
  if (!isSame(presented, secret)) return createReply(401, [['www-authenticate', 'Bearer'], ...NO_CACHING])
  const startedAt = performance.now()
  let more = false
  const isLate = (): boolean => {
    more = performance.now() - startedAt > PRUNE_WITHIN
    return more
  }
  try {
    const sessions = await prune(request.engine, {}, isLate)
    return jsonReply(200, { sessions, more }, NO_CACHING)
  } catch (error) {
    const reply = isSessionsError(error) ? errorReply(request, error) : null
    if (reply === null) throw error
    return reply
  }
}

/** In a time that depends on neither text. */
function isSame(presented: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(presented), digest(secret))
}
