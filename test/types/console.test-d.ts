/**
 * Checked by the compiler, never run. Each `@ts-expect-error` is a mistake that must not compile.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Express, Request as ExpressRequest } from 'express'
import { requireSession, sessionOf } from '../../src/adapters/express/index.ts'
import type { SessionOf } from '../../src/adapters/hono/index.ts'
import {
  type ConsoleAccess,
  type ConsoleOptions,
  type SessionsConsole,
  sessionsConsole,
} from '../../src/console/index.ts'
import type { Sessions } from '../../src/index.ts'

declare const sessions: Sessions<{ role: string }>
declare const app: Express
declare const [req, res, request]: [IncomingMessage, ServerResponse, Request]
declare const session: SessionOf<typeof sessions>

export function accessIsRequired(): void {
  // @ts-expect-error no options
  sessionsConsole(sessions)
  // @ts-expect-error no `authorize`
  sessionsConsole(sessions, {})
  // @ts-expect-error a rule is a function
  sessionsConsole(sessions, { authorize: true })
  // @ts-expect-error a yes without who
  sessionsConsole(sessions, { authorize: () => true })
  // @ts-expect-error a yes without who
  sessionsConsole(sessions, { authorize: () => ({ readOnly: true }) })
  // @ts-expect-error an unknown option
  sessionsConsole(sessions, { authorize: () => null, readOnly: true })
}

export function mountsAreTyped(): void {
  const onExpress: SessionsConsole = sessionsConsole(sessions, {
    authorize(req: ExpressRequest): ConsoleAccess | null {
      const { role } = sessionOf(req, sessions).claims
      return role === 'admin' ? { actor: req.hostname, readOnly: true } : null
    },
  })
  app.use('/admin/sessions', requireSession(), onExpress)
  onExpress(req, res)
  const fetched: Promise<Response> = onExpress(request)
  // @ts-expect-error nothing was promised to `authorize`
  onExpress(request, session)

  const withSession = sessionsConsole(sessions, {
    authorize: async (_req, { claims }: SessionOf<typeof sessions>) =>
      claims.role === 'admin' ? { actor: 'ada' } : false,
    redact: ({ claims, data }) => ({ claims: { role: claims.role }, data: data === null }),
  })
  withSession(request, session)
  withSession(req, res, session)
  // @ts-expect-error not what `authorize` takes
  withSession(request, 'a session')
  const options: ConsoleOptions = { authorize: ({ headers }) => (headers.host ? { actor: 'ada' } : null) }
  sessionsConsole(() => Promise.resolve(sessions), options)
  void fetched
}
