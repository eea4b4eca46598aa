/** Checked by the compiler, never run. Each `@ts-expect-error` is a mistake that must not compile. */
import type { Json, VerifiedSession as ServerSession, Sessions } from '../../src/index.ts'
import {
  createVerifier,
  isSessionsError,
  type VerifiedSession,
  type Verifier,
  type VerifierOptions,
} from '../../src/verify/index.ts'

interface Claims {
  role: 'admin' | 'user'
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_equal: Equal<A, B>): void => {}

declare const token: string
declare const request: Request
declare const sessions: Sessions<Claims, unknown>
const jwks = 'https://app.example.com/.well-known/jwks.json'

export async function claimsAreTyped(): Promise<void> {
  const verifier = createVerifier<Claims>({ jwks })
  same<typeof verifier, Verifier<Claims>>(true)
  const verified = await verifier.verify(token)
  same<typeof verified, VerifiedSession<Claims>>(true)
  same<typeof verified.claims.role, 'admin' | 'user'>(true)
  same<Awaited<ReturnType<typeof verifier.verifyRequest>>, VerifiedSession<Claims>>(true)
  // Both packages have the same type.
  same<VerifiedSession<Claims>, ServerSession<Claims>>(true)
  // @ts-expect-error an unknown claim
  verified.claims.plan
  // @ts-expect-error a verified session is read-only
  verified.userId = 'other'
  // @ts-expect-error `verify` returns a promise
  verifier.verify(token).userId
}

export async function withoutTypesClaimsAreAnyJsonObject(): Promise<void> {
  const { claims } = await createVerifier({ jwks }).verify(token)
  same<(typeof claims)['anything'], Json | undefined>(true)
}

export async function runtimeObjectsAreAccepted(
  context: { waitUntil(work: Promise<unknown>): void; passThroughOnException(): void },
  req: { headers: Record<string, string | string[] | undefined>; authorization: string | undefined },
): Promise<void> {
  const { verify, verifyRequest } = createVerifier({
    jwks: sessions.keys.jwks(),
    revocations: new URL('https://app.example.com/session/revocations'),
    fetch,
  })
  await verify(token, context)
  await verifyRequest(request, context)
  await verifyRequest({ headers: new Headers() })
  await verifyRequest({ headers: new Map([['authorization', req.authorization]]) })
  // @ts-expect-error a verifier does not check the address
  await verify(token, { ip: '192.0.2.1' })
  // @ts-expect-error a token is a string
  await verify(null)
}

export function optionsAreChecked(): VerifierOptions {
  // @ts-expect-error keys are required
  createVerifier({})
  // @ts-expect-error an unknown option
  createVerifier({ jwks, algorithms: ['EdDSA'] })
  // @ts-expect-error seconds must be a number
  createVerifier({ jwks, pollInterval: '5s' })
  // @ts-expect-error an unknown value
  createVerifier({ jwks, onStale: 'ignore' })
  // @ts-expect-error claims are an object
  createVerifier<string>({ jwks })
  return { jwks: { keys: [] }, onStale: 'refuse' }
}

export function codesDiscriminate(error: unknown): string {
  if (!isSessionsError(error)) return ''
  switch (error.code) {
    case 'ERR_SESSION_ENDED':
      return error.sessionId
    case 'ERR_ACCESS_TOKEN_EXPIRED':
      return error.reason
    case 'ERR_STORE_UNAVAILABLE':
      return String(error.retryAfter)
    default:
      // @ts-expect-error the other errors have no such field
      return error.sessionId
  }
}

/** Without a key set the verifier refuses to start. Without the others it would check less, and nobody would notice. */
export function onlyTheKeySetTakesVariablesOfTheEnvironment(variable: string | undefined): void {
  createVerifier({ jwks: variable })
  // @ts-expect-error an address that may be undefined
  createVerifier({ jwks, revocations: variable })
  // @ts-expect-error an audience that may be undefined
  createVerifier({ jwks, audience: variable })
}
