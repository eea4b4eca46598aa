/** The two tokens of a session in bearer mode. */
export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
}

/**
 * Where bearer mode keeps its tokens: Keychain, SecureStore, a file. Every method may return a promise,
 * which is waited for.
 *
 * @example
 * const tokens: TokenStorage = {
 *   load: async () => JSON.parse((await SecureStore.getItemAsync('session')) ?? 'null'),
 *   save: (tokens) => SecureStore.setItemAsync('session', JSON.stringify(tokens)),
 *   clear: () => SecureStore.deleteItemAsync('session'),
 * }
 */
export interface TokenStorage {
  /** What was saved last; null for nothing. */
  load(): Tokens | null | Promise<Tokens | null>
  /**
   * Keeps both, or throws and keeps what was there. A new access token is not used before this is done:
   * using it makes the old refresh token worthless, so the new one must survive a crash by then.
   */
  save(tokens: Tokens): unknown
  /** Forgets both. */
  clear(): unknown
}

/**
 * Tokens in memory, gone with the process: for tests, scripts and services.
 * @param tokens what to begin with. @defaultValue null
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
