import { randomBytes } from 'node:crypto'
import { type AccessToken, checkFits, parseAccessToken } from './access-token.ts'
import { type ClaimsObject, checkClaims, checkData, validate } from './claims.ts'
import { createClock } from './clock.ts'
import { createConfirmations } from './confirmations.ts'
import { normalizeContext, type RefreshContext, type RequestContext } from './context.ts'
import {
  accessTokenFields,
  announceEnd,
  assertActive,
  type Engine,
  ending,
  type IssuedToken,
  idleExpiry,
  issueAccessToken,
  issueRefreshToken,
  pruneTime,
  readRow,
  turnOf,
} from './engine.ts'
import {
  AccessTokenExpiredError,
  AccessTokenInvalidError,
  InvalidOptionsError,
  SessionEndedError,
} from './errors.ts'
import { createEvents, type EventName, type SessionEvents } from './events.ts'
import { createInternals, type Internals, internals } from './internals.ts'
import { createKeyRing, createProvidedKeyRing, type JsonWebKeySet, type KeyInfo } from './key-ring.ts'
import {
  absoluteTimeout,
  CLOCK_TOLERANCE,
  idleTimeout,
  resolveOptions,
  type SessionsOptions,
} from './options.ts'
import { startPolling } from './polling.ts'
import { refresh, refuse } from './refresh.ts'
import { ANCHOR_BYTES, fingerprint, mintRefreshToken, NO_PARENT } from './refresh-token.ts'
import { createRevocations } from './revocations.ts'
import { type Session, toSession } from './session.ts'
import { isSessionId, newSessionId } from './session-id.ts'
import type { EndReason, SessionRow, SessionWrites } from './store.ts'
import { createTokenCache } from './token-cache.ts'

const MAX_USER_ID = 255
const PRUNE_BATCH = 1000
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

export type { IssuedToken }

export interface CreateSession<Claims extends object, Data> extends RequestContext {
  /** 1 to 255 characters. */
  readonly userId: string
  /** Put at the top level of the access token, where the client can read them. @defaultValue {} */
  readonly claims?: Claims
  /** Kept in the row, never sent to the client. @defaultValue null */
  readonly data?: Data
  /** A session this login takes the place of; it ends as `replaced` (session fixation, ASVS 7.2.4). */
  readonly replaces?: string | undefined
  /** "Remember me": whether cookies outlive the browser. @defaultValue true */
  readonly persistent?: boolean
  /** Whole seconds; instead of the configured one. */
  readonly idleTimeout?: number
  /** Seconds; instead of the configured one. */
  readonly absoluteTimeout?: number | null
}

export interface CreatedSession<Claims extends object, Data> {
  readonly session: Session<Claims, Data>
  readonly accessToken: IssuedToken
  readonly refreshToken: IssuedToken
}

export interface RefreshedSession<Claims extends object, Data> {
  readonly session: Session<Claims, Data>
  readonly accessToken: IssuedToken
  /** `null`: keep the one you have. */
  readonly refreshToken: IssuedToken | null
}

/** What a verified access token says. */
export interface VerifiedSession<Claims extends object = ClaimsObject> {
  readonly sessionId: string
  readonly userId: string
  readonly claims: Claims
  readonly issuedAt: Date
  readonly expiresAt: Date
  /** When the user last proved who they are. */
  readonly authTime: Date
  readonly generation: number
}

