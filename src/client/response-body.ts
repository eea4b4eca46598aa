import type { BearerAnswer, CookieAnswer, ProblemBody } from '../wire/names.ts'

/** The body of a login or refresh response. In cookie mode every field is optional. */
export type SignInAnswer = Partial<CookieAnswer> | BearerAnswer

/** Whether Pawl wrote the body. A 401 of the application itself says nothing about the session. */
export function isProblem(body: unknown): body is ProblemBody {
  return !!(body as ProblemBody | undefined)?.code && (body as ProblemBody).refresh !== undefined
}

export function isSignInAnswer(body: unknown): body is SignInAnswer {
  return ((body as CookieAnswer | undefined)?.expiresIn ?? -1) >= 0
}

/** A response that can be cloned. The class of a `fetch` that is not the platform's, such as Expo's, may be unable to. */
export async function toCloneable(response: Response): Promise<Response> {
  return response instanceof Response
    ? response
    : new Response((await (response as Body).text()) || null, response)
}

/**
 * Parses a body as JSON. A response stays readable for the application.
 * @param body a response, parsed JSON, or anything that `Response` takes
 * @returns undefined if the body is not JSON
 */
export async function readJson(body: unknown): Promise<unknown> {
  try {
    if (!(body instanceof Response))
      return isProblem(body) ? body : await new Response(body as BodyInit).json()
    // A body of another type may be large or endless, so it is not read.
    if (/json/.test(body.headers.get('content-type')!)) return await body.clone().json()
  } catch {}
  return undefined
}
