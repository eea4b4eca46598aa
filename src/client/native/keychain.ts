import { type NativeTokens, nativeTokens } from './native-tokens.ts'

/** What {@link keychainTokens} uses of the module `react-native-keychain`. */
export interface KeychainModule<Accessible> {
  readonly ACCESSIBLE: { readonly AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: Accessible }
  getGenericPassword(options: { service: string }): Promise<false | { readonly password: string }>
  setGenericPassword(
    username: string,
    password: string,
    options: { service: string; accessible: Accessible },
  ): Promise<unknown>
  resetGenericPassword(options: { service: string }): Promise<unknown>
}

/**
 * Keeps tokens with `react-native-keychain`: in the keychain of iOS, encrypted by the keystore of Android. A crash during a write
 * leaves the previous tokens. They can be read in the background, from the first unlock after a restart of the device
 * on. A backup does not carry them to another device.
 *
 * @param Keychain the module
 * @param name of the services, for an app with several sessions. @defaultValue 'pawl.session'
 * @throws TypeError if the name has other characters than letters, digits, dots, hyphens and underscores
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
