import { StoreUnavailableError } from '../portable/errors.ts'

/** The database did not answer in time. It may do what it was asked for all the same. */
export class AnswerTimeoutError extends StoreUnavailableError {}

/**
 * Stops waiting after `ms` milliseconds. Does not cancel the work.
 * @param describePool added to the message
 * @throws AnswerTimeoutError after `ms`
 */
export async function withTimeout<T>(
  ms: number,
  target: { readonly where: string },
  work: Promise<T>,
  describePool: () => string = () => '',
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `PostgreSQL at ${target.where} did not answer within ${ms / 1000} s${describePool()}.`
      reject(new AnswerTimeoutError(`${message} Check the server's load, its locks and the network.`))
    }, ms)
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}
