import type { Sessions } from '../core/api.ts'
import type { Engine } from '../core/engine.ts'
import type { Session } from '../core/session/session.ts'
import { distance, time } from '../portable/format.ts'
import { isSessionId } from '../portable/session-id.ts'
import type { Activity } from './activity.ts'
import { type Html, html } from './html.ts'

/** The claims and data that the console shows, as the option `redact` returns them. */
export interface RedactedSession {
  /** The claims to show. */
  readonly claims: unknown
  /** The data to show. */
  readonly data: unknown
}

/** What a page needs to answer one request. */
export interface View {
  readonly sessions: Sessions
  readonly engine: Engine
  readonly activity: Activity
  readonly actor: string
  /** Whether actions are offered. */
  readonly mayAct: boolean
  /** The path of the console, empty for the root. */
  readonly base: string
  readonly query: URLSearchParams
  /** In ms. */
  readonly now: number
  readonly redact: ((session: Session) => RedactedSession | PromiseLike<RedactedSession>) | null
  /** Whether the process is `npx pawl console`, and none of the application. */
  readonly ofCommand: boolean
}

/** The content of a page. */
export interface Page {
  readonly title: string
  readonly main: Html
  /** @defaultValue 200 */
  readonly status?: number
  /** The entry of the navigation that is marked. */
  readonly section?: Section
}

/** Another place, instead of a page. */
export interface Redirect {
  readonly location: string
}

export type Section = 'overview' | 'users' | 'reuse' | 'history'

/** `?user=…` for a link; `null` leaves a parameter out. */
export function queryOf(parameters: Readonly<Record<string, string | number | null>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== null)
  return given.length === 0
    ? ''
    : `?${given.map(([name, value]) => `${name}=${encodeURIComponent(value!)}`).join('&')}`
}

export function userUrl({ base }: Pick<View, 'base'>, userId: string): string {
  return `${base}/user${queryOf({ id: userId })}`
}

export function sessionUrl({ base }: Pick<View, 'base'>, sessionId: string): string {
  return `${base}/sessions/${sessionId}`
}

/** `3 h ago`, with the exact time on hover. The script keeps it current. */
export function ago(at: Date | number, now: number): Html {
  const date = new Date(at)
  return html`<time datetime="${date.toISOString()}" title="${time(date)}" data-ago>${distance(date, new Date(now))}</time>`
}

/** `2026-11-23 20:54:55Z` */
export function exact(at: Date | number): Html {
  const date = new Date(at)
  return html`<time datetime="${date.toISOString()}">${time(date)}</time>`
}

/** A user id. Erased sessions have lost theirs. */
export function userName(userId: string): Html {
  return userId === '' ? html`<i>erased</i>` : html`<bdi class="id">${userId}</bdi>`
}

/** A link to a user. */
export function userLink(view: View, userId: string): Html {
  return userId === '' ? userName('') : html`<a href="${userUrl(view, userId)}">${userName(userId)}</a>`
}

/** A link to a session by the end of its id, which tells the sessions of one time apart. */
export function sessionLink(view: View, sessionId: string): Html {
  return html`<a class="id" href="${sessionUrl(view, sessionId)}" title="${sessionId}">…${sessionId.slice(-12)}</a>`
}

/** The year 9999 is the last one that ISO 8601 writes with four digits, as PostgreSQL reads it. */
const END_OF_TIME = Date.UTC(9999, 0)

/** Whether a session may have been alive then. In ms. */
export function isTime(at: number): boolean {
  return at >= 0 && at < END_OF_TIME
}

/** The position after which a page continues: `<ms>.<session id>`. Anything else is the first page. */
export function readPosition(text: string | null): { at: number; id: string } | null {
  const [, at, id] = /^(\d{1,15})\.(.{36})$/.exec(text ?? '') ?? []
  return isTime(Number(at)) && isSessionId(id) ? { at: Number(at), id } : null
}
