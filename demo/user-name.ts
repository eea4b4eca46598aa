export const MAX_NAME_LENGTH = 40

/** @returns the name on one line, without control characters; null if nothing is left */
export function cleanUserName(input: unknown): string | null {
  if (typeof input !== 'string') return null
  const name = input.normalize('NFKC').replace(/\p{C}/gu, '').replace(/\s+/g, ' ').trim()
  return name === '' ? null : [...name].slice(0, MAX_NAME_LENGTH).join('')
}
