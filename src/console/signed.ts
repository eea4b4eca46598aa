import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secrets } from '../core/keys/secrets.ts'
import type { ConsoleAction } from '../core/observability/session-events.ts'

/*
 * Parts of an address that only the console can have made, and only lately. A MAC keeps a link of somebody else from telling an
 * administrator that something has happened, and a form of somebody else from acting.
 */

/** Signed parts are accepted for this long, in ms. A bookmark does not repeat them. */
const LIFETIME = 10 * 60_000
const SIGNATURE = /^(\d{1,15})\.([\w-]{43})$/
const NOTICE = /^([a-z-]{1,20})\.(\d{1,10})\.(.+)$/

export interface ActionResult {
  readonly action: ConsoleAction
  readonly result: number
}

/** The result of an action, for the page that follows it. @param page the path of that page */
export function createNotice(
  secrets: Secrets,
  page: string,
  { action, result }: ActionResult,
  now: number,
): string {
  return `${action}.${result}.${sign(secrets, ['notice', page, action, `${result}`], now)}`
}

/** @returns null for none, a forged one, one of another page and an old one */
export function readNotice(
  secrets: Secrets,
  page: string,
  notice: string | null,
  now: number,
): ActionResult | null {
  const [, action = '', result = '', signature = ''] = NOTICE.exec(notice ?? '') ?? []
  return isSigned(secrets, ['notice', page, action, result], signature, now)
    ? { action: action as ConsoleAction, result: Number(result) }
    : null
}

/** An action, its target, and the administrator whom the console asks. */
export interface Question {
  readonly action: ConsoleAction
  readonly sessionId: string | null
  readonly userId: string | null
  readonly actor: string
}

/** Signs the form of a question. It may be sent several times. */
export function signQuestion(secrets: Secrets, question: Question, now: number): string {
  return sign(secrets, partsOf(question), now)
}

/** Whether the console has asked this question, within the last minutes. */
export function isAsked(secrets: Secrets, question: Question, signature: string, now: number): boolean {
  return isSigned(secrets, partsOf(question), signature, now)
}

type Parts = readonly (string | null)[]

function partsOf({ action, sessionId, userId, actor }: Question): Parts {
  return ['question', action, sessionId, userId, actor]
}

function sign([secret]: Secrets, parts: Parts, now: number): string {
  const at = Math.floor(now)
  return `${at}.${macOf(secret, parts, at).toString('base64url')}`
}

function isSigned(secrets: Secrets, parts: Parts, signature: string, now: number): boolean {
  const [, at, mac] = SIGNATURE.exec(signature) ?? []
  if (mac === undefined || Math.abs(now - Number(at)) > LIFETIME) return false
  const given = Buffer.from(mac, 'base64url')
  return secrets.some((secret) => timingSafeEqual(given, macOf(secret, parts, Number(at))))
}

function macOf(secret: Secrets[number], parts: Parts, at: number): Buffer {
  return createHmac('sha256', secret.csrf)
    .update(JSON.stringify(['console', at, ...parts]))
    .digest()
}
