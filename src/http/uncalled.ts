/**
 * A function that makes middleware takes `...uncalled: undefined[]`. If it is mounted without its call, the compiler refuses it,
 * and the framework's arguments arrive here.
 * @param call how to write it
 * @throws TypeError if there are any
 */
export function assertCalled(call: string, uncalled: readonly unknown[]): void {
  if (uncalled.length > 0) throw new TypeError(`this is not a handler itself, it makes one. Call it: ${call}`)
}

/**
 * For a function that makes a handler of the application's. If it is mounted itself, its first argument is a request.
 * @param call how to write it
 * @throws TypeError for anything but a function
 */
export function assertHandler(call: string, handler: unknown): void {
  if (typeof handler !== 'function') throw new TypeError(`this takes your handler. Call it: ${call}`)
}
