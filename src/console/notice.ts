import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secrets } from '../core/keys/secrets.ts'
import type { ConsoleAction } from '../core/observability/session-events.ts'

/*
 * The result of an action, in the address of the page that follows it. The MAC keeps a link of somebody else from telling an
 * administrator that something has happened.
 */

/** The result is shown for this long, in ms. A bookmark does not repeat it. */
const LIFETIME = 10 * 60_000
const NOTICE = /^([a-z-]{1,20})\.(\d{1,10})\.(\d{1,15})\.([\w-]{43})$/

export interface ActionResult {
  readonly action: ConsoleAction
  readonly result: number
}

/** @param page the path of the page that shows it */
export function createNotice(
  [secret]: Secrets,
  page: string,
  { action, result }: ActionResult,
  now: number,
): string {
  const text = `${action}.${result}.${Math.floor(now)}`
  return `${text}.${macOf(secret, page, text).toString('base64url')}`
}

/** @returns null for none, a forged one, one of another page and an old one */
export function readNotice(
  secrets: Secrets,
  page: string,
  notice: string | null,
  now: number,
): ActionResult | null {
  const [, action, result, at, mac] = NOTICE.exec(notice ?? '') ?? []
  if (mac === undefined || Math.abs(now - Number(at)) > LIFETIME) return null
  const given = Buffer.from(mac, 'base64url')
  const isGenuine = secrets.some((secret) =>
    timingSafeEqual(given, macOf(secret, page, `${action}.${result}.${at}`)),
  )
  return isGenuine ? { action: action as ConsoleAction, result: Number(result) } : null
}

function macOf(secret: Secrets[number], page: string, text: string): Buffer {
  return createHmac('sha256', secret.csrf)
    .update(JSON.stringify(['console', page, text]))
    .digest()
}
