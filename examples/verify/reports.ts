import { createServer, type Server } from 'node:http'
import { createVerifier, errorResponse } from 'pawl/verify'

/**
 * Another service. It has no database and no secret: it knows where the application is, and asks it now and then
 * for its public keys and for what it has revoked.
 */
export function createReports(application: string): Server {
  const verifier = createVerifier<{ name: string }>({
    jwks: `${application}/.well-known/jwks.json`,
    revocations: `${application}/session/revocations`,
    pollInterval: 1,
    // On localhost browsers send the application's cookie to every port; elsewhere the token comes as a bearer's.
    cookie: 'pawl-access',
  })

  async function answer(headers: Headers): Promise<Response> {
    try {
      const { claims, expiresAt } = await verifier.verifyRequest({ headers })
      return Response.json({ report: `Nothing new, ${claims.name}.`, until: expiresAt })
    } catch (error) {
      return errorResponse(error) ?? new Response(null, { status: 500 })
    }
  }

  return createServer(async (req, res) => {
    const response = await answer(new Headers(req.headers as Record<string, string>))
    res.writeHead(response.status, Object.fromEntries(response.headers))
    res.end(await response.text())
  })
}
