import { createVerifier, errorResponse, type VerifyContext } from '../../src/verify/index.ts'

/** Defined by the bundler. */
declare const JWKS: string
declare const REVOCATIONS: string

// At the top of the module, where a Worker must not do I/O.
const verifier = createVerifier({ jwks: JWKS, revocations: REVOCATIONS, pollInterval: 1, timeout: 2 })

// biome-ignore lint/style/noDefaultExport: a Worker is a default export
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
