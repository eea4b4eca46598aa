import { EventEmitter } from 'node:events'
import type { ListenClient } from '../driver.ts'
import { channelOf } from './shared-listen-client.ts'

/**
 * Subscribes to one channel.
 * @param onLost called when messages may have been lost
 * @returns a function that ends the subscription
 */
export type Subscribe = (
  channel: string,
  onMessage: (payload: string) => void,
  onLost: () => void,
) => Promise<() => Promise<unknown>>

/** A client for LISTEN on a driver that has its own way to subscribe to a channel. */
export function channelClient(subscribe: Subscribe): ListenClient {
  const events = new EventEmitter()
  // A client that nobody listens to yet must not end the process.
  events.on('error', () => {})
  const ends: (() => Promise<unknown>)[] = []
  return {
    connect: async () => {},
    async query(text) {
      const channel = channelOf(text)!
      const end = await subscribe(
        channel,
        (payload) => events.emit('notification', { channel, payload }),
        () => events.emit('end'),
      )
      ends.push(end)
    },
    async end() {
      await Promise.all(ends.splice(0).map((end) => end()))
    },
    on: (event: string, listener: (...parameters: never[]) => void) =>
      events.on(event, listener as (...parameters: unknown[]) => void),
  }
}
