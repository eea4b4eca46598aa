import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkFits } from './access-token.ts'
import type { CreateSession, SessionOperations } from './api.ts'
import { checkClaims, checkData, validate } from './claims.ts'
import { normalizeContext } from './context.ts'
import {
  accessTokenFields,
  announceEnd,
  assertActive,
  type Engine,
  ending,
  idleExpiry,
  issueAccessToken,
  issueRefreshToken,
  pruneTime,
  readRow,
} from './engine.ts'
import { TryAgainError } from './errors.ts'
import { absoluteTimeout, idleTimeout } from './options.ts'
import { ANCHOR_BYTES, fingerprint, mintRefreshToken, NO_PARENT } from './refresh-token.ts'
import { type Session, toSession } from './session.ts'
import { isSessionId, newSessionId } from './session-id.ts'
import type { EndReason, SessionRow, SessionWrites } from './store.ts'

const MAX_USER_ID = 255
const CREATE_FIELDS: ReadonlySet<string> = new Set<keyof CreateSession<object, unknown>>([
  'userId',
  'claims',
  'data',
  'replaces',
  'persistent',
  'idleTimeout',
  'absoluteTimeout',
  'ip',
  'userAgent',
])
const ATTEMPTS = 3
/** Every writer of one row that loses has let another one win, so patience pays. */
const MERGE_ATTEMPTS = 20
const END_REASONS: readonly EndReason[] = [
  'logout',
  'revoked',
  'reuse',
  'idle',
  'absolute',
  'replaced',
  'limit',
  'rollback',
]

