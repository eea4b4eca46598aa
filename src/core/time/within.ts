import { TryAgainError } from '../../portable/errors.ts'
import { delay } from './delay.ts'

/**
 * Waits for work of the application, but no longer than `ms` milliseconds. The work itself goes on.
 * @param name of the callback, for the message
 * @throws TryAgainError if it takes longer
 */
export async function within<T>(ms: number, name: string, work: T | Promise<T>): Promise<T> {
  const settled = new AbortController()
  try {
    return await Promise.race([
      work,
      delay(ms, settled.signal).then(() => {
        throw new TryAgainError(1, `${name} took longer than ${ms} ms`)
      }),
    ])
  } finally {
    settled.abort()
  }
}
