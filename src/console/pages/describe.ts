import type { Session } from '../../core/session/session.ts'
import { isOwnReason, type OwnEndReason } from '../../portable/end-reason.ts'
import { deviceName } from '../device-name.ts'
import { type Html, html } from '../html.ts'
import { deviceIcon } from '../icons.ts'

/** Why a session ended, in a few words for lists and charts. The page of the session says more. */
const SHORT_REASONS: Readonly<Record<OwnEndReason, string>> = {
  logout: 'Signed out by the user',
  revoked: 'Revoked by the application, the console or an operator',
  reuse: 'Reuse: an old refresh token came back',
  idle: 'Expired: not used for too long',
  absolute: 'Expired: reached its longest life',
  replaced: 'Replaced by a new login in the same browser',
  limit: 'The user had too many sessions',
  rollback: 'The database had lost its last state',
  device: 'Not proven by its device',
}

/** @param reason as the row stores it */
export function shortReason(reason: string): string {
  if (isOwnReason(reason)) return SHORT_REASONS[reason]
  return reason === 'other' ? 'Ended by another program' : `Ended by another program: ${reason.slice(0, 80)}`
}

/** `Active`, or why the session ended. */
export function stateTag({ active, endReason }: Session): Html {
  if (active) return html`<span class="state active">Active</span>`
  if (endReason === 'reuse') return html`<span class="state bad">Reuse</span>`
  return html`<span class="state">${endReason === 'idle' || endReason === 'absolute' ? 'Expired' : 'Ended'}</span>`
}

/** The device by its user agent, which the title shows. */
export function deviceLabel(userAgent: string | null): Html {
  const { kind, name } = deviceName(userAgent)
  return html`${deviceIcon(kind)}<bdi title="${userAgent ?? 'No user agent is recorded'}">${name}</bdi>`
}

/** What proves that the session is on its device. */
export function boundTo({ device }: Session): string {
  if (device === null) return 'no'
  return { dbsc: 'by the browser', webcrypto: 'by a key of the page', native: 'by the app' }[device.kind]
}
