import { createSessionClient as createUnchecked, type SessionClient } from './client.ts'
import type { SessionClientOptions } from './options.ts'

/*
 * `pawl/client` under the condition `development`, which bundlers set for a development server. It checks names of options,
 * for which the production build has no room.
 */

export * from './index.ts'

/** Every option, which the compiler compares with the type. */
const NAMES: Readonly<Record<keyof SessionClientOptions, true>> = {
  baseUrl: true,
  path: true,
  fetch: true,
  csrf: true,
  overlap: true,
  tokens: true,
  user: true,
  onProblem: true,
}

/** As `createSessionClient`. @throws TypeError for an unknown option */
export function createSessionClient<User = unknown>(
  options: SessionClientOptions<User> = {},
): SessionClient<User> {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(NAMES, name))
      throw new TypeError(
        `\`createSessionClient\` does not take \`${name}\`. It takes ${Object.keys(NAMES).join(', ')}.`,
      )
  }
  return createUnchecked(options)
}
