import { checkClaims, validate } from '../../portable/claims.ts'
import { isOwnReason } from '../../portable/end-reason.ts'
import { TryAgainError } from '../../portable/errors.ts'
import { isSessionId } from '../../portable/session-id.ts'
import { checkUserId } from '../../portable/user-id.ts'
import type { SessionOperations } from '../api.ts'
import type { Engine } from '../engine.ts'
import { idleExpiry, pruneTime } from '../session/lifetime.ts'
import { repeatKnownEnd } from '../session/rows.ts'
import { type Session, toSession } from '../session/session.ts'
import { END_REASONS, type SessionRow, type SessionWrites } from '../store.ts'
import { checkFits } from '../tokens/access-token.ts'
import { accessTokenFields } from '../tokens/issue.ts'
import { createSession } from './create.ts'
import { patchData, setData } from './data.ts'
import { renewSession } from './renew.ts'
import { assertStillActive, endSession, endUser, publishVersions, type Scope } from './write-scope.ts'

const ATTEMPTS = 3
/** An erased row stays for two access-token lifetimes and this time, in ms, so that every process learns of the end. */
const ERASED_ROW_RETENTION = 10 * 60_000

/** The public operations, on the store itself or inside a transaction of the application. */
export function operations<Claims extends object, Data>(
  engine: Engine,
  writes: SessionWrites,
  autocommit: boolean,
): SessionOperations<Claims, Data> {
  const { options, clock, ring } = engine
  const scope: Scope = { engine, writes, autocommit }
  const asSession = (row: SessionRow): Session<Claims, Data> => {
    if (row.endReason === null) repeatKnownEnd(engine, row.id)
    return toSession<Claims, Data>(row, clock.now())
  }

  return {
    create: (input) => createSession(scope, input),
    async revoke(sessionId, reason = 'revoked') {
      if (!isOwnReason(reason)) throw new TypeError(`\`reason\` takes one of ${END_REASONS.join(', ')}`)
      return endSession(scope, sessionId, reason)
    },
    async revokeUser(userId, { except } = {}) {
      if (except !== undefined && !isSessionId(except)) throw new TypeError('`except` takes a session id')
      return endUser(scope, checkUserId(userId), except ?? null)
    },
    async deleteUser(userId) {
      await endUser(scope, checkUserId(userId), null)
      return writes.eraseByUser(userId, clock.now() + 2 * options.accessToken.lifetime + ERASED_ROW_RETENTION)
    },
    async expireAccessTokens(which) {
      const now = clock.now()
      let raised: { id: string; version: number }[] = []
      if (typeof which === 'string') {
        const version = isSessionId(which) ? await writes.raiseVersion(which, now) : null
        if (version !== null) raised = [{ id: which, version }]
      } else raised = await writes.raiseVersionByUser(checkUserId(which?.userId), now)
      if (raised.length > 0) await publishVersions(scope, raised)
      return raised.length
    },
    async get(sessionId) {
      const row = isSessionId(sessionId) ? await writes.read(sessionId) : null
      return row === null ? null : asSession(row)
    },
    async list(userId) {
      return (await writes.listByUser(checkUserId(userId))).map(asSession)
    },
    setData: (sessionId, data, { ifVersion } = {}) => setData(scope, sessionId, data, ifVersion),
    patchData: (sessionId, patch, { ifVersion } = {}) => patchData(scope, sessionId, patch, ifVersion),
    async setClaims(sessionId, claims) {
      const checked = checkClaims(await validate(options.claims, claims, 'claims'))
      const row = await assertStillActive(scope, sessionId)
      const now = clock.now()
      const issue = { generation: 0, twin: null, now, context: null }
      checkFits(
        await ring.signer(),
        options.accessToken,
        accessTokenFields(engine, { ...row, claims: checked }, issue, 0),
      )
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const version = await writes.writeClaims(sessionId, checked, now)
        if (version !== null) {
          await publishVersions(scope, [{ id: sessionId, version }])
          return version
        }
        // A missing row proves nothing by itself. Read the row, then retry.
        await assertStillActive(scope, sessionId)
      }
      throw new TryAgainError()
    },
    renew: (sessionId, renewal = {}) => renewSession(scope, sessionId, renewal),
    async reauthenticate(sessionId) {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        // No grace period here: reauthentication restarts the timeouts, and must not revive an idle session.
        const row = await assertStillActive(scope, sessionId, 0)
        const now = clock.now()
        // The session keeps the absolute lifetime that it was created with.
        const lifetime = row.absoluteExpiresAt === null ? null : row.absoluteExpiresAt - row.authTime
        const clocks = {
          idleTimeout: row.idleTimeout,
          absoluteExpiresAt: lifetime === null ? null : now + lifetime,
        }
        const expiresAt = idleExpiry(engine, clocks, now)
        const { absoluteExpiresAt } = clocks
        const pruneAt = pruneTime(engine, clocks, expiresAt, now)
        if (
          await writes.reauthenticate(sessionId, row.version, now, { expiresAt, absoluteExpiresAt, pruneAt })
        ) {
          await publishVersions(scope, [{ id: sessionId, version: row.version + 1 }])
          return
        }
      }
      throw new TryAgainError()
    },
  }
}