/** The writes that can also run inside a transaction of the application's own. */
export interface SessionOperations<Claims extends object, Data> {
  /** Starts a session. @throws TypeError for claims with reserved names or too large for a cookie */
  create(session: CreateSession<Claims, Data>): Promise<CreatedSession<Claims, Data>>
  /** Ends a session, everywhere. @returns whether this call ended it */
  revoke(sessionId: string, reason?: EndReason): Promise<boolean>
  /** Ends all sessions of a user but `except`. @returns how many this call ended */
  revokeUser(userId: string, options?: { readonly except?: string }): Promise<number>
  /** @returns null when there is none, or its row has been pruned */
  get(sessionId: string): Promise<Session<Claims, Data> | null>
  /** All kept sessions of a user, ended ones too, the most recently seen first. */
  list(userId: string): Promise<Session<Claims, Data>[]>
  /**
   * Replaces `data`. @returns the new data version; null when `ifVersion` is not the row's any more
   * @throws SessionEndedError: data never brings an ended session back
   */
  setData(sessionId: string, data: Data, options?: { readonly ifVersion?: number }): Promise<number | null>
  /** Replaces the given top-level keys of `data`. Otherwise as {@link setData}. */
  patchData(
    sessionId: string,
    patch: Partial<Data>,
    options?: { readonly ifVersion?: number },
  ): Promise<number | null>
  /**
   * Replaces the claims. Older access tokens are refused by every process and answer "refresh".
   * @returns the session's new version
   * @throws SessionEndedError
   */
  setClaims(sessionId: string, claims: Claims): Promise<number>
  /**
   * The user has proved again who they are: new `authTime`, both clocks start anew (NIST SP 800-63B
   * section 5.2), older access tokens answer "refresh".
   * @throws SessionEndedError
   */
  reauthenticate(sessionId: string): Promise<void>
}

/** Session management, the whole of it. Made by {@link createSessions}. */
export interface Sessions<Claims extends object = ClaimsObject, Data = unknown>
  extends SessionOperations<Claims, Data>,
    AsyncDisposable {
  /**
   * Verifies an access token: synchronous, no I/O.
   * @throws AccessTokenInvalidError, AccessTokenExpiredError, SessionEndedError
   */
  verify(accessToken: string, context?: RequestContext): VerifiedSession<Claims>
  /** {@link verify} and one read of the row, for what must not rely on the feed. @throws also StoreUnavailableError */
  check(accessToken: string, context?: RequestContext): Promise<VerifiedSession<Claims>>
  /**
   * Exchanges a refresh token.
   * @throws RefreshTokenInvalidError, RefreshTokenReusedError, SessionEndedError: sign in again
   * @throws TryAgainError, StoreUnavailableError, SecretUnknownError: later; the session is untouched
   */
  refresh(refreshToken: string, context?: RefreshContext): Promise<RefreshedSession<Claims, Data>>
  /** The same writes inside the caller's own transaction; others see them when it commits. */
  using(client: unknown): SessionOperations<Claims, Data>
  readonly keys: {
    list(): KeyInfo[]
    /** Publishes the next signing key now; it signs once every process has had time to load it. */
    rotate(): Promise<KeyInfo>
    /** The public keys, for other services (RFC 7517); empty with HS256. */
    jwks(): JsonWebKeySet
  }
  /** Deletes rows that are kept for nothing any more. @returns how many */
  prune(): Promise<number>
  /** Waits until all confirmations so far are in the database. */
  flush(): Promise<void>
  /** @returns a function that removes the listener */
  on<Name extends EventName>(name: Name, listener: (event: SessionEvents[Name]) => void): () => void
  /** Flushes and stops everything; nothing keeps the process alive afterwards. Safe to call twice. */
  close(): Promise<void>
  /** @internal */
  readonly [internals]: Internals
}

/**
 * Checks options, schema and secret, loads the signing keys and starts listening for revocations.
 *
 * @example
 * const sessions = await createSessions<{ role: string }>({
 *   store: postgres({ pool }),
 *   secret: process.env.PAWL_SECRET,
 * })
 *
 * @throws InvalidOptionsError, StoreUnavailableError (within 10 s), SchemaOutdatedError, SecretUnknownError
 */
