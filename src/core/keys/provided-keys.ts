import { check } from '../../portable/options/check.ts'
import { type ProvidedKey, type SigningKey, signingKeyFromProvided } from './signing-key.ts'

/**
 * A function that returns the application's signing keys; the first one signs. Pawl calls it at the start, every minute, for
 * `keys.rotate()`, and for a token with an unknown `kid` (at most every 10 seconds). If it fails after the start or takes
 * longer than 10 seconds, the last keys stay in use.
 */
export type ProvidedKeySource = () => readonly ProvidedKey[] | Promise<readonly ProvidedKey[]>

/** The first key signs, all verify. */
export type ProvidedSigningKeys = readonly [SigningKey, ...SigningKey[]]

export const PROVIDED_KEYS =
  'a non-empty array of `{ kid, algorithm, key }` or `{ kid, algorithm, publicKey, sign }`'

/** @throws InvalidOptionsError */
export function checkProvidedKeys(option: string, value: unknown): ProvidedSigningKeys {
  if (!Array.isArray(value) || value.length === 0) return check.fail(option, value, PROVIDED_KEYS)
  const keys = (value as readonly ProvidedKey[]).map((key, index) =>
    signingKeyFromProvided(key, `${option}[${index}]`),
  )
  if (new Set(keys.map(({ kid }) => kid)).size !== keys.length)
    return check.fail(option, value, 'keys with distinct `kid`s')
  return keys as unknown as ProvidedSigningKeys
}
