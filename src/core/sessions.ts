import type { ClaimsObject } from '../portable/claims.ts'
import { CLOCK_TOLERANCE } from '../portable/clock-tolerance.ts'
import { AccessTokenExpiredError, InvalidOptionsError, SessionEndedError } from '../portable/errors.ts'
import { methodOptions } from '../portable/options/method-options.ts'
import type { VerifiedToken } from '../portable/verified-token.ts'
import type { Sessions } from './api.ts'
import { ENGINE, type Engine } from './engine.ts'
import { createAskedKeyRing } from './keys/asked-key-ring.ts'
import type { KeyRing } from './keys/key-ring.ts'
import { createProvidedKeyRing } from './keys/provided-key-ring.ts'
import { createStoredKeyRing } from './keys/stored-key-ring.ts'
import { createEvents, type Events } from './observability/events.ts'
import { logEvents } from './observability/logger.ts'
import type { SessionsStats } from './observability/telemetry.ts'
import { createOnDemand } from './on-demand.ts'
import { checkActing } from './operations/acting.ts'
import { prune, revokeAll, startMaintenance } from './operations/maintenance.ts'
import { operations } from './operations/operations.ts'
import { createVerification, type Verification } from './operations/verification.ts'
import { type ResolvedOptions, resolveOptions } from './options/resolve.ts'
import type { SessionsOptions } from './options/sessions-options.ts'
import { refuse } from './read-only.ts'
import { createConfirmations } from './refresh/confirmations.ts'
import { endByVerdict, refresh } from './refresh/refresh.ts'
import { createRefreshLimit } from './refresh/refresh-limit.ts'
import { createTurn, publishTurn } from './refresh/turn.ts'
import { createFeed } from './revocation/feed.ts'
import { trackInvalidatingWrites } from './revocation/invalidating-writes.ts'
import { createLostEnds } from './revocation/lost-ends.ts'
import { createRevocations } from './revocation/revocations.ts'
import { createEnding } from './session/ending.ts'
import { assertRowsVisible } from './session/missing-row.ts'
import { readAncestors } from './session/parent.ts'
import { assertActive, assertNotEnded, compareEnds, readRow, repeatKnownEnd } from './session/rows.ts'
import { createSchemas } from './session/schemas.ts'
import { toSession } from './session/session.ts'
import { COPY, type CopyMark, createMark } from './start/copies.ts'
import { outsideRequests } from './start/outside-requests.ts'
import { type Clock, createClock } from './time/clock.ts'
import { delay } from './time/delay.ts'
import { parseRefreshToken } from './tokens/refresh-token.ts'

/** How long `close` waits for background work, in ms. A database that does not answer must not block a shutdown. */
const CLOSE_WITHIN = 5000

/**
 * Starts session management: checks the options, the database schema and the secret, loads the signing keys, and starts
 * to listen for revocations. It gives the database 10 seconds to answer.
 *
 * @example
 * const sessions = await createSessions<{ role: string }>({
 *   store: postgres({ pool }),
 *   secret: process.env.PAWL_SECRET,
 * })
 *
 * @returns the sessions; close them before the process exits
 * @throws InvalidOptionsError for an option that is missing, unknown or out of range
 * @throws InvalidOptionsError if the clock of the process is off by more than `rotation.overlap`, 5 seconds at least
 * @throws StoreUnavailableError if the database does not answer in time
 * @throws SchemaOutdatedError if the database schema does not match this release
 * @throws SecretUnknownError if `secret` decrypts none of the signing keys
 */
export function createSessions<Claims extends object = ClaimsObject, Data = unknown>(
  given: SessionsOptions<Claims, Data>,
): Promise<Sessions<Claims, Data>> {
  // A call inside a request must not pass the context of that request on to all background work.
  return outsideRequests(() => start<Claims, Data>(given))
}

