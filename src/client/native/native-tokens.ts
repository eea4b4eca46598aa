import { createTaskQueue, type RunAlone } from '../task-queue.ts'
import type { TokenStorage, Tokens } from '../token-storage.ts'
import { within } from '../within.ts'
import { type Entries, untilAborted } from './entries.ts'
import { createSecret, type Secret } from './secret.ts'

/** After this long, in ms, the user found last stands in for one that is still being loaded. */
const PATIENCE = 5000

/** The `user` option of a client. */
type LoadUser<User> = (fetch: typeof globalThis.fetch) => Promise<User | null>

/** The storage of tokens in the keychain of a device, and of the user to whom they belong. */
export interface NativeTokens extends TokenStorage {
  /**
   * Makes a function for the option `user` that also works without a network. If `load` throws or takes longer than 5 s, the
   * function returns the user that `load` last found for the stored session. Without stored tokens it returns null. If no
   * user is stored, it waits for `load`. The keychain holds the user as JSON, at most 32,000 characters. A sign-out removes
   * it.
   * @param load loads the user, as the option `user`
   *
   * @example
   * import * as SecureStore from 'expo-secure-store'
   *
   * const tokens = secureStoreTokens(SecureStore)
   * const client = createSessionClient({
   *   baseUrl: 'https://api.example.com',
   *   tokens,
   *   user: tokens.rememberUser(loadUser),
   * })
   */
  rememberUser<User>(load: LoadUser<User>): LoadUser<User>
}

/** One queue for each module: two storages with one name must not write at the same time. */
const queues = new WeakMap<object, RunAlone>()

/** @param module that the entries belong to */
export function nativeTokens(module: object, entries: Entries, name: string): NativeTokens {
  if (!/^[\w.-]{1,100}$/.test(name))
    throw new TypeError('`name` must be 1 to 100 letters, digits, dots, hyphens and underscores')
  const queue = queues.get(module) ?? createTaskQueue(undefined)
  queues.set(module, queue)

  /** Runs a task alone, for at most 10 s. A task that takes longer touches nothing any more. */
  const run = <T>(task: (stored: Secret, remembered: Secret) => Promise<T>): Promise<T> =>
    queue(() =>
      within((signal) => {
        const open = untilAborted(entries, signal)
        return task(createSecret(open, name), createSecret(open, `${name}.user`))
      }),
    )

  const ownerOf = async (stored: Secret): Promise<unknown> => {
    const tokens = parseTokens(await stored.read())
    return tokens && subjectOf(tokens.accessToken)
  }

  /** Keeps a user, unless the session has changed since the call that found it. */
  const remember = (owner: unknown, user: unknown): Promise<void> =>
    run(async (stored, remembered) => {
      if ((await ownerOf(stored)) !== owner) return
      if (user == null) return remembered.remove()
      const text = toAscii(JSON.stringify({ owner, user }))
      if ((await remembered.read()) !== text) await remembered.write(text)
    })

  /** @returns undefined if it cannot be said */
  const recall = (): Promise<unknown> =>
    run(async (stored, remembered) => {
      const owner = await ownerOf(stored)
      if (owner === null) return null
      const last = parse(await remembered.read()) as { owner?: unknown; user?: unknown } | null
      return owner && last?.owner === owner ? last.user : undefined
    })

  return {
    load: () => run(async (stored) => parseTokens(await stored.read())),
    save: ({ accessToken, refreshToken }) =>
      run((stored) => stored.write(toAscii(JSON.stringify({ accessToken, refreshToken })))),
    clear: () =>
      run(async (stored, remembered) => {
        try {
          await stored.remove()
        } finally {
          await remembered.remove()
        }
      }),
    rememberUser:
      <User>(load: LoadUser<User>): LoadUser<User> =>
      async (fetch) => {
        const owner = await run(ownerOf).catch(() => undefined)
        const finding = (async () => {
          const user = await load(fetch)
          // Best effort: the user is known without it.
          if (owner) void remember(owner, user).catch(() => {})
          return user
        })()
        try {
          return await within(() => finding, PATIENCE)
        } catch {
          const last = await recall().catch(() => undefined)
          return last === undefined ? finding : (last as User | null)
        }
      },
  }
}

/** Damaged tokens are none: only a sign-in helps. */
function parseTokens(text: string | null): Tokens | null {
  const { accessToken, refreshToken } = (parse(text) ?? {}) as Partial<Tokens>
  return typeof accessToken === 'string' && typeof refreshToken === 'string'
    ? { accessToken, refreshToken }
    : null
}

/** The user id in an access token. Undefined if there is none. Nothing is verified: it is compared with itself. */
function subjectOf(accessToken: string): unknown {
  try {
    const [, payload] = accessToken.split('.')
    return JSON.parse(atob(payload!.replaceAll('-', '+').replaceAll('_', '/'))).sub
  } catch {
    return undefined
  }
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return null
  }
}

/** The same JSON of characters of one byte each: the limits of a keychain count bytes. */
function toAscii(json: string): string {
  return json.replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
