/**
 * Checked by the compiler, never run. Each `@ts-expect-error` is a mistake that must not compile.
 */
import { expressSessions } from '../../src/adapters/express/index.ts'
import { nextSessions } from '../../src/adapters/next/index.ts'
import type { Sessions } from '../../src/index.ts'
import { type Protocol, type SupertokensOptions, supertokens } from '../../src/supertokens/index.ts'

declare const sessions: Sessions

export function protocolsAreTyped(): void {
  const options: SupertokensOptions = { apiBasePath: '/auth' }
  const protocol: Protocol = supertokens(options)
  expressSessions(sessions, { protocol })
  nextSessions(sessions, { protocol: supertokens() })
  // @ts-expect-error the function itself, without its call
  expressSessions(sessions, { protocol: supertokens })
  // @ts-expect-error an unknown option
  supertokens({ basePath: '/auth' })
  // @ts-expect-error a path is a text
  supertokens({ apiBasePath: ['/auth'] })
}
