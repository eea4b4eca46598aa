import { channel } from 'node:diagnostics_channel'
import type { EventName, SessionEvents } from './session-events.ts'

/**
 * Publishes an event on the channel named `pawl:` and the event, for subscribers without access to the `Sessions`.
 * If a subscriber throws, Node reports an uncaught exception; the request goes on.
 */
export function publish<Name extends EventName>(name: Name, event: SessionEvents[Name]): void {
  const subscribed = channel(`pawl:${name}`)
  if (subscribed.hasSubscribers) subscribed.publish(event)
}
