import { createVerifier, errorResponse, type VerifyContext } from '../../src/verify/index.ts'

/** Put in when it is bundled. */
declare const JWKS: string
declare const REVOCATIONS: string

// Made when the module is loaded, where a Worker may not do anything yet.
const verifier = createVerifier({ jwks: JWKS, revocations: REVOCATIONS, pollInterval: 1, timeout: 0.5 })

// biome-ignore lint/style/noDefaultExport: what a Worker is
export default {
  async fetch(request: Request, _env: unknown, context: VerifyContext): Promise<Response> {
    const keepsAlive = !request.url.endsWith('/without-context')
    try {
      const session = await verifier.verifyRequest(request, keepsAlive ? context : undefined)
      return Response.json({ userId: session.userId, claims: session.claims })
    } catch (error) {
      return errorResponse(error) ?? new Response(String(error), { status: 500 })
    }
  },
}
