/** The two tokens of a session in bearer mode. */
export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
}

/**
 * Keeps the tokens of bearer mode: in a keychain, SecureStore, a file. Every method may return a promise, which the
 * client awaits for at most 10 s. A method that takes longer counts as one that threw: `load` leaves nobody signed in, `save`
 * fails the request or sign-in, and `clear` changes nothing. The client reports each as `storage-failed`.
 *
 * @example
 * const tokens: TokenStorage = {
 *   load: async () => JSON.parse((await SecureStore.getItemAsync('session')) ?? 'null'),
 *   save: (tokens) => SecureStore.setItemAsync('session', JSON.stringify(tokens)),
 *   clear: () => SecureStore.deleteItemAsync('session'),
 * }
 */
export interface TokenStorage {
  /** @returns the tokens saved last; null if there are none */
  load(): Tokens | null | Promise<Tokens | null>
  /**
   * Saves both tokens, or throws and leaves the previous ones in place. The client uses a new access token only after
   * that. Its use makes the old refresh token worthless, so the new one must survive a crash.
   */
  save(tokens: Tokens): unknown
  /** Removes both tokens. */
  clear(): unknown
}

/**
 * Keeps tokens in memory until the process ends: for tests, scripts and services.
 * @param tokens the first tokens. @defaultValue null
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
