import { type Channel, channel } from 'node:diagnostics_channel'
import type { EventName, SessionEvents } from './session-events.ts'

/** Publishes an event to whoever subscribes to its channel in this process, without needing the `Sessions`. */
export type Publish = <Name extends EventName>(name: Name, event: SessionEvents[Name]) => void

/**
 * Every event on a channel of `node:diagnostics_channel` named after it: `pawl:reused`. A subscriber that
 * throws is Node's to report, as an uncaught exception after the request went on.
 */
export function createPublish(): Publish {
  const channels = new Map<EventName, Channel>()
  return (name, event) => {
    let found = channels.get(name)
    if (found === undefined) {
      found = channel(`pawl:${name}`)
      channels.set(name, found)
    }
    if (found.hasSubscribers) found.publish(event)
  }
}
