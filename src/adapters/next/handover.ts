import { randomUUID } from 'node:crypto'
import type { PendingCookies } from '../../http/request-session.ts'

/** Tells a route or an action where the cookies are that the proxy has left for it. */
export const HANDOVER_HEADER = 'pawl-handover'

/**
 * Cookies that the proxy has renewed and that the route or action below it is to set: it knows when its
 * answer begins, and the proxy does not. They stay in the process, as request headers may leave it.
 */
export interface Handover {
  /** @returns the id to take them by */
  leave(cookies: PendingCookies): string
  /** Once; null when nothing is there. */
  take(id: string | null): PendingCookies | null
}

export function createHandover(now: () => number): Handover {
  const left = new Map<string, PendingCookies>()
  return {
    leave(cookies) {
      // Whoever does not take them in time cannot set them any more.
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