async function start<Claims extends object, Data>(
  given: SessionsOptions<Claims, Data>,
): Promise<Sessions<Claims, Data>> {
  // At the call, so that `lazySessions` knows whether its function has made the call.
  const mark = createMark()
  const options = resolveOptions(given as unknown as SessionsOptions<never, never>)
  const { store } = options
  const events = createEvents()
  let started: Sessions<Claims, Data> | null = null
  logEvents(events, options.logger)
  const stopObserving = options.telemetry.observe({ on: events.on, stats: () => started?.stats() ?? null })
  const clock = createClock(store, options.now)
  try {
    const askedAt = performance.now()
    const time = await store.start({ serverless: options.serverless !== null })
    const skew = await clock.synchronize(typeof time === 'number' ? { time, askedAt } : undefined)
    if (Math.abs(skew) > Math.max(options.rotation.overlap, CLOCK_TOLERANCE)) {
      throw new InvalidOptionsError(
        'rotation.overlap',
        `The clock of this process is ${Math.round(skew / 1000)} s off the clock of the database, which is more than \`rotation.overlap\`. Set the clock (NTP).`,
      )
    }
    const ring = await createKeyRing(options, clock, events)
    const retention = options.accessToken.lifetime + 4 * CLOCK_TOLERANCE
    const revocations = createRevocations(store, clock, events, retention, options.revocation.memory)
    const feed = createFeed(store, clock, events, revocations, options)
    if (options.revocation.mode !== 'expiry') await feed.load()
    const writes = trackInvalidatingWrites(store, feed.trackWrite)
    const engine = createEngine({ options, store: writes, clock, events, ring, revocations, feed })
    started = assemble<Claims, Data>(engine, mark, () => stopObserving?.())
    const { revocation, accessToken, idleTimeout, absoluteTimeout } = options
    events.emit('started', {
      revocation: revocation.mode,
      accessTokenLifetime: accessToken.lifetime / 1000,
      idleTimeout: idleTimeout / 1000,
      absoluteTimeout: absoluteTimeout === null ? null : absoluteTimeout / 1000,
    })
    return started
  } catch (error) {
    stopObserving?.()
    await store.close().catch(() => {})
    throw error
  }
}

async function createKeyRing(options: ResolvedOptions, clock: Clock, events: Events): Promise<KeyRing> {
  const ring = await openKeyRing(options, clock, events)
  // What is written nowhere must not be signed either.
  return options.store.readOnly === true
    ? Object.assign(Object.create(ring), { signer: refuse, rotate: refuse })
    : ring
}

async function openKeyRing(options: ResolvedOptions, clock: Clock, events: Events): Promise<KeyRing> {
  const { provided, algorithm, rotationInterval } = options.keys
  if (typeof provided === 'function') return createAskedKeyRing(provided, clock, events)
  if (provided !== null) return createProvidedKeyRing(provided)
  const tokenLifetime = options.accessToken.lifetime
  const settings = { algorithm, rotationInterval, tokenLifetime }
  return createStoredKeyRing(options.store, options.secrets, clock, events, settings)
}

function createEngine(
  shared: Omit<
    Engine,
    | 'lostEnds'
    | 'confirmations'
    | 'refreshLimit'
    | 'schemas'
    | 'erasureListeners'
    | 'onDemand'
    | keyof Verification
  >,
): Engine {
  const { options, store, clock, events, revocations, feed } = shared
  const lostEnds = createLostEnds(
    store,
    clock,
    events,
    (reason) => createEnding(engine, reason, clock.now()),
    (sessionIds, reason) => {
      for (const sessionId of sessionIds) revocations.addEnd(sessionId, reason)
      feed.notifyPeers()
    },
  )
  const confirmations = createConfirmations(
    store,
    clock,
    events,
    options.rotation,
    options.decideWithin,
    options.telemetry,
    {
      hasEnded: (row) => row.endedAt !== null || repeatKnownEnd(engine, row.id) !== null,
      createTurn: (row, next, evidence) => createTurn(engine, row, next, evidence),
      publishTurn: (row, turn) => publishTurn(engine, row, turn, 'use'),
      end: (row, verdict, evidence) => endByVerdict(engine, row, verdict, evidence.ip, evidence.userAgent),
    },
    options.serverless === null ? undefined : 0,
  )
  const refreshLimit = createRefreshLimit(options.limits.refreshesPerMinute, clock)
  const schemas = createSchemas(options, options.callbackWithin)
  const erasureListeners: Engine['erasureListeners'] = new Set()
  const parts = { ...shared, lostEnds, confirmations, refreshLimit, schemas, erasureListeners }
  const verified = { ...parts, ...createVerification(parts) }
  const { serverless } = options
  const onDemand = serverless === null ? null : createOnDemand(verified, serverless.waitUntil)
  const engine: Engine = { ...verified, onDemand }
  return engine
}

