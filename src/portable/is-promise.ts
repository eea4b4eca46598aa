/** Also true for a promise of another library, and for a native one after an application has replaced the global `Promise`. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
