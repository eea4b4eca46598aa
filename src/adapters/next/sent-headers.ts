import { headers } from 'next/headers.js'
import { assertFramework } from '../shared/assert-framework.ts'

/** For messages. */
export const NEXT_VERSIONS = 'the App Router of Next 15 and 16'

/**
 * The headers of the request. At build time, reading them ends Next's attempt to render.
 * @throws TypeError before Next 15, where they are no promise
 */
export function sentHeaders(): ReturnType<typeof headers> {
  const sent = headers()
  assertFramework(typeof sent.then === 'function', 'nextSessions', NEXT_VERSIONS)
  return sent
}