/** @param own whether the writes commit by themselves, so that this process may act on them at once */
export function operations<Claims extends object, Data>(
  engine: Engine,
  writes: SessionWrites,
  own: boolean,
): SessionOperations<Claims, Data> {
  const { options, clock, events, ring, revocations } = engine
  const readable = (row: SessionRow): Session<Claims, Data> => toSession<Claims, Data>(row, clock.now())

  /** Nothing was written although nothing else was in the way: say why. */
  async function assertStillActive(
    sessionId: string,
    grace: number = options.accessTokenLifetime,
  ): Promise<SessionRow> {
    let row: SessionRow | null = null
    // A transaction of the caller's is not kept open to read again.
    if (isSessionId(sessionId)) row = own ? await readRow(writes, sessionId) : await writes.read(sessionId)
    // A refresh token not yet seen in use has not pushed the row's idle expiry: its access token is proof enough.
    const alive = row === null ? null : { ...row, expiresAt: row.expiresAt + grace }
    assertActive(sessionId, alive, clock.now())
    return row!
  }

  async function end(sessionId: string, reason: EndReason): Promise<boolean> {
    if (!isSessionId(sessionId)) return false
    const ended = await writes.end(sessionId, ending(engine, reason, clock.now()))
    if (ended && own) announceEnd(engine, sessionId, reason)
    return ended
  }

  async function writeData(
    sessionId: string,
    data: unknown,
    how: 'replace' | 'merge',
    ifVersion: number | undefined,
  ): Promise<number | null> {
    if (ifVersion !== undefined && !Number.isSafeInteger(ifVersion))
      throw new TypeError('`ifVersion` takes an integer')
    for (let attempt = 1; isSessionId(sessionId) && attempt <= ATTEMPTS; attempt++) {
      const version = await writes.writeData(sessionId, data, how, ifVersion ?? null)
      if (version !== null) return version
      const row = await assertStillActive(sessionId)
      if (ifVersion !== undefined && row.dataVersion !== ifVersion) return null
    }
    await assertStillActive(sessionId)
    throw new TryAgainError()
  }

  return {
    async create(input) {
      if (typeof input !== 'object' || input === null)
        throw new TypeError('`create` takes an object with a `userId`')
      for (const name of Object.keys(input)) {
        if (!CREATE_FIELDS.has(name)) throw new TypeError(`\`create\` takes no \`${name.slice(0, 64)}\``)
      }
      if (typeof (input.persistent ?? true) !== 'boolean')
        throw new TypeError('`persistent` takes true or false')
      const userId = checkUserId(input.userId)
      const claims = checkClaims(await validate(options.claimsSchema, input.claims ?? {}, 'claims'))
      const data = checkData(await validate(options.dataSchema, input.data ?? null, 'data'))
      const now = clock.now()
      const idle =
        input.idleTimeout === undefined ? null : Math.ceil(idleTimeout(input.idleTimeout) / 1000) * 1000
      const absolute =
        input.absoluteTimeout === undefined ? options.absoluteTimeout : absoluteTimeout(input.absoluteTimeout)
      const id = newSessionId(options.sessionIdVersion, now)
      const anchor = randomBytes(ANCHOR_BYTES)
      const token = mintRefreshToken(options.secrets, {
        sessionId: id,
        generation: 0,
        issuedAt: now,
        parent: NO_PARENT,
        anchor,
      })
      const clocks = { idleTimeout: idle, absoluteExpiresAt: absolute === null ? null : now + absolute }
      const expiresAt = idleExpiry(engine, clocks, now)
      const row: SessionRow = {
        id,
        userId,
        generation: 0,
        current: token.fingerprint,
        previous: null,
        turnedAt: now,
        switchedAt: null,
        anchorHash: fingerprint(anchor),
        version: 0,
        createdAt: now,
        authTime: now,
        lastSeenAt: now,
        expiresAt,
        ...clocks,
        persistent: input.persistent ?? true,
        claims,
        data,
        dataVersion: 0,
        ...normalizeContext(input),
        endedAt: null,
        endReason: null,
        pruneAt: pruneTime(engine, clocks, expiresAt),
      }
      checkFits(await ring.signer(), options.profile, accessTokenFields(engine, row, 0, null, now, 0))
      // Signed first: a key service that fails must not leave a session nobody holds.
      const accessToken = await issueAccessToken(engine, row, 0, null, now)
      await writes.insert(row)
      if (own) events.emit('created', { sessionId: id, userId })
      if (input.replaces !== undefined) {
        try {
          await end(input.replaces, 'replaced')
        } catch (error) {
          // The caller gets no tokens, so nobody would ever hold the new session.
          await end(id, 'replaced').catch(() => {})
          throw error
        }
      }
      return {
        session: readable(row),
        accessToken,
        refreshToken: issueRefreshToken(engine, row, token),
      }
    },
    revoke(sessionId, reason = 'revoked') {
      if (!END_REASONS.includes(reason))
        return Promise.reject(new TypeError(`\`reason\` takes one of ${END_REASONS.join(', ')}`))
      return end(sessionId, reason)
    },
    async revokeUser(userId, { except } = {}) {
      if (except !== undefined && !isSessionId(except)) throw new TypeError('`except` takes a session id')
      const ended = await writes.endByUser(
        checkUserId(userId),
        ending(engine, 'revoked', clock.now()),
        except ?? null,
      )
      if (own) for (const id of ended) announceEnd(engine, id, 'revoked')
      return ended.length
    },
    async get(sessionId) {
      const row = isSessionId(sessionId) ? await writes.read(sessionId) : null
      return row === null ? null : readable(row)
    },
    async list(userId) {
      return (await writes.listByUser(checkUserId(userId))).map(readable)
    },
    async setData(sessionId, data, { ifVersion } = {}) {
      return writeData(
        sessionId,
        checkData(await validate(options.dataSchema, data, 'data')),
        'replace',
        ifVersion,
      )
    },
    async patchData(sessionId, patch, { ifVersion } = {}) {
      if (typeof patch !== 'object' || patch === null || Array.isArray(patch))
        throw new TypeError('`patchData` takes an object')
      const checked = checkData(patch)
      if (options.dataSchema === null) return writeData(sessionId, checked, 'merge', ifVersion)
      // The schema speaks of the whole: merge here, and write only over the version that was merged.
      for (let attempt = 1; attempt <= MERGE_ATTEMPTS; attempt++) {
        const { data, dataVersion } = await assertStillActive(sessionId)
        if (ifVersion !== undefined && ifVersion !== dataVersion) return null
        const merged = { ...(data as object | null), ...(checked as object) }
        const valid = checkData(await validate(options.dataSchema, merged, 'data'))
        const version = await writeData(sessionId, valid, 'replace', dataVersion)
        if (version !== null) return version
        await sleep(Math.random() * 10 * attempt)
      }
      throw new TryAgainError()
    },
    async setClaims(sessionId, claims) {
      const checked = checkClaims(await validate(options.claimsSchema, claims, 'claims'))
      const row = await assertStillActive(sessionId)
      const now = clock.now()
      checkFits(
        await ring.signer(),
        options.profile,
        accessTokenFields(engine, { ...row, claims: checked }, 0, null, now, 0),
      )
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const version = await writes.writeClaims(sessionId, checked, now)
        if (version !== null) {
          if (own) revocations.changed(sessionId, version)
          return version
        }
        // No row alone proves nothing: look, and try again.
        await assertStillActive(sessionId)
      }
      throw new TryAgainError()
    },
    async reauthenticate(sessionId) {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        // Without grace, as this starts the clocks anew: it must not wake what has been idle too long.
        const row = await assertStillActive(sessionId, 0)
        const now = clock.now()
        // The absolute lifetime is the one the session was created with.
        const lifetime = row.absoluteExpiresAt === null ? null : row.absoluteExpiresAt - row.authTime
        const clocks = {
          idleTimeout: row.idleTimeout,
          absoluteExpiresAt: lifetime === null ? null : now + lifetime,
        }
        const expiresAt = idleExpiry(engine, clocks, now)
        const { absoluteExpiresAt } = clocks
        const pruneAt = pruneTime(engine, clocks, expiresAt)
        if (
          await writes.reauthenticate(sessionId, row.version, now, { expiresAt, absoluteExpiresAt, pruneAt })
        ) {
          if (own) revocations.changed(sessionId, row.version + 1)
          return
        }
      }
      throw new TryAgainError()
    },
  }
}

function checkUserId(userId: unknown): string {
  if (typeof userId !== 'string' || userId === '' || userId.length > MAX_USER_ID) {
    throw new TypeError(`\`userId\` takes a string of 1 to ${MAX_USER_ID} characters`)
  }
  if (userId.includes('\0') || !userId.isWellFormed())
    throw new TypeError('`userId` takes well-formed text without U+0000')
  return userId
}
