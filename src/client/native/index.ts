export { type AppStateModule, checkWhenActive } from './check-when-active.ts'
export { type KeychainModule, keychainTokens } from './keychain.ts'
export type { NativeTokens } from './native-tokens.ts'
export { type SecureStoreModule, secureStoreTokens } from './secure-store.ts'
