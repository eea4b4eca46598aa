import { IncomingMessage } from 'node:http'
import type { OpenedRequest } from '../shared/attached-session.ts'

/** What Express adds to a request, as far as Pawl looks. */
export interface ExpressRequest extends IncomingMessage {
  readonly originalUrl?: string
  readonly protocol?: string
  readonly ip?: string
  readonly body?: unknown
  session?: unknown
}

/** Where the guards find what was opened, whoever else writes to `req.session`. */
const kept: unique symbol = Symbol('pawl.kept')

interface Holder {
  [kept]?: { readonly by: object; readonly opened: OpenedRequest }
}

/**
 * Express gives each request another prototype, and V8 with it a shape that no other request has: every property
 * put on one takes some 15 µs, 8 % of a request to an empty application, and a WeakMap twice that. So nothing is
 * put on it. What Pawl opened goes with the list of raw headers, an object that Node.js makes for each request, and
 * `req.session` is an accessor of Express' own prototype.
 */
export function keepOpened(request: ExpressRequest, opened: OpenedRequest): void {
  const list = listOf(request)
  const isFree = list !== undefined && (list[kept] === undefined || list[kept].by === request)
  // Not free where requests come from something that is not Node.js, and gives several of them one list.
  const holder: Holder = isFree ? list : (request as Holder)
  holder[kept] = { by: request, opened }
  // Somebody else's, or no Express.
  if (Object.hasOwn(request, 'session') || !readsSession(request)) request.session = opened.session
}

/** @returns undefined for a request that Pawl has not seen */
export function keptOf(request: object): OpenedRequest | undefined {
  return openedIn(listOf(request), request) ?? openedIn(request, request)
}

/** What was opened for the same request, or for the one it wraps. */
function openedIn(holder: Holder | undefined, request: object): OpenedRequest | undefined {
  const found = holder?.[kept]
  if (found === undefined) return undefined
  return found.by === request || Object.prototype.isPrototypeOf.call(found.by, request)
    ? found.opened
    : undefined
}

function listOf(request: object): Holder | undefined {
  return (request as { readonly rawHeaders?: Holder }).rawHeaders
}

/** Has requests of this kind of application read their session; once. @returns whether they do */
function readsSession(request: ExpressRequest): boolean {
  const prototype = Object.getPrototypeOf(request)
  if (sessionGetter in prototype) return true
  const ofExpress = prototypeOfExpress(prototype)
  if (ofExpress === null || 'session' in ofExpress) return false
  Object.defineProperties(ofExpress, {
    [sessionGetter]: { value: true },
    session: {
      configurable: true,
      get(this: object) {
        return keptOf(this)?.session
      },
      // Whoever writes to it gets a property of the request, as without Pawl.
      set(this: object, value: unknown) {
        Object.defineProperty(this, 'session', {
          value,
          configurable: true,
          enumerable: true,
          writable: true,
        })
      },
    },
  })
  return true
}

const sessionGetter: unique symbol = Symbol('pawl.session')

/** What the prototypes of all applications lead to, below Node's own: applications hand requests to each other. */
function prototypeOfExpress(from: object): object | null {
  let prototype = from
  for (;;) {
    const next: object | null = Object.getPrototypeOf(prototype)
    if (next === IncomingMessage.prototype) return prototype
    if (next === null) return null
    prototype = next
  }
}
