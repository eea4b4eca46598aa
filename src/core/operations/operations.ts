import { isOwnReason } from '../../portable/end-reason.ts'
import { ActingRefusedError, TryAgainError } from '../../portable/errors.ts'
import { methodOptions } from '../../portable/options/method-options.ts'
import { isSessionId } from '../../portable/session-id.ts'
import { checkUserId } from '../../portable/user-id.ts'
import type { SessionOperations } from '../api.ts'
import type { Engine } from '../engine.ts'
import { refuseAllBut } from '../read-only.ts'
import { idleExpiry, pruneTime } from '../session/lifetime.ts'
import type { Session } from '../session/session.ts'
import { readSession } from '../session/stored-values.ts'
import { END_REASONS, type SessionRow, type SessionWrites } from '../store.ts'
import { assertClaimsRefresh } from '../tokens/issue.ts'
import { createSession } from './create.ts'
import { patchData, setData } from './data.ts'
import { createHandoff, redeemHandoff } from './handoff.ts'
import { toListPage } from './list.ts'
import { renewSession } from './renew.ts'
import {
  assertStillActive,
  endSession,
  endUser,
  expireUser,
  publishVersions,
  type Scope,
  USER_BATCH,
} from './write-scope.ts'

const ATTEMPTS = 3
/** An erased row stays for two access-token lifetimes and this time, in ms, so that every process learns of the end. */
const ERASED_ROW_RETENTION = 10 * 60_000

/** Has the length of every session id. */
const NO_SESSION = '00000000-0000-0000-0000-000000000000'

/** The public operations, on the store itself or inside a transaction of the application. */
export function operations<Claims extends object, Data>(
  engine: Engine,
  writes: SessionWrites,
  autocommit: boolean,
): SessionOperations<Claims, Data> {
  const { options, clock, schemas } = engine
  const scope: Scope = { engine, writes, autocommit }
  const asSession = (row: SessionRow): Promise<Session<Claims, Data>> =>
    readSession<Claims, Data>(engine, row)

  const all: SessionOperations<Claims, Data> = {
    create: (input) => createSession(scope, input),
    handoff: (sessionId, given) => createHandoff(scope, sessionId, given),
    redeem: (code, given) => redeemHandoff(scope, code, given),
    async revoke(sessionId, reason = 'revoked') {
      if (!isOwnReason(reason)) throw new TypeError(`\`reason\` takes one of ${END_REASONS.join(', ')}`)
      return endSession(scope, sessionId, reason)
    },
    async revokeUser(userId, given) {
      const { except } = methodOptions('revokeUser', given, 'except')
      if (except !== undefined && !isSessionId(except)) throw new TypeError('`except` takes a session id')
      return endUser(scope, checkUserId(userId), except ?? null)
    },
    async deleteUser(userId) {
      await endUser(scope, checkUserId(userId), null)
      const pruneAt = clock.now() + 2 * options.accessToken.lifetime + ERASED_ROW_RETENTION
      let total = 0
      for (let erased = USER_BATCH; erased === USER_BATCH; total += erased)
        erased = await writes.eraseByUser(userId, pruneAt, USER_BATCH)
      total += await writes.eraseActor(userId)
      for (const forget of engine.erasureListeners) forget(userId)
      return total
    },
    async expireAccessTokens(which) {
      if (typeof which !== 'string')
        return expireUser(scope, checkUserId(methodOptions('expireAccessTokens', which, 'userId').userId))
      const version = isSessionId(which) ? await writes.raiseVersion(which, clock.now()) : null
      if (version === null) return 0
      await publishVersions(scope, [{ id: which, version }])
      return 1
    },
    async get(sessionId) {
      const row = isSessionId(sessionId) ? await writes.read(sessionId) : null
      return row === null ? null : asSession(row)
    },
    async list(userId, page) {
      const rows = await writes.listByUser(checkUserId(userId), toListPage(page, clock.now()))
      return Promise.all(rows.map(asSession))
    },
    async setData(sessionId, data, given) {
      return setData(scope, sessionId, data, methodOptions('setData', given, 'ifVersion').ifVersion)
    },
    async patchData(sessionId, patch, given) {
      return patchData(scope, sessionId, patch, methodOptions('patchData', given, 'ifVersion').ifVersion)
    },
    async setClaims(which, claims) {
      const accepted = await schemas.claims.accept(claims)
      const now = clock.now()
      if (typeof which !== 'string') {
        const userId = checkUserId(methodOptions('setClaims', which, 'userId').userId)
        await assertClaimsRefresh(engine, sessionOf(userId, now), accepted, null)
        const written = await writes.writeClaimsByUser(userId, accepted, now)
        if (written.length > 0) await publishVersions(scope, written)
        return written.length
      }
      const sessionId = which
      const row = await assertStillActive(scope, sessionId)
      await assertClaimsRefresh(engine, row, accepted, row.claims)
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const version = await writes.writeClaims(sessionId, accepted, now)
        if (version !== null) {
          await publishVersions(scope, [{ id: sessionId, version }])
          return version
        }
        // A missing row proves nothing by itself. Read the row, then retry.
        await assertStillActive(scope, sessionId)
      }
      throw new TryAgainError()
    },
    async renew(sessionId, given) {
      const names = ['reauthenticated', 'claims', 'ip', 'userAgent'] as const
      return renewSession(scope, sessionId, methodOptions('renew', given, ...names))
    },
    async reauthenticate(sessionId) {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        // No grace period here: reauthentication restarts the timeouts, and must not revive an idle session.
        const row = await assertStillActive(scope, sessionId, 0)
        if (row.actor !== null) throw new ActingRefusedError()
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
  return engine.store.readOnly === true ? refuseAllBut(all, ['get', 'list']) : all
}

/** The fields of any session of a user whose length in a token matters. */
function sessionOf(userId: string, authTime: number): Parameters<typeof assertClaimsRefresh>[1] {
  return {
    id: NO_SESSION,
    userId,
    version: 0,
    authTime,
    createdAt: authTime,
    idleTimeout: null,
    absoluteExpiresAt: null,
    actor: null,
    parentId: null,
    device: null,
    renewals: [],
  }
}
