import { createServer, type Server } from 'node:http'
import { createVerifier, errorResponse } from 'pawl/verify'

/**
 * Another service, without database and secret. It polls the application for its public keys and for the
 * revoked sessions.
 */
export function createReports(application: string): Server {
  const verifier = createVerifier<{ name: string }>({
    jwks: `${application}/.well-known/jwks.json`,
    revocations: `${application}/session/revocations`,
    pollInterval: 1,
    // Browsers send the cookies of localhost to every port. Elsewhere the service gets a bearer token.
    cookie: 'pawl-access',
  })

  async function handle(headers: Headers): Promise<Response> {
    try {
      const { claims, expiresAt } = await verifier.verifyRequest({ headers })
      return Response.json({ report: `Nothing new, ${claims.name}.`, until: expiresAt })
    } catch (error) {
      return errorResponse(error) ?? new Response(null, { status: 500 })
    }
  }

  return createServer(async (req, res) => {
    const response = await handle(new Headers(req.headers as Record<string, string>))
    res.writeHead(response.status, Object.fromEntries(response.headers))
    res.end(await response.text())
  })
}
