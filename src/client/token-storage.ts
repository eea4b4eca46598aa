/** The two tokens of a session in bearer mode. */
export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
}

/**
 * Keeps the tokens of bearer mode: in a keychain, a file. For React Native and Expo, `pawl/client/native` has storages. Every
 * method may return a promise, which the client awaits for at most 10 s. A method that takes longer counts as one that
 * threw: `load` and `save` fail the request, refresh or sign-in, and `clear` changes nothing. The client reports each as
 * `storage-failed`.
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
   * If it throws, requests fail as without a network, and the session stays as it was: a keychain may be locked for now. A
   * login still works.
   * @returns the tokens saved last; null if there are none, or if they are damaged for good
   */
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
