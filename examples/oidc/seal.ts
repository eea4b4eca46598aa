import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/** Encrypts and authenticates values that expire. */
export interface Seal<T> {
  seal(value: T): string
  /** @returns null if the text is forged or expired */
  open(text: string): T | null
}

const IV = 12
const TAG = 16

/**
 * AES-256-GCM with a key derived from `secret`.
 * @param purpose seals with different purposes cannot open each other's values
 * @param seconds until a value expires
 */
export function createSeal<T>(secret: string, purpose: string, seconds: number): Seal<T> {
  const key = new Uint8Array(hkdfSync('sha256', secret, '', `example: ${purpose}`, 32))

  return {
    seal(value) {
      const iv = randomBytes(IV)
      const cipher = createCipheriv('aes-256-gcm', key, iv)
      const text = JSON.stringify({ value, until: Date.now() + seconds * 1000 })
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')
    },
    open(text) {
      const bytes = Buffer.from(text, 'base64url')
      if (bytes.length < IV + TAG) return null
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV), { authTagLength: TAG })
        decipher.setAuthTag(bytes.subarray(IV, IV + TAG))
        const opened = Buffer.concat([decipher.update(bytes.subarray(IV + TAG)), decipher.final()])
        const { value, until } = JSON.parse(opened.toString()) as { value: T; until: number }
        return Date.now() < until ? value : null
      } catch {
        return null
      }
    },
  }
}
