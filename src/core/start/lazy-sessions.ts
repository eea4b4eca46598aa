import type { ClaimsObject } from '../../portable/claims.ts'
import { check } from '../../portable/options/check.ts'
import type { Sessions } from '../api.ts'
import { nameSource, openFunction } from './sessions-source.ts'

/** A function that makes the sessions at its first call, and then returns them. Every adapter accepts it. */
export interface LazySessions<Claims extends object = ClaimsObject, Data = unknown> extends AsyncDisposable {
  /**
   * Returns the sessions. Concurrent calls share one attempt to make them. After a failure a later call tries again, at the
   * earliest after a pause that grows to 8 seconds.
   * @throws the error of the attempt
   * @throws TypeError if the sessions are closed, or the function has returned something else
   */
  (): Promise<Sessions<Claims, Data>>
  /** Closes the sessions if the function has made them. Later calls throw a TypeError. */
  close(): Promise<void>
}

/** The options of {@link lazySessions}. */
export interface LazySessionsOptions {
  /**
   * A name for the sessions, 1 to 255 characters. A dev server loads a module again after each edit, and Pawl then closes the
   * earlier sessions of the same name. Set it if a bundler puts several such modules into one file.
   * @defaultValue the file of the caller, and the order of the calls in it
   */
  readonly key?: string
}

/**
 * Makes the sessions when the first request or call needs them, not when the module is loaded.
 * @param make makes the sessions; it takes no parameters
 * @param options a name for the sessions, for dev servers
 *
 * @example
 * export const sessions = lazySessions(() => createSessions({ store: postgres({ … }), secret }))
 * export const withSession = fetchSessions(sessions)
 * const devices = await (await sessions()).list(userId)
 *
 * @throws TypeError if `make` is not a function, or has parameters
 * @throws InvalidOptionsError for an invalid `key`
 */
export function lazySessions<Claims extends object = ClaimsObject, Data = unknown>(
  make: () => Sessions<Claims, Data> | PromiseLike<Sessions<Claims, Data>>,
  { key }: LazySessionsOptions = {},
): LazySessions<Claims, Data> {
  if (key !== undefined) check.text('key', key)
  const starting = openFunction(make, 'lazySessions', key ?? null)
  const close = (): Promise<void> => starting.close()
  const lazy = Object.assign(() => starting.get(), { close, [Symbol.asyncDispose]: close })
  nameSource(lazy, starting)
  return lazy
}
