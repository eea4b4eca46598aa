import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { InvalidOptionsError } from '../../portable/errors.ts'
import { createMac, type Mac } from './hmac.ts'

/** An upper bound for the inputs of the MACs. */
const MAX_RECORD_BYTES = 128

/** The keys derived from one value of the option `secret`: one for each use, by HKDF (RFC 5869) with its own label. */
export interface Secret {
  /** Identifies the secret in a token and reveals nothing about it. */
  readonly id: number
  /** MACs refresh tokens. */
  readonly refresh: Mac
  /** Wraps signing keys. */
  readonly wrap: KeyObject
  /** MACs challenges for a device and device cookies. */
  readonly device: Mac
  /** MACs handoff codes. */
  readonly handoff: Mac
  /** MACs CSRF tokens. */
  readonly csrf: KeyObject
  /** MACs the address and user agent that an access token was issued to. */
  readonly context: KeyObject
}

/** The first secret makes new tokens. Tokens of all of them are accepted. */
export type Secrets = readonly [Secret, ...Secret[]]

/**
 * @param realm the name of the schema, so that installations with the same secret and other schemas have other keys
 * @throws InvalidOptionsError when a secret is missing, malformed or too weak, or given twice
 */
export function deriveSecrets(
  option: string | Uint8Array | readonly (string | Uint8Array)[] | undefined,
  realm: string,
): Secrets {
  const values = typeof option === 'string' || option instanceof Uint8Array ? [option] : option
  if (!Array.isArray(values) || values.length === 0) {
    throw new InvalidOptionsError(
      'secret',
      'option `secret` is missing; it takes 32 random bytes as base64url, base64 or hex, or an array of them; `npx pawl secret` makes one',
    )
  }
  const secrets = values.map((value, index) =>
    derive(decodeSecret(value, values.length > 1 ? `secret[${index}]` : 'secret'), realm),
  )
  if (new Set(secrets.map((secret) => secret.id)).size !== secrets.length) {
    throw new InvalidOptionsError(
      'secret',
      'option `secret` holds two secrets with the same id: the same secret twice or, rarely, two that collide; remove or replace one',
    )
  }
  return secrets as unknown as Secrets
}

function derive(secret: Uint8Array, realm: string): Secret {
  const bytes = (label: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', `pawl/v1/${label}/${realm}`, length))
  return {
    id: bytes('secret-id', 2).readUInt16BE(),
    refresh: createMac(bytes('refresh', 32), MAX_RECORD_BYTES),
    device: createMac(bytes('device', 32), MAX_RECORD_BYTES),
    handoff: createMac(bytes('handoff', 32), MAX_RECORD_BYTES),
    wrap: createSecretKey(bytes('wrap', 32)),
    csrf: createSecretKey(bytes('csrf', 32)),
    context: createSecretKey(bytes('context', 32)),
  }
}

/** Refuses passphrases: even a long one has far less than 256 bits of entropy. */
function decodeSecret(value: unknown, option: string): Uint8Array {
  const fail = (got: string): never => {
    throw new InvalidOptionsError(
      option,
      `option \`${option}\` got ${got}; it takes at least 32 random bytes as base64url, base64, hex or Uint8Array, not a passphrase; \`npx pawl secret\` makes one`,
    )
  }
  if (value instanceof Uint8Array)
    return looksRandom(value) ? value : fail('bytes that are too few or do not look random')
  if (typeof value !== 'string') return fail(`a value of type ${value === null ? 'null' : typeof value}`)
  if (value.length > 1024) return fail('a string of more than 1024 characters')
  const bytes = decodeText(value)
  if (bytes === null) return fail('a string in none of these encodings')
  if (bytes.length < 32) return fail(`only ${bytes.length} bytes`)
  // 43 random base64 characters lack upper or lower case with a probability of 4 in 10^10.
  if (!isHex(value) && !(/[a-z]/.test(value) && /[A-Z]/.test(value)))
    return fail('a value that does not look random')
  return looksRandom(bytes) ? bytes : fail('a value that does not look random')
}

function decodeText(text: string): Buffer | null {
  if (isHex(text)) return Buffer.from(text, 'hex')
  // Only the canonical encoding counts: most passphrases of these characters are not canonical.
  const plain = text.replace(/=+$/, '')
  for (const encoding of ['base64url', 'base64'] as const) {
    const bytes = Buffer.from(plain, encoding)
    if (bytes.toString(encoding).replace(/=+$/, '') === plain) return bytes
  }
  return null
}

const isHex = (text: string): boolean => text.length % 2 === 0 && /^(?:[0-9a-f]+|[0-9A-F]+)$/.test(text)

/** The probability that 32 random bytes have fewer than 20 distinct values is about 10^-9. */
function looksRandom(bytes: Uint8Array): boolean {
  return bytes.length >= 32 && new Set(bytes).size >= 20
}
