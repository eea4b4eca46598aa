import { createHash } from 'node:crypto'
import { delay } from '../core/time/delay.ts'
import { InvalidOptionsError, StoreUnavailableError } from '../portable/errors.ts'
import type { Driver, Row, RunStatement, Statement } from './driver.ts'
import { toError } from './driver-error.ts'
import type { Parameter } from './parameters.ts'
import {
  isConflict,
  isConnectionError,
  isForbidden,
  isLoginRefused,
  isPlanOutdated,
  isPreparedRefused,
  isTransactionRefused,
} from './sqlstate.ts'
import { unavailable } from './unavailable.ts'
import { withTimeout } from './with-timeout.ts'

export type { Row } from './driver.ts'

/** Runs statements, retries them, and translates the driver's errors. */
export interface Connection {
  /** Names the server in messages. */
  readonly target: { readonly where: string }
  /**
   * For statements that are safe to repeat: reads, and writes that are compare-and-set or idempotent.
   * @param onRetry called before each retry, because the server may have committed the earlier attempt
   */
  query(text: string, values: Parameter[], onRetry?: () => void): Promise<Row[]>
  /**
   * One transaction that commits asynchronously: a server crash may lose it. Retried as a whole. Behind a pooler that
   * refuses transactions it commits like {@link query}.
   */
  queryWithAsyncCommit(text: string, values: Parameter[]): Promise<Row[]>
  /**
   * One attempt with a limit of its own, in milliseconds: short for a part of a report, long for a statement that moves
   * rows. After the limit the driver closes the connection; the server may finish the statement.
   */
  queryOnce(within: number, text: string, values: Parameter[]): Promise<Row[]>
  /** Makes every later statement fail, until {@link reopen}. */
  close(): void
  reopen(): void
  /** How many connections were lost, and how many attempts to reach the server failed. */
  readonly lost: number
  /** Counts a connection that was lost without a statement. */
  countLost(): void
}

const ATTEMPTS = 3
/** Milliseconds. Each retry doubles the delay and adds jitter. */
const RETRY_DELAY = 30
/** After this many milliseconds a failed statement is not retried, because the caller's request is late already. */
const RETRY_WITHIN = 3000
/** A frozen server never answers, and a pool without a timeout waits for a connection forever. */
export const ANSWER_WITHIN: number = 10_000
/** Returns the connection to the pool after the caller has given up, for example while a lock blocks the statement. */
const RELEASE_AFTER = 500
const QUERY_TIMEOUT: number = ANSWER_WITHIN + RELEASE_AFTER
/** The pool is stuck if it has answered nothing for this long and has this many waiting statements per connection. */
const STUCK_AFTER = 2000
const MAX_WAITING_PER_CONNECTION = 20
/** The default size of a `pg` Pool. */
const DEFAULT_POOL_SIZE = 10

/**
 * @param explainForbidden makes the message for a statement that the role may not run
 */
