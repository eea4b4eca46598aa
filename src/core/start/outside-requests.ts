import { AsyncResource } from 'node:async_hooks'

/** The asynchronous context of loading this module, which belongs to no request. */
const resource = new AsyncResource('pawl')

/** Runs work without passing the asynchronous context of a request on to the background work that it starts. */
export function outsideRequests<T>(work: () => T): T {
  return resource.runInAsyncScope(work)
}
