import { randomBytes } from 'node:crypto'
import { setTimeout as timeoutAfter } from 'node:timers/promises'
import type { Listener, ListenerHooks, ListenFailure } from '../core/store.ts'
import { delay } from '../core/time/delay.ts'
import { StoreUnavailableError } from '../portable/errors.ts'
import { describeAddress } from './address.ts'
import type { ListenClient, Notification } from './driver.ts'
import { toError } from './driver-error.ts'
import type { Notify } from './notify.ts'
import { isConnectionError, isUnsupported, sqlState } from './sqlstate.ts'
import { unavailable } from './unavailable.ts'
import { withTimeout } from './with-timeout.ts'

/** Milliseconds before a reconnection. Doubled after each attempt, and reset when a ping arrives. */
const FIRST_DELAY = 500
/** After a connection that delivered nothing, as behind a pooler: a new one rarely helps. */
const MAX_DELAY = 60_000
/** After a connection that failed: the database is likely to come back. */
const MAX_DELAY_AFTER_FAILURE = 5000
/** A connection can also die silently between CONNECT and LISTEN. */
const LISTEN_WITHIN = 5000
const END_WITHIN = 500
/** The id of a process, sent as payload. An empty payload comes from a transaction or from a process without LISTEN. */
const SENDER_ID = /^[0-9a-f]{18}$/

/**
 * LISTEN on a connection of its own. Pings prove that it works: the process sends itself messages through
 * the pool. Behind a pooler LISTEN succeeds but delivers nothing, and a connection may die silently.
 *
 * @param channel the channel's name, plain and quoted for SQL
 * @param notify sends a message through the pool
 */
export function createListener(
  openClient: () => Promise<ListenClient>,
  channel: { readonly quoted: string; readonly name: string },
  notify: Notify,
  hooks: ListenerHooks,
): Listener {
  /** Payload of this process's notifications, which it ignores. */
  const selfId = randomBytes(9).toString('hex')
  const pingChannel = `pawl_ping_${selfId}`
  const closing = new AbortController()
  let reconnectDelay = FIRST_DELAY
  let connected = false
  /** Whether a ping has ever arrived. */
  let delivered = false
  let failure: ListenFailure | null = null
  /** Where the current connection goes. */
  let where = 'the address for LISTEN'
  /** Closes the current connection. */
  let drop: () => void = () => {}
  /** Pings that have not arrived yet, by payload. Called with whether the ping arrived. */
  const pendingPings = new Map<string, (arrived: boolean) => void>()

  function onNotification({ channel: receivedOn, payload = '' }: Notification): void {
    if (receivedOn === pingChannel) pendingPings.get(payload)?.(true)
    else if (payload !== '' && !SENDER_ID.test(payload)) hooks.onForeign()
    else if (payload !== selfId) hooks.onChange(payload === '' ? 'unknown' : 'process')
  }

  async function listenOnce(): Promise<void> {
    const client = await openClient()
    // Also this one counts among those that share the connection.
    if (closing.signal.aborted) return endClient(client)
    where = whereOf(client)
    let listening = false
    let lostBy: Error | undefined
    const lost = new Promise<void>((resolve) => {
      drop = resolve
      const onLost = (thrown?: unknown): void => {
        if (thrown !== undefined) lostBy ??= toError(thrown)
        resolve()
      }
      client.on('error', onLost)
      client.on('end', onLost)
    })
    const connect = async (): Promise<void> => {
      await client.connect()
      client.on('notification', onNotification)
      await client.query(`listen ${channel.quoted}`)
      await client.query(`listen ${pingChannel}`)
      listening = true
    }
    try {
      await withTimeout(LISTEN_WITHIN, { where }, Promise.race([connect(), lost]))
      if (closing.signal.aborted) return
      if (!listening) throw lostBy ?? new Error('the connection was lost before LISTEN succeeded')
      client.unref?.()
      connected = true
      hooks.onConnected()
      await lost
      if (lostBy !== undefined) failure = failureOf(lostBy, where)
    } finally {
      connected = false
      // They cannot arrive any more. The reason is the lost connection, not a late message.
      for (const settle of pendingPings.values()) settle(false)
      if (!closing.signal.aborted) client.discard?.()
      await endClient(client)
    }
  }

  async function listenUntilClosed(): Promise<void> {
    while (!closing.signal.aborted) {
      let maxDelay = MAX_DELAY
      try {
        await listenOnce()
      } catch (error) {
        failure = failureOf(error, where)
        hooks.onFailed?.()
        if (isUnsupported(error)) return
        maxDelay = MAX_DELAY_AFTER_FAILURE
      }
      await delay(reconnectDelay * (0.5 + Math.random()), closing.signal)
      reconnectDelay = Math.min(reconnectDelay * 2, maxDelay)
    }
  }

  const closed = listenUntilClosed()
  return {
    get failure() {
      return failure
    },
    async ping(ms) {
      if (!connected) return false
      const payload = randomBytes(6).toString('hex')
      // The connection may be replaced while the ping is on its way.
      const dropPinged = drop
      let sent = false
      let isLate = false
      let timer: NodeJS.Timeout | undefined
      const arrived = await new Promise<boolean>((resolve) => {
        pendingPings.set(payload, resolve)
        timer = setTimeout(() => {
          isLate = sent
          resolve(false)
        }, ms)
        notify(pingChannel, payload).then(
          (isSupported) => {
            sent = isSupported
            if (isSupported) return
            failure = { kind: 'unsupported', error: new Error('The database has no NOTIFY.') }
            resolve(false)
          },
          (error: unknown) => {
            failure = failureOf(error, where)
            resolve(false)
          },
        )
      })
      clearTimeout(timer)
      pendingPings.delete(payload)
      if (arrived) {
        reconnectDelay = FIRST_DELAY
        delivered = true
        failure = null
      } else if (isLate) {
        failure = { kind: 'timeout', error: notDelivered(delivered, ms, where) }
        dropPinged()
      }
      return arrived
    },
    notify: () => notify(channel.name, selfId),
    async close() {
      closing.abort()
      drop()
      await closed
    },
  }
}

