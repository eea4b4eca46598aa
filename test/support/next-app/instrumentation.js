export function onRequestError(error, request) {
  globalThis.nextApplications.get(request.headers['x-application'])?.errors.push(error)
}
