/**
 * Continues with a value at once, or with a promise when it resolves. Most requests have nothing to wait for, and
 * are handled before the middleware returns.
 */
export function whenReady<T, R>(value: T | Promise<T>, proceed: (value: T) => R): R | Promise<R> {
  return isPromise(value) ? value.then(proceed) : proceed(value)
}

/** Also true for a native promise after an application has replaced the global `Promise`. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
