import type { DeviceKind } from '../portable/device-kind.ts'
import { NONCE_HEADER } from '../wire/names.ts'
import { challengeHeader } from './dbsc.ts'
import type { Header } from './exchange.ts'

/** The challenge of the next proof, for whoever makes it: the browser itself, its script or an app. */
export function challengeHeaders(
  sessionId: string,
  challenge: string | null,
  kind: DeviceKind | undefined | null,
): Header[] {
  if (challenge === null) return []
  return [kind === 'dbsc' ? challengeHeader(sessionId, challenge) : [NONCE_HEADER, challenge]]
}
