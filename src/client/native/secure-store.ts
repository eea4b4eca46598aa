import { type NativeTokens, nativeTokens } from './native-tokens.ts'

/** What {@link secureStoreTokens} uses of the module `expo-secure-store`. */
export interface SecureStoreModule {
  readonly AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: number
  getItemAsync(key: string, options?: { keychainAccessible?: number }): Promise<string | null>
  setItemAsync(key: string, value: string, options?: { keychainAccessible?: number }): Promise<void>
  deleteItemAsync(key: string, options?: { keychainAccessible?: number }): Promise<void>
}

/**
 * Keeps tokens with `expo-secure-store`: in the keychain of iOS, encrypted by the keystore of Android. Values of any length are
 * split into parts, and a crash during a write leaves the previous tokens. They can be read in the background, from the
 * first unlock after a restart of the device on. A backup does not carry them to another device.
 *
 * @param SecureStore the module
 * @param name of the entries, for an app with several sessions. @defaultValue 'pawl.session'
 * @throws TypeError if SecureStore cannot have a key of that name
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
