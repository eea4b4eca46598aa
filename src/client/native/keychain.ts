import { type NativeTokens, nativeTokens } from './native-tokens.ts'

/** The part of the module `react-native-keychain` that {@link keychainTokens} uses. */
export interface KeychainModule<Accessible> {
  /** When an entry can be read. */
  readonly ACCESSIBLE: {
    /** From the first unlock after a restart of the device on; never on another device. */
    readonly AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: Accessible
  }
  /** Reads an entry. */
  getGenericPassword(options: { service: string }): Promise<false | { readonly password: string }>
  /** Writes an entry. */
  setGenericPassword(
    username: string,
    password: string,
    options: { service: string; accessible: Accessible },
  ): Promise<unknown>
  /** Removes an entry. */
  resetGenericPassword(options: { service: string }): Promise<unknown>
}

/**
 * Makes a storage of tokens by `react-native-keychain`: in the keychain of iOS, encrypted by the keystore of Android. A crash
 * during a write leaves the previous tokens. The app can read them in the background, once the device was unlocked after a
 * restart. A backup does not carry them to another device.
 *
 * @param Keychain the module
 * @param name the name of the entries, for an app with several sessions; `pawl.session` by default
 * @throws TypeError if the name is not 1 to 100 letters, digits, dots, hyphens and underscores
 *
 * @example
 * import * as Keychain from 'react-native-keychain'
 *
 * const tokens = keychainTokens(Keychain)
 * const client = createSessionClient({ baseUrl: 'https://api.example.com', tokens })
 */
export function keychainTokens<Accessible>(
  Keychain: KeychainModule<Accessible>,
  name = 'pawl.session',
): NativeTokens {
  const accessible = Keychain.ACCESSIBLE.AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY
  const done = (result: unknown): void => {
    if (result === false) throw new Error('The keychain refused the entry')
  }
  // On iOS the module deletes an entry before it writes it anew.
  const write = async (service: string, value: string): Promise<void> =>
    done(await Keychain.setGenericPassword('pawl', value, { service, accessible }))
  return nativeTokens(
    Keychain,
    {
      capacity: Number.POSITIVE_INFINITY,
      read: async (service) => {
        const found = await Keychain.getGenericPassword({ service })
        return found ? found.password : null
      },
      write,
      remove: async (service) => done(await Keychain.resetGenericPassword({ service })),
      // On Android a removal deletes the key in the keystore, too, and the next write makes a new one.
      retire: (service) => write(service, '-'),
    },
    name,
  )
}
