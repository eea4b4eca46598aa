import type { KeychainModule, SecureStoreModule } from '../../../src/client/native/index.ts'

/** What happens at an operation: it fails before or after it has taken effect, or the process dies at that point. */
export type Fault = 'fails' | 'fails late' | 'dies' | 'dies halfway' | 'dies late'

/** The keychain of a device, which outlives the processes of an app. */
export interface Device {
  readonly entries: Map<string, string>
  /** The `kSecAttrAccessible` of each entry. */
  readonly accessible: Map<string, unknown>
  /** Every call, of every process. */
  readonly log: string[]
  /** From this call on, counted from 0, something happens. */
  fault: { readonly at: number; readonly kind: Fault } | undefined
  /** Whether reads fail with the error of iOS before the first unlock. */
  locked: boolean
}

export function createDevice(): Device {
  return { entries: new Map(), accessible: new Map(), log: [], fault: undefined, locked: false }
}

/** A process of the app: all of its calls after its death never settle and change nothing. */
function createProcess(device: Device) {
  let dead = false
  const never = new Promise<never>(() => {})
  return async <T>(name: string, steps: readonly (() => T)[]): Promise<T> => {
    if (dead) return never
    // A native module answers in a later turn.
    await Promise.resolve()
    const { fault } = device
    const kind = fault && device.log.length === fault.at ? fault.kind : undefined
    device.log.push(name)
    const die = (): Promise<never> => {
      dead = true
      return never
    }
    if (kind === 'fails') throw new Error('The keychain failed')
    if (kind === 'dies') return die()
    let result!: T
    for (const step of steps) {
      result = step()
      if (kind === 'dies halfway') return die()
    }
    if (kind === 'fails late') throw new Error('The keychain failed after all')
    return kind === 'dies late' ? die() : result
  }
}

const LOCKED = (): Error => new Error('User interaction is not allowed.')

/** `expo-secure-store` in a new process: keys of few characters, values of at most 2,048 bytes. */
export function fakeSecureStore(device: Device): SecureStoreModule {
  const call = createProcess(device)
  const check = (key: string): void => {
    if (!/^[\w.-]+$/.test(key)) throw new Error(`Invalid key provided to SecureStore: ${key}`)
  }
  return {
    AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: 1,
    async getItemAsync(key) {
      check(key)
      return call(`get ${key}`, [
        () => {
          if (device.locked) throw LOCKED()
          return device.entries.get(key) ?? null
        },
      ])
    },
    async setItemAsync(key, value, options) {
      check(key)
      if (Buffer.byteLength(value) > 2048) throw new Error('Value is larger than 2048 bytes')
      return call(`set ${key}`, [
        () => {
          if (device.locked) throw LOCKED()
          // An update leaves the accessibility of the entry as it was.
          if (!device.entries.has(key)) device.accessible.set(key, options?.keychainAccessible)
          device.entries.set(key, value)
        },
      ])
    },
    async deleteItemAsync(key) {
      check(key)
      return call(`delete ${key}`, [() => void device.entries.delete(key)])
    },
  }
}

/** `react-native-keychain` in a new process. As on iOS, it deletes an entry before it writes it anew. */
export function fakeKeychain(device: Device): KeychainModule<string> {
  const call = createProcess(device)
  return {
    ACCESSIBLE: { AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: 'AccessibleAfterFirstUnlockThisDeviceOnly' },
    getGenericPassword: ({ service }) =>
      call(`get ${service}`, [
        () => {
          if (device.locked) throw LOCKED()
          const password = device.entries.get(service)
          return password === undefined ? false : { password }
        },
      ]),
    setGenericPassword: (username, password, { service, accessible }) =>
      call<unknown>(`set ${service}`, [
        () => device.entries.delete(service),
        () => {
          if (device.locked || !username || !password) throw LOCKED()
          device.accessible.set(service, accessible)
          device.entries.set(service, password)
          return { service }
        },
      ]),
    resetGenericPassword: ({ service }) =>
      call<boolean>(`delete ${service}`, [() => device.entries.delete(service) || true]),
  }
}
