const ALPHABET = /^[A-Za-z0-9_-]*$/

/**
 * Decodes base64url strictly: no padding, no other characters, and the unused bits of the last
 * character zero (RFC 4648 section 3.5), so that one value has one spelling.
 * @returns `null` when the text is anything else
 */
export function decodeBase64url(text: string): Buffer | null {
  if (text.length % 4 === 1 || !ALPHABET.test(text)) return null
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : null
}