function assemble<Claims extends object, Data>(
  engine: Engine,
  mark: CopyMark,
  onClosed: () => void,
): Sessions<Claims, Data> {
  const { options, store, clock, events, ring, revocations, feed, confirmations, onDemand, verify } = engine
  const { telemetry } = options
  if (options.revocation.mode !== 'expiry' && onDemand === null) feed.start()
  const background = onDemand ?? startMaintenance(engine)
  let closing: Promise<void> | null = null

  const storeOperations = operations<Claims, Data>(engine, store, true)
  const sessions: Sessions<Claims, Data> = {
    ...storeOperations,
    create: (input) => telemetry.trace('create', () => storeOperations.create(input)),
    redeem: (code, request) => telemetry.trace('create', () => storeOperations.redeem(code, request)),
    verify(accessToken, context) {
      // It cannot wait, but the next call knows more.
      void onDemand?.catchUp()
      return verify(accessToken, methodOptions('verify', context, 'ip', 'userAgent')).session
    },
    async check(accessToken, given) {
      const context = methodOptions('check', given, 'ip', 'userAgent')
      const token = verifyOrRepeatEnd(accessToken, context)
      const { sessionId, expiresAt, version, actor, session } = token
      return telemetry.trace('check', async () => {
        if (actor !== null) {
          await checkActing(engine, token, actor)
          return session
        }
        const [row, ancestors] = await Promise.all([
          readRow(store, sessionId),
          readAncestors(engine, session.parentId, clock.now()),
        ])
        if (row === null) await assertRowsVisible(engine)
        compareEnds(engine, row)
        if (store.readOnly === true && row !== null && row.version < version) {
          // The replica is behind the token, so its row cannot say that the session has expired. An end is final.
          assertNotEnded(row)
          if (ancestors.ended !== false) throw new AccessTokenExpiredError('superseded')
          return session
        }
        // The session was not idle when it got this token, even if no later use has reached the row.
        const alive = row === null ? null : { ...row, expiresAt: Math.max(row.expiresAt, expiresAt) }
        assertActive(sessionId, alive, clock.now())
        if (version < alive.version) revocations.addVersion(alive.id, alive.version)
        // The refresh reads whether the session still ends with the one that has ended.
        if (version < alive.version || ancestors.ended !== false)
          throw new AccessTokenExpiredError('superseded')
        return session
      })
    },
    async refresh(refreshToken, given) {
      const context = methodOptions('refresh', given, 'ip', 'userAgent', 'arrivedAt', 'signal', 'proof')
      const presented = parseRefreshToken(options.secrets, refreshToken)
      const refreshed = await refresh(engine, presented, context)
      const { row, stale, accessToken, refreshToken: successor, challenge } = refreshed
      return {
        session: toSession<Claims, Data>(row, clock.now(), stale),
        accessToken,
        refreshToken: successor,
        challenge,
      }
    },
    using: (client) => operations<Claims, Data>(engine, store.using(client), false),
    keys: {
      list: () => ring.list(),
      rotate: () => ring.rotate(),
      jwks: () => ring.jwks(),
    },
    revokeAll: async (which) => revokeAll(engine, which),
    onEnded: (sessionId, listener) => revocations.onEnded(sessionId, listener),
    prune: async (work) => prune(engine, work),
    stats,
    flush: () => (onDemand ?? confirmations).flush(),
    on: (name, listener) => events.on(name, listener),
    close() {
      closing ??= (async () => {
        const closed = new AbortController()
        await Promise.race([
          // Confirmations come first: they may end sessions, and the feed notifies other processes of that.
          confirmations.close().then(() => Promise.all([feed.stop(), background.stop()])),
          delay(CLOSE_WITHIN, closed.signal),
        ])
        closed.abort()
        await store.close()
        onClosed()
      })()
      return closing
    },
    [Symbol.asyncDispose]() {
      return this.close()
    },
    [ENGINE]: engine,
    [COPY]: mark,
  }

  function verifyOrRepeatEnd(...parameters: Parameters<Engine['verify']>): VerifiedToken {
    try {
      return verify(...parameters)
    } catch (error) {
      if (error instanceof SessionEndedError) repeatKnownEnd(engine, error.sessionId)
      throw error
    }
  }

  function stats(): SessionsStats {
    const { listening, foreign, staleness } = feed
    return {
      feed: {
        mode: options.revocation.mode,
        listening,
        staleness: options.revocation.mode === 'expiry' ? null : staleness / 1000,
        entries: revocations.size,
        bytes: revocations.bytes,
        foreign,
      },
      confirmations: { queued: confirmations.size },
    }
  }

  return sessions
}
