/*
 * The parts of the native modules that this example uses. With their packages come 300 MB, so `npm run types` reads this instead,
 * and `npm run test:package` compiles the example with the types of the packages themselves. An app has no such file.
 */

declare module 'expo-secure-store' {
  export const AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: number
  interface Options {
    keychainAccessible?: number
  }
  export function getItemAsync(key: string, options?: Options): Promise<string | null>
  export function setItemAsync(key: string, value: string, options?: Options): Promise<void>
  export function deleteItemAsync(key: string, options?: Options): Promise<void>
}

declare module 'react-native' {
  import type { ComponentType, ReactNode } from 'react'

  export const AppState: {
    readonly currentState: string | null | undefined
    addEventListener(type: 'change', listener: (state: string) => void): { remove(): void }
  }
  export const Button: ComponentType<{ title: string; onPress: () => void }>
  export const Text: ComponentType<{ children?: ReactNode }>
  export const TextInput: ComponentType<{
    value: string
    onChangeText: (text: string) => void
    placeholder?: string
    autoCapitalize?: 'words'
  }>
  export const View: ComponentType<{ style?: object; children?: ReactNode }>
}
