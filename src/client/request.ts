/** Whether a request of this method may be sent twice: a safe method changes nothing (RFC 9110 section 9.2.1). */
export function isSafe(method: string): boolean {
  return /^(get|head|options)$/i.test(method)
}

/** The absolute URL of an argument of `fetch`. Empty if `fetch` rejects it, for example a URL with a password. */
export function urlOf(input: Request | URL | string): string {
  try {
    // In jsdom, the `Request` is that of Node.js, which knows no page.
    const base = globalThis.document?.baseURI
    return (input as Partial<Request>).url ?? new Request(base ? new URL(input as string, base) : input).url
  } catch {
    return ''
  }
}

/** Whether `fetch` can send a body only once: a web stream, or a stream of Node.js. */
export function isStream(body: unknown): boolean {
  const object = Object(body)
  return 'getReader' in object || Symbol.asyncIterator in object
}

/** Whether an `Authorization` header carries a token. If it is the application's own, the server ignores cookies. */
export function isBearer(authorization: unknown): boolean {
  return /^bearer /i.test(`${authorization}`)
}

/** Whether a 401 has no readable body with its reason: the response to a HEAD, or one that the platform parses. */
export function hidesReason(method: string, responseType?: string): boolean {
  return /^head$/i.test(method) || /^(document|formdata)$/i.test(`${responseType}`)
}

/** Whether a redirect led to a response. The fragment of a URL is never sent, so it does not count. */
export function isRedirected(requestUrl: string, responseUrl: string): boolean {
  return responseUrl !== requestUrl.replace(/#.*/, '')
}