export async function createSessions<Claims extends object = ClaimsObject, Data = unknown>(
  given: SessionsOptions<Claims, Data>,
): Promise<Sessions<Claims, Data>> {
  const options = resolveOptions(given as SessionsOptions<never, never>)
  const { store } = options
  const events = createEvents()
  const clock = createClock(store, options.now)
  try {
    await store.start()
    const skew = await clock.synchronize()
    if (Math.abs(skew) > Math.max(options.rotation.overlap, CLOCK_TOLERANCE)) {
      throw new InvalidOptionsError(
        'overlap',
        `this process's clock is ${Math.round(skew / 1000)} s off the database's, more than the \`overlap\`; set the clock (NTP)`,
      )
    }
    const ring =
      options.signingKeys === null
        ? await createKeyRing(store, options.secrets, clock, events, {
            algorithm: options.algorithm,
            rotationInterval: options.keyRotationInterval,
            tokenLifetime: options.accessTokenLifetime,
          })
        : createProvidedKeyRing(options.signingKeys)
    const revocations = createRevocations(store, clock, options.accessTokenLifetime + 4 * CLOCK_TOLERANCE)
    await revocations.poll()
    return assemble<Claims, Data>({ options, store, clock, events, ring, revocations })
  } catch (error) {
    await store.close().catch(() => {})
    throw error
  }
}

/** An access token that was checked once, with what has to be checked again each time. */
interface Seen {
  readonly token: AccessToken
  readonly verified: VerifiedSession<never>
}

function assemble<Claims extends object, Data>(engine: Engine): Sessions<Claims, Data> {
  const { options, store, clock, events, ring, revocations } = engine
  const cache = createTokenCache<Seen>(options.tokenCacheBytes)
  const confirmations = createConfirmations(store, clock, events, options.rotation, options.decideWithin, {
    turnOf: (row, next, evidence) => turnOf(engine, row, next, evidence),
    end: (row, verdict, evidence) => refuse(engine, row, verdict, evidence.ip, evidence.userAgent),
  })
  const polling = startPolling(engine)
  let closing: Promise<void> | null = null

  function assertGood({ expiresAt, issuedAt, sessionId, version }: AccessToken, now: number): void {
    // The second bound makes a shortened `accessTokenLifetime` hold at once, and the feed's retention suffice.
    if (now >= expiresAt || now >= issuedAt + options.accessTokenLifetime + CLOCK_TOLERANCE) {
      throw new AccessTokenExpiredError('expired')
    }
    revocations.assertLive(sessionId)
    if (version < revocations.minimumVersion(sessionId)) throw new AccessTokenExpiredError('superseded')
  }

  function firstSight(value: string, now: number, context: RequestContext | undefined): Seen {
    const token = parseAccessToken(value, ring, options.profile)
    if (Math.max(token.issuedAt, token.notBefore ?? 0) > now + CLOCK_TOLERANCE) {
      throw new AccessTokenInvalidError('the access token is not valid yet')
    }
    assertGood(token, now)
    const seen: Seen = { token, verified: describe(token) as VerifiedSession<never> }
    cache.set(value, seen)
    const { lateWindow, tolerance } = options.rotation
    if (token.twin !== null && now - token.issuedAt <= lateWindow + tolerance) {
      confirmations.add({
        sessionId: token.sessionId,
        twin: token.twin,
        seenAt: now,
        ...normalizeContext(context),
      })
    }
    return seen
  }

  function verify(value: string, context?: RequestContext): Seen {
    const now = clock.now()
    const seen = typeof value === 'string' ? cache.get(value) : undefined
    // A hit whose key has been retired goes the long way and fails there.
    if (seen === undefined || ring.find(seen.token.header) === undefined)
      return firstSight(value, now, context)
    assertGood(seen.token, now)
    return seen
  }

  const sessions: Sessions<Claims, Data> = {
    ...operations<Claims, Data>(engine, store, true),
    verify: (accessToken, context) => verify(accessToken, context).verified,
    async check(accessToken, context) {
      const { token, verified } = verify(accessToken, context)
      const row = await readRow(store, token.sessionId)
      // The token itself is proof that its session was not idle at `issuedAt`.
      if (row === null) throw new SessionEndedError(token.sessionId, 'unknown')
      assertActive(
        engine,
        row.id,
        { ...row, expiresAt: Math.max(row.expiresAt, token.expiresAt) },
        clock.now(),
      )
      if (token.version < row.version) {
        revocations.changed(row.id, row.version)
        throw new AccessTokenExpiredError('superseded')
      }
      return verified
    },
    async refresh(refreshToken, context) {
      const { row, ...tokens } = await refreshWithEvents(refreshToken, context)
      return { session: toSession<Claims, Data>(row, clock.now()), ...tokens }
    },
    using: (client) => operations<Claims, Data>(engine, store.using(client), false),
    keys: {
      list: () => ring.list(),
      rotate: () => ring.rotate(),
      jwks: () => ring.jwks(),
    },
    async prune() {
      const now = clock.now()
      let total = 0
      for (;;) {
        const count = await store.prune(now, PRUNE_BATCH)
        total += count
        if (count < PRUNE_BATCH) break
      }
      await store.deleteKeys(now)
      return total
    },
    flush: () => confirmations.flush(),
    on: (name, listener) => events.on(name, listener),
    close() {
      closing ??= (async () => {
        polling.stop()
        await confirmations.close()
        await store.close()
      })()
      return closing
    },
    [Symbol.asyncDispose]() {
      return this.close()
    },
    [internals]: createInternals(engine, (value, context) => refreshWithEvents(value, context)),
  }

  async function refreshWithEvents(
    value: unknown,
    context: RefreshContext | undefined,
  ): ReturnType<typeof refresh> {
    try {
      return await refresh(engine, value, context)
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_SECRET_UNKNOWN') events.emit('secretUnknown', {})
      throw error
    }
  }

  return sessions
}

