import { problemOf, problemReply } from '../http/problem.ts'
import { isSessionsError } from '../portable/errors.ts'

/**
 * The response to an error of a verifier. It equals the application's response, so that clients know whether to
 * refresh. `null` for any other error.
 */
export function errorResponse(error: unknown): Response | null {
  const problem = isSessionsError(error) ? problemOf(error) : null
  if (problem === null) return null
  const { status, headers, body } = problemReply(problem, true)
  return new Response(body as string, {
    status,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
  })
}
