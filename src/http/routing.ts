import type { RevocationSnapshot } from '../core/revocation/revocation-snapshot.ts'
import type { Reply } from './exchange.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { methodNotAllowed } from './reply.ts'
import { jwksRoute, logoutRoute, refreshRoute, resumeRoute, revocationsRoute } from './routes.ts'

const JWKS_PATH = '/.well-known/jwks.json'

/**
 * Answers Pawl's own routes; null for every other request.
 * @param takeSnapshot null if the application does not serve its revocations
 */
export function route<C extends object, D>(
  request: IncomingRequest<C, D>,
  takeSnapshot: (() => RevocationSnapshot) | null,
): Reply | Promise<Reply> | null {
  const { options, path } = request
  const { method } = request.exchange
  if (method === 'OPTIONS' || request.isHandshake) return null
  switch (path) {
    case `${options.path}/refresh`:
      if (method === 'POST') return refreshRoute(request)
      return method === 'GET' ? resumeRoute(request) : methodNotAllowed('POST')
    case `${options.path}/logout`:
      return method === 'POST' ? logoutRoute(request) : methodNotAllowed('POST')
    case JWKS_PATH:
      return isRead(method) && hasPublicKeys(request) ? jwksRoute(request) : null
    case `${options.path}/revocations`:
      if (takeSnapshot === null) return null
      return isRead(method) ? revocationsRoute(request, takeSnapshot) : methodNotAllowed('GET, HEAD')
    default:
      return null
  }
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

function hasPublicKeys<C extends object, D>({ sessions }: IncomingRequest<C, D>): boolean {
  return sessions.keys.jwks().keys.length > 0
}