/** @param own whether the writes commit by themselves, so that this process may act on them at once */
function operations<Claims extends object, Data>(
  engine: Engine,
  writes: SessionWrites,
  own: boolean,
): SessionOperations<Claims, Data> {
  const { options, clock, events, ring, revocations } = engine
  const readable = (row: SessionRow): Session<Claims, Data> => toSession<Claims, Data>(row, clock.now())

  /** Nothing was written although nothing else was in the way: say why. */
  async function assertStillActive(sessionId: string): Promise<SessionRow> {
    let row: SessionRow | null = null
    // A transaction of the caller's is not kept open to read again.
    if (isSessionId(sessionId)) row = own ? await readRow(writes, sessionId) : await writes.read(sessionId)
    assertActive(engine, sessionId, row, clock.now())
    return row
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
    const version = isSessionId(sessionId)
      ? await writes.writeData(sessionId, data, how, ifVersion ?? null)
      : null
    if (version === null) {
      const row = await assertStillActive(sessionId)
      if (ifVersion === undefined || row.dataVersion === ifVersion)
        return writes.writeData(sessionId, data, how, ifVersion ?? null)
    }
    return version
  }

  return {
    async create(input) {
      if (typeof input !== 'object' || input === null)
        throw new TypeError('`create` takes an object with a `userId`')
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
      if (input.replaces !== undefined) await end(input.replaces, 'replaced')
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
      for (let attempt = 1; ; attempt++) {
        const { data, dataVersion } = await assertStillActive(sessionId)
        if (ifVersion !== undefined && ifVersion !== dataVersion) return null
        const merged = await validate(
          options.dataSchema,
          { ...(data as object | null), ...(checked as object) },
          'data',
        )
        const version = await writeData(sessionId, checkData(merged), 'replace', dataVersion)
        if (version !== null || ifVersion !== undefined || attempt === 3) return version
      }
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
      let version = await writes.writeClaims(sessionId, checked, now)
      if (version === null) {
        // No row alone proves nothing: look, and try once more.
        await assertStillActive(sessionId)
        version = await writes.writeClaims(sessionId, checked, now)
      }
      if (version === null) throw new SessionEndedError(sessionId, 'unknown')
      if (own) revocations.changed(sessionId, version)
      return version
    },
    async reauthenticate(sessionId) {
      for (;;) {
        const row = await assertStillActive(sessionId)
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

function describe(token: AccessToken): VerifiedSession {
  return Object.freeze({
    sessionId: token.sessionId,
    userId: token.userId,
    claims: deepFreeze(token.claims),
    issuedAt: new Date(token.issuedAt),
    expiresAt: new Date(token.expiresAt),
    authTime: new Date(token.authTime),
    generation: token.generation,
  })
}

/** One verified token serves many requests; none of them may change it for the others. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) deepFreeze(item)
    Object.freeze(value)
  }
  return value
}
