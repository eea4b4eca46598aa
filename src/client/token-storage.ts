/** The two tokens of a session in bearer mode. */
export interface Tokens {
  /** The access token. */
  readonly accessToken: string
  /** The refresh token. */
  readonly refreshToken: string
}

/**
 * The storage of the tokens of bearer mode, such as a keychain or a file. For React Native and Expo, use those of
 * `pawl/client/native`. Every method may return a promise, which the client awaits for at most 10 s. If `load` or `save`
 * throws or takes longer, the request, refresh or sign-in fails. If `clear` does, nothing changes. The client reports each
 * of them as `storage-failed`.
 *
 * @example
 * const tokens: TokenStorage = {
 *   load: async () => JSON.parse((await vault.read('session')) ?? 'null'),
 *   save: (tokens) => vault.write('session', JSON.stringify(tokens)),
 *   clear: () => vault.remove('session'),
 * }
 */
export interface TokenStorage {
  /**
   * Loads the tokens. If it throws, requests fail as without a network, and the session stays unchanged: the keychain may be
   * locked for now. A login still works.
   * @returns the tokens saved last; null if there are none, or if they are damaged for good
   */
  load(): Tokens | null | Promise<Tokens | null>
  /**
   * Saves both tokens, or throws and leaves the previous ones in place. The client uses a new access token only after this
   * method has returned. Its use makes the old refresh token worthless, so the new one must survive a crash.
   */
  save(tokens: Tokens): unknown
  /** Removes both tokens. */
  clear(): unknown
}

/**
 * Makes a storage that keeps the tokens in memory until the process ends: for tests, scripts and services.
 * @param tokens the first tokens, null by default
 */
export function memoryTokens(tokens: Tokens | null = null): TokenStorage {
  return {
    load: () => tokens,
    save(saved) {
      tokens = saved
    },
    clear() {
      tokens = null
    },
  }
}
