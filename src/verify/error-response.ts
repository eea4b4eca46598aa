import { problemOf, problemReply } from '../http/problem.ts'
import { isSessionsError } from '../portable/errors.ts'

/**
 * Makes the response to an error of a verifier. It has the status and body of the application's own response, so that
 * clients know whether to refresh.
 * @returns null for any other error
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
