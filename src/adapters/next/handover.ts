import { randomUUID } from 'node:crypto'
import type { PendingCookies } from '../../http/response-cookies.ts'

/** The header that names the cookies which the proxy has left for a route or an action. */
export const HANDOVER_HEADER = 'pawl-handover'

/**
 * Passes cookies that the proxy has renewed to the route or action that answers. Only the latter knows when its
 * response begins. The cookies stay in the process, because request headers may leave it.
 */
export interface Handover {
  /** @returns the id for {@link take} */
  leave(cookies: PendingCookies): string
  /** Can be taken once; null if there is nothing. */
  take(id: string | null): PendingCookies | null
}

export function createHandover(now: () => number): Handover {
  const left = new Map<string, PendingCookies>()
  return {
    leave(cookies) {
      // Cookies that were not taken in time must not be set any more.
      for (const [id, { until }] of left) if (until < now()) left.delete(id)
      const id = randomUUID()
      left.set(id, cookies)
      return id
    },
    take(id) {
      const cookies = id === null ? undefined : left.get(id)
      if (id !== null) left.delete(id)
      return cookies ?? null
    },
  }
}
