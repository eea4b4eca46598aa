import { EventEmitter } from 'node:events'
import type { ListenClient, Notification } from '../driver.ts'
import { quoted } from '../names.ts'

type Open = () => Promise<ListenClient>

/** One connection, and the clients that share it. */
interface Shared {
  readonly client: Promise<ListenClient>
  /** Connects once, for all of them. */
  readonly connected: () => Promise<ListenClient>
  /** Runs one statement after the other, as `pg` requires. */
  readonly query: (text: string) => Promise<unknown>
  readonly users: Set<User>
  /** How many clients listen on each channel. */
  readonly channels: Map<string, number>
}

interface User {
  readonly events: EventEmitter
  readonly channels: Set<string>
}

/** The URL or config of the option `listen`; null if it names no address. */
type Address = string | object | null

/** The connections that new clients may join. */
type Connections = Map<Address, Shared>

const byPool = new WeakMap<object, Connections>()
const byUrl = new Map<string, Connections>()

/**
 * Makes clients for LISTEN that share one connection of this process, however many stores there are: a connection
 * for each of thirty schemas would use up the server's.
 *
 * @param base the pool or connection string that completes the address
 */
export function shareListenClient(open: Open, base: object | string, key: Address): Open {
  const connections = (typeof base === 'string' ? byUrl.get(base) : byPool.get(base)) ?? new Map()
  if (typeof base === 'string') byUrl.set(base, connections)
  else byPool.set(base, connections)
  return async () => {
    let shared = connections.get(key)
    if (shared === undefined) {
      shared = createShared(open, () => {
        if (connections.get(key) === shared) connections.delete(key)
      })
      connections.set(key, shared)
    }
    const user = createUser(shared, () => {
      if (connections.get(key) === shared) connections.delete(key)
    })
    const { host, port, database } = await shared.client
    return { ...user, host, port, database }
  }
}

/** @param retire no further client joins the connection */
function createShared(open: Open, retire: () => void): Shared {
  const users = new Set<User>()
  const channels = new Map<string, number>()
  const end = (event: 'error' | 'end', error?: Error): void => {
    retire()
    for (const { events } of [...users]) events.emit(event, error)
  }
  const client = open().then((opened) => {
    opened.on('error', (error) => end('error', error))
    opened.on('end', (error) => end('end', error))
    opened.on('notification', (message: Notification) => {
      for (const { events, channels: own } of [...users])
        if (own.has(message.channel)) events.emit('notification', message)
    })
    return opened
  })
  client.catch(retire)
  let connecting: Promise<ListenClient> | null = null
  let lastQuery: Promise<unknown> = Promise.resolve()

  function connected(): Promise<ListenClient> {
    connecting ??= client.then(async (opened) => {
      await opened.connect()
      return opened
    })
    return connecting
  }
  function query(text: string): Promise<unknown> {
    const result = lastQuery.then(async () => (await connected()).query(text))
    lastQuery = result.catch(() => {})
    return result
  }
  return { client, connected, query, users, channels }
}

function createUser(shared: Shared, retire: () => void): ListenClient {
  const { users, channels } = shared
  const user: User = { events: new EventEmitter(), channels: new Set() }
  // A client that nobody listens to yet must not end the process.
  user.events.on('error', () => {})
  users.add(user)
  let ended: Promise<void> | null = null
  let isLast = false

  async function leave(): Promise<void> {
    users.delete(user)
    isLast = users.size === 0
    if (isLast) {
      retire()
      return (await shared.client).end()
    }
    for (const channel of user.channels) {
      const count = channels.get(channel)! - 1
      channels.set(channel, count)
      // The others still listen on the connection; a failure shows in their pings.
      if (count === 0) void shared.query(`unlisten ${quoted(channel)}`).catch(() => {})
    }
  }

  const withClient = (use: (opened: ListenClient) => unknown): void => void shared.client.then(use, () => {})

  return {
    connect: () =>
      shared.connected().catch((error: unknown) => {
        retire()
        throw error
      }),
    async query(text) {
      const channel = channelOf(text)
      if (channel !== null && !user.channels.has(channel)) {
        user.channels.add(channel)
        channels.set(channel, (channels.get(channel) ?? 0) + 1)
      }
      return shared.query(text)
    },
    end() {
      ended ??= leave()
      return ended
    },
    unref: () => withClient((opened) => opened.unref?.()),
    on: (event: string, listener: (...parameters: never[]) => void) =>
      user.events.on(event, listener as (...parameters: unknown[]) => void),
    discard: retire,
    connection: {
      stream: {
        // The others use the connection until they notice for themselves.
        destroy() {
          if (isLast) withClient((opened) => opened.connection?.stream?.destroy())
        },
      },
    },
  }
}

/** The channel of `listen x` or `listen "x"`. */
export function channelOf(text: string): string | null {
  const name = /^listen (.+)$/s.exec(text)?.[1]
  if (name === undefined) return null
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name
}
