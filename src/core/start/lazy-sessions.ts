import type { ClaimsObject } from '../../portable/claims.ts'
import { check } from '../../portable/options/check.ts'
import type { Sessions } from '../api.ts'
import { nameSource, openFunction } from './sessions-source.ts'

/** Sessions that are made at the first call. Every adapter takes it. */
export interface LazySessions<Claims extends object = ClaimsObject, Data = unknown> extends AsyncDisposable {
  /**
   * The sessions. Concurrent calls share one attempt to make them.
   * @throws the error of the attempt; a later call tries again, after repeated failures with a pause of up to 8 s
   */
  (): Promise<Sessions<Claims, Data>>
  /** Closes the sessions if the function has made them. They are not made again. */
  close(): Promise<void>
}

export interface LazySessionsOptions {
  /**
   * Names the sessions for dev servers that load a module again after each edit: those before the edit are closed. For
   * several in one process, if their module has no file of its own. @defaultValue the calling file, and the order in it
   */
  readonly key?: string
}

/**
 * Makes sessions when the first request or call needs them, not when the module is loaded.
 *
 * @example
 * export const sessions = lazySessions(() => createSessions({ store: postgres({ … }), secret }))
 * export const withSession = fetchSessions(sessions)
 * const devices = await (await sessions()).list(userId)
 *
 * @throws TypeError if `make` is no function without parameters
 * @throws InvalidOptionsError
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
