/** A promise that the test resolves. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
}

export function defer<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve: (value) => resolve(value) }
}
