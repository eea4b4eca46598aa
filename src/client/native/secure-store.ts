import { type NativeTokens, nativeTokens } from './native-tokens.ts'

/** The part of the module `expo-secure-store` that {@link secureStoreTokens} uses. */
export interface SecureStoreModule {
  /** An entry can be read from the first unlock after a restart of the device on, and never on another device. */
  readonly AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: number
  /** Reads an entry. */
  getItemAsync(key: string, options?: { keychainAccessible?: number }): Promise<string | null>
  /** Writes an entry. */
  setItemAsync(key: string, value: string, options?: { keychainAccessible?: number }): Promise<void>
  /** Removes an entry. */
  deleteItemAsync(key: string, options?: { keychainAccessible?: number }): Promise<void>
}

/**
 * Makes a storage of tokens by `expo-secure-store`: in the keychain of iOS, encrypted by the keystore of Android. It splits
 * long values into parts. A crash during a write leaves the previous tokens. The app can read them in the background, once
 * the device was unlocked after a restart. A backup does not carry them to another device.
 *
 * @param SecureStore the module
 * @param name the name of the entries, for an app with several sessions; `pawl.session` by default
 * @throws TypeError if the name is not 1 to 100 letters, digits, dots, hyphens and underscores
 *
 * @example
 * import * as SecureStore from 'expo-secure-store'
 *
 * const tokens = secureStoreTokens(SecureStore)
 * const client = createSessionClient({ baseUrl: 'https://api.example.com', tokens })
 */
export function secureStoreTokens(SecureStore: SecureStoreModule, name = 'pawl.session'): NativeTokens {
  const options = { keychainAccessible: SecureStore.AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY }
  return nativeTokens(
    SecureStore,
    {
      // Expo SDK 54 and older warn above 2,048 bytes, and some Android devices lose what is longer than 4,000.
      capacity: 2048,
      read: (key) => SecureStore.getItemAsync(key, options),
      write: (key, value) => SecureStore.setItemAsync(key, value, options),
      remove: (key) => SecureStore.deleteItemAsync(key, options),
      retire: (key) => SecureStore.deleteItemAsync(key, options),
    },
    name,
  )
}
