import { randomBytes } from 'node:crypto'
import { setTimeout as timeout } from 'node:timers/promises'
import type { Listener, ListenerHooks } from '../core/store.ts'
import { delay } from '../core/time/delay.ts'
import { within } from './connection.ts'
import { isUnsupported } from './sqlstate.ts'

/** What Pawl needs of a `pg` Client. */
export interface ListenClient {
  connect(): Promise<unknown>
  query(text: string): Promise<unknown>
  end(): Promise<void>
  unref?(): void
  on(event: 'notification', listener: (message: { channel: string; payload?: string }) => void): unknown
  on(event: 'error' | 'end', listener: () => void): unknown
  /** To drop a connection whose other end does not answer. */
  readonly connection?: { readonly stream?: { destroy(): unknown } }
}

/** Milliseconds before connecting again; doubled each time, back to the first when a ping has arrived. */
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 60_000
/** A database that is away comes back; a pooler that delivers nothing stays as it is. */
const LONGEST_PAUSE_AWAY = 5000
/** A connection may die without a word while it is being made, too. */
const BEGIN_WITHIN = 5000
const END_WITHIN = 500
/** Whom a message is from. Empty: from whoever does not listen, or speaks in a transaction that may be rolled back. */
const SENDER = /^[0-9a-f]{18}$/

/**
 * LISTEN on a connection of its own. It proves itself by messages to a channel of this process alone, sent
 * the way all others are: through a pooler LISTEN seems to work and nothing ever arrives, and a connection
 * may die without a word.
 *
 * @param channel by its name, and quoted as SQL wants it
 * @param notify sends a message through the pool. @returns false where the database cannot
 */
export function createListener(
  open: () => Promise<ListenClient>,
  channel: { readonly quoted: string; readonly name: string },
  notify: (channel: string, payload: string) => Promise<boolean>,
  hooks: ListenerHooks,
): Listener {
  /** Whom our messages are from, so that we do not hear them ourselves. */
  const self = randomBytes(9).toString('hex')
  const pingChannel = `pawl_ping_${self}`
  const closing = new AbortController()
  let wait = FIRST_PAUSE
  let connected = false
  /** Gives the present connection up. */
  let drop: () => void = () => {}
  /** Messages to ourselves that are under way, by payload. */
  const awaited = new Map<string, () => void>()

  function onNotification({ channel: on, payload = '' }: { channel: string; payload?: string }): void {
    if (on === pingChannel) awaited.get(payload)?.()
    else if (payload !== '' && !SENDER.test(payload)) hooks.onForeign()
    else if (payload !== self) hooks.onChange()
  }

  async function listenOnce(): Promise<void> {
    const client = await open()
    if (closing.signal.aborted) return
    let begun = false
    const lost = new Promise<void>((resolve) => {
      drop = resolve
      client.on('error', resolve)
      client.on('end', resolve)
    })
    const begin = async (): Promise<void> => {
      await client.connect()
      client.on('notification', onNotification)
      await client.query(`listen ${channel.quoted}`)
      await client.query(`listen ${pingChannel}`)
      begun = true
    }
    try {
      await within(BEGIN_WITHIN, 'the listening connection', Promise.race([begin(), lost]))
      if (closing.signal.aborted) return
      if (!begun) throw new Error('the connection was lost before it listened')
      client.unref?.()
      connected = true
      hooks.onConnected()
      await lost
    } finally {
      connected = false
      await end(client)
    }
  }

  async function listen(): Promise<void> {
    while (!closing.signal.aborted) {
      let longest = LONGEST_PAUSE
      try {
        await listenOnce()
      } catch (error) {
        if (isUnsupported(error)) return
        longest = LONGEST_PAUSE_AWAY
      }
      await delay(wait * (0.5 + Math.random()), closing.signal)
      wait = Math.min(wait * 2, longest)
    }
  }

  const listening = listen()
  return {
    async ping(ms) {
      if (!connected) return false
      const payload = randomBytes(6).toString('hex')
      const dropThis = drop
      let sent = false
      let timer: NodeJS.Timeout | undefined
      const arrived = await new Promise<boolean>((resolve) => {
        awaited.set(payload, () => resolve(true))
        timer = setTimeout(() => resolve(false), ms)
        notify(pingChannel, payload).then(
          (can) => {
            sent = can
            if (!can) resolve(false)
          },
          () => resolve(false),
        )
      })
      clearTimeout(timer)
      awaited.delete(payload)
      if (arrived) wait = FIRST_PAUSE
      else if (sent) dropThis()
      return arrived
    },
    notify: () => notify(channel.name, self),
    async close() {
      closing.abort()
      drop()
      await listening
    },
  }
}

/** Says goodbye, but not for long. Keeps the process alive meanwhile: somebody waits for this. */
async function end(client: ListenClient): Promise<void> {
  const gone = new AbortController()
  const late = timeout(END_WITHIN, undefined, { signal: gone.signal }).catch(() => {})
  await Promise.race([client.end().catch(() => {}), late])
  gone.abort()
  client.connection?.stream?.destroy()
}
