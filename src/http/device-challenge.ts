import { NONCE_HEADER } from '../wire/names.ts'
import { challengeHeader } from './dbsc.ts'
import type { Header } from './exchange.ts'
import type { IncomingRequest } from './incoming-request.ts'

/** The challenge of the next proof, for whoever makes it: the browser itself, its script or an app. */
export function challengeHeaders<C extends object, D>(
  { transport }: IncomingRequest<C, D>,
  sessionId: string,
  challenge: string | null,
): Header[] {
  if (challenge === null) return []
  const nonce: Header = [NONCE_HEADER, challenge]
  return transport === 'bearer' ? [nonce] : [nonce, challengeHeader(sessionId, challenge)]
}
