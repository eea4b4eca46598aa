/** The test's application that a request is for; its server has said so in a header. */
export function applicationOf(headers) {
  return globalThis.nextApplications.get(headers.get('x-application'))
}
