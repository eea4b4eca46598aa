import type { Subscribe } from './channel-client.ts'

/** `sql.listen` of postgres.js. */
export type Listen = (
  channel: string,
  onMessage: (payload: string) => void,
  /** Called each time LISTEN has succeeded, also after a reconnection. */
  onListening: () => void,
) => PromiseLike<{ unlisten(): Promise<void> }>

/** One LISTEN, and those who use it. */
interface Subscription {
  readonly users: Set<User>
  /** Resolves when LISTEN has succeeded. Rejects when the attempt under way fails. */
  listening(): Promise<void>
  /** Ends it, or does nothing after a reconnection, because postgres.js has then forgotten how. @returns whether it ended */
  end(): Promise<boolean>
}

interface User {
  readonly onMessage: (payload: string) => void
  readonly onLost: () => void
}

const bySql = new WeakMap<object, Map<string, Subscription>>()

/**
 * Subscriptions of postgres.js, which reconnects and listens again by itself. There is one for each client and channel, so
 * that those who come back after a loss find it.
 */
export function resubscribing(sql: object, listen: Listen): Subscribe {
  const subscriptions = bySql.get(sql) ?? new Map<string, Subscription>()
  bySql.set(sql, subscriptions)
  return async (channel, onMessage, onLost) => {
    const subscription = subscriptions.get(channel) ?? createSubscription(listen, channel)
    subscriptions.set(channel, subscription)
    const user = { onMessage, onLost }
    subscription.users.add(user)
    const leave = async (): Promise<void> => {
      subscription.users.delete(user)
      if (
        subscription.users.size === 0 &&
        (await subscription.end()) &&
        subscriptions.get(channel) === subscription
      )
        subscriptions.delete(channel)
    }
    try {
      await subscription.listening()
    } catch (error) {
      subscription.users.delete(user)
      throw error
    }
    return leave
  }
}

function createSubscription(listen: Listen, channel: string): Subscription {
  const users = new Set<User>()
  let isListening = false
  let hasReconnected = false
  const waiting = new Set<{ resolve(): void; reject(error: unknown): void }>()

  function onListening(): void {
    const isAgain = isListening
    hasReconnected ||= isAgain
    isListening = true
    for (const { resolve } of waiting) resolve()
    waiting.clear()
    if (isAgain) for (const { onLost } of [...users]) onLost()
  }
  const request = listen(
    channel,
    (payload) => {
      for (const { onMessage } of [...users]) onMessage(payload)
    },
    onListening,
  )
  request.then(undefined, (error: unknown) => {
    // postgres.js goes on trying.
    hasReconnected = true
    for (const { reject } of waiting) reject(error)
    waiting.clear()
  })
  return {
    users,
    listening: () =>
      isListening
        ? Promise.resolve()
        : new Promise((resolve, reject) => void waiting.add({ resolve, reject })),
    async end() {
      if (hasReconnected) return false
      const { unlisten } = await request
      await unlisten()
      return true
    },
  }
}
