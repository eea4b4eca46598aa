/** In ms. A frozen node does not answer. */
const READ_WITHIN = 2000
const CHANGE_WITHIN = 30_000

/** @returns the body of the answer, parsed if it is JSON */
export async function callJson(port: number, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    signal: AbortSignal.timeout(method === 'GET' ? READ_WITHIN : CHANGE_WITHIN),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
