import type { RequestListener } from 'node:http'

/** A server whose `GET /me` answers who is signed in, and the Cookie header of somebody who is. */
export interface Kind {
  readonly listener: RequestListener
  /** Absent: it has no sessions. */
  readonly cookie?: string
}

export const USER = 'user-1'
export const CLAIMS = { role: 'user' }
