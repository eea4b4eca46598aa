/** The application of the test that sent a request. Its server names it in a header. */
export function applicationOf(headers) {
  return globalThis.nextApplications.get(headers.get('x-application'))
}