function whereOf({ host, port, database }: ListenClient): string {
  return host === undefined || port === undefined
    ? 'the address for LISTEN'
    : describeAddress(host, port, database ?? '')
}

function failureOf(thrown: unknown, where: string): ListenFailure {
  const error = toError(thrown)
  if (isUnsupported(error))
    return {
      kind: 'unsupported',
      error: new Error(`The database at ${where} has no LISTEN.`, { cause: error }),
    }
  // Already in words: the server did not answer in time, or the pool could not send.
  if (error instanceof StoreUnavailableError) return { kind: sqlState(error.cause) ?? 'timeout', error }
  const isOfDatabase = sqlState(error) !== null || isConnectionError(error)
  return {
    kind: sqlState(error) ?? error.message,
    // A bug of the driver is not the server's fault.
    error: isOfDatabase ? unavailable(error, where) : error,
  }
}

/** @param before whether messages arrived earlier */
function notDelivered(before: boolean, ms: number, where: string): Error {
  return new StoreUnavailableError(
    before
      ? `PostgreSQL at ${where} did not deliver a message to LISTEN within ${ms / 1000} s. Pawl connects again; check the network and the server's load.`
      : `LISTEN succeeds at ${where}, but no message arrives within ${ms / 1000} s. A pooler in transaction mode is probably in between: give \`listen\` the URL of the database itself. Otherwise check that it is the same database.`,
  )
}

/** Ends the connection, or destroys it after a timeout. The timer keeps the process alive, because `close` waits. */
async function endClient(client: ListenClient): Promise<void> {
  const ended = new AbortController()
  const timeout = timeoutAfter(END_WITHIN, undefined, { signal: ended.signal }).catch(() => {})
  await Promise.race([client.end().catch(() => {}), timeout])
  ended.abort()
  client.connection?.stream?.destroy()
}