export function createConnection(
  driver: Driver,
  target: { readonly where: string },
  explainForbidden: (error: unknown, text: string) => Promise<string> = async (error) =>
    unavailable(error, target.where).message,
): Connection {
  let usesPrepared = true
  let usesTransactions = true
  let closed = false
  let lost = 0
  let renamed = 0
  let answeredAt = performance.now()
  const names = new Map<string, string>()

  /** The name follows from the text, so a new release never reuses the name of an old statement. */
  function statementName(text: string): string {
    let name = names.get(text)
    if (name === undefined) {
      name = `pawl_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
      names.set(text, name)
    }
    return name
  }

  /** Another name makes every connection prepare the statement again. */
  function renameStatement(text: string, outdated: string): void {
    if (names.get(text) === outdated) names.set(text, `${outdated.split('.', 1)[0]}.${++renamed}`)
  }

  function statementOf(text: string, values: Parameter[], name?: string): Statement {
    return { text, values, name, within: QUERY_TIMEOUT }
  }

  async function run(text: string, values: Parameter[]): Promise<Row[]> {
    if (usesPrepared) {
      const name = statementName(text)
      try {
        return await driver.query(statementOf(text, values, name))
      } catch (error) {
        if (isPlanOutdated(error)) {
          // The server has executed nothing. The same statement without a name has no outdated plan.
          renameStatement(text, name)
        } else if (isPreparedRefused(error)) {
          // A pooler in transaction mode does not support prepared statements: stop using them.
          usesPrepared = false
        } else throw error
      }
    }
    return driver.query(statementOf(text, values))
  }

  /** Tells the operator that the pool, not the server, is the bottleneck. */
  function poolState(): string {
    const { max, total, idle } = driver.load?.() ?? {}
    const full = max !== undefined && total !== undefined && total >= max
    return full && idle === 0 ? `; all ${total} connections of the pool are in use` : ''
  }

  /** Without this limit the queue of a stuck pool grows: a request that timed out leaves its statement in it. */
  function assertNotStuck(): void {
    const { waiting = 0, max = DEFAULT_POOL_SIZE } = driver.load?.() ?? {}
    if (waiting > MAX_WAITING_PER_CONNECTION * max && performance.now() - answeredAt > STUCK_AFTER)
      throw new StoreUnavailableError(
        `The connection pool for PostgreSQL at ${target.where} is stuck: ${waiting} statements wait${poolState()}. ` +
          'Check the server, and transactions that hold connections.',
      )
  }

  async function withRetries<T>(
    text: string,
    attempt: () => Promise<T>,
    onRetry: () => void = () => {},
  ): Promise<T> {
    const startedAt = performance.now()
    for (let tried = 1; ; tried++) {
      assertOpen()
      assertNotStuck()
      try {
        const result = await withTimeout(ANSWER_WITHIN, target, attempt(), poolState)
        answeredAt = performance.now()
        return result
      } catch (thrown) {
        const error = toError(thrown)
        // Pawl's own pool refuses to connect.
        if (error instanceof InvalidOptionsError) throw error
        if (isConnectionError(error) || error instanceof StoreUnavailableError) lost++
        const isOutage = isConnectionError(error) || isConflict(error)
        const isEarly = performance.now() - startedAt < RETRY_WITHIN
        if (isOutage && isEarly && tried < ATTEMPTS) {
          onRetry()
          await delay(RETRY_DELAY * 2 ** tried * (0.5 + Math.random()))
          continue
        }
        throw await explained(error, text)
      }
    }
  }

  function assertOpen(): void {
    if (closed) throw new StoreUnavailableError('This Sessions object is closed. Create a new one.')
  }

  /** The error to throw for an error of the driver. */
  async function explained(error: unknown, text: string): Promise<unknown> {
    if (isForbidden(error))
      return new StoreUnavailableError(await explainForbidden(error, text), { cause: error })
    const isOutage = isConnectionError(error) || isConflict(error)
    return isOutage || isLoginRefused(error) ? unavailable(error, target.where, poolState()) : error
  }

  async function queryOnce(within: number, text: string, values: Parameter[]): Promise<Row[]> {
    assertOpen()
    try {
      const answer = driver.query({ text, values, within: within + RELEASE_AFTER })
      return await withTimeout(within, target, answer, poolState)
    } catch (thrown) {
      throw await explained(toError(thrown), text)
    }
  }

  async function beginAsync(run: RunStatement): Promise<void> {
    await run(statementOf('set local synchronous_commit = off', []))
  }

  async function commitAsynchronously(text: string, values: Parameter[]): Promise<Row[]> {
    const { transaction } = driver
    if (!usesTransactions || transaction === null) return run(text, values)
    let began = false
    try {
      return await transaction(QUERY_TIMEOUT, async (runInside) => {
        await beginAsync(runInside)
        began = true
        return runInside(statementOf(text, values))
      })
    } catch (error) {
      if (began || !isTransactionRefused(error)) throw error
    }
    const rows = await run(text, values)
    // PgBouncer reports outages with the same code. A second refusal, right after a statement that succeeded, is none.
    usesTransactions = await canBegin(transaction)
    return rows
  }

  async function canBegin(transaction: NonNullable<Driver['transaction']>): Promise<boolean> {
    try {
      await transaction(QUERY_TIMEOUT, beginAsync)
      return true
    } catch (error) {
      return !isTransactionRefused(error)
    }
  }

  return {
    target,
    get lost() {
      return lost
    },
    countLost() {
      lost++
    },
    close() {
      closed = true
    },
    reopen() {
      closed = false
    },
    query: (text, values, onRetry) => withRetries(text, () => run(text, values), onRetry),
    queryOnce,
    queryWithAsyncCommit: (text, values) => withRetries(text, () => commitAsynchronously(text, values)),
  }
}
