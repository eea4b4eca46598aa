import type { KeyRing } from './key-ring.ts'
import type { SigningKey } from './signing-key.ts'

/** The array of the option `keys.provided`: the first one signs, all verify, and none rotates. */
export function createProvidedKeyRing(keys: readonly [SigningKey, ...SigningKey[]]): KeyRing {
  const byHeader = new Map(keys.map((key) => [key.header, key]))
  return {
    signer: async () => keys[0],
    find: (header) => byHeader.get(header),
    identify: (header) => byHeader.get(header),
    isUnusable: () => false,
    verifiesUntil: (header) => (byHeader.has(header) ? Number.POSITIVE_INFINITY : 0),
    revision: 0,
    reloadForUnknownKid() {},
    async reload() {},
    list: () => [],
    rotate: () =>
      Promise.reject(
        new TypeError(
          'keys of the option `keys.provided` do not rotate; change the option, or give a function that returns the keys',
        ),
      ),
    jwks: () => ({ keys: keys.flatMap((key) => (key.publicJwk === null ? [] : [key.publicJwk])) }),
  }
}
