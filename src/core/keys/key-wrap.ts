import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Secret, Secrets } from './secrets.ts'

/**
 * Signing keys are stored encrypted with AES-256-GCM under a key derived from `secret`. The additional data binds
 * each to its row, so a row that was moved, swapped or altered does not decrypt.
 *
 * Layout: version (1) | secret id (2) | nonce (12) | tag (16) | ciphertext.
 */
const VERSION = 1
const NONCE_AT = 3
const TAG_AT = 15
const TEXT_AT = 31

/** The row that a wrapped key is bound to. */
export interface KeyPlace {
  readonly realm: string
  readonly epoch: number
  readonly kid: string
  readonly algorithm: string
}

export function wrapKey(secret: Secret, place: KeyPlace, material: Uint8Array): Buffer {
  const nonce = randomBytes(TAG_AT - NONCE_AT)
  const cipher = createCipheriv('aes-256-gcm', secret.wrap, nonce).setAAD(additionalData(place))
  const text = Buffer.concat([cipher.update(material), cipher.final()])
  const head = Buffer.from([VERSION, secret.id >> 8, secret.id & 0xff])
  return Buffer.concat([head, nonce, cipher.getAuthTag(), text])
}

/** Whether this release knows the layout. */
export function isReadable(wrapped: Uint8Array): boolean {
  return wrapped[0] === VERSION
}

/** @returns `null` when none of the secrets decrypts it */
export function unwrapKey(secrets: Secrets, place: KeyPlace, wrapped: Uint8Array): Buffer | null {
  const bytes = Buffer.from(wrapped)
  if (bytes.length <= TEXT_AT || !isReadable(bytes)) return null
  const secret = secrets.find((candidate) => candidate.id === bytes.readUInt16BE(1))
  if (secret === undefined) return null
  const decipher = createDecipheriv('aes-256-gcm', secret.wrap, bytes.subarray(NONCE_AT, TAG_AT), {
    authTagLength: 16,
  })
    .setAAD(additionalData(place))
    .setAuthTag(bytes.subarray(TAG_AT, TEXT_AT))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(TEXT_AT)), decipher.final()])
  } catch {
    return null
  }
}

function additionalData(place: KeyPlace): Buffer {
  return Buffer.from(JSON.stringify([place.realm, place.epoch, place.kid, place.algorithm]))
}
