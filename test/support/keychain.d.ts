// The part of a native module that samples use and no package of the repository has. `examples/expo` declares the others.
declare module 'react-native-keychain' {
  export enum ACCESSIBLE {
    AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY = 'AccessibleAfterFirstUnlockThisDeviceOnly',
  }
  export function getGenericPassword(options?: { service?: string }): Promise<false | { password: string }>
  export function setGenericPassword(
    username: string,
    password: string,
    options?: { service?: string; accessible?: ACCESSIBLE },
  ): Promise<false | { service: string }>
  export function resetGenericPassword(options?: { service?: string }): Promise<boolean>
}
